import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** `#<bytes> <points>`, and the name's hash where the points have one. Longer lines are no header. */
const HEADER = /^#(\d{1,10}) (\d{1,10})(?: ([0-9a-f]{20}))?\n/;
const HEADER_BYTES = 48;

/** What is in a file of pieces. */
export interface PieceContent {
  /** Line protocol, times in ns. */
  readonly lines: Buffer;
  readonly points: number;
}

/**
 * A piece of line protocol as it lies in a file: after a line that says how long it is, so that a piece which a crash cut
 * off is seen and left out.
 */
export function pieceOf(lines: Buffer, points: number, name?: string): [header: Buffer, lines: Buffer] {
  const mark = name === undefined ? "" : ` ${hashName(name)}`;
  return [Buffer.from(`#${lines.length} ${points}${mark}\n`), lines];
}

/** Names of any length and script, as they are kept. */
export function hashName(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 20);
}

/** The whole pieces at the start of a file. */
export function readPieces(file: Buffer): PieceContent {
  const parts: Buffer[] = [];
  let points = 0;
  for (const piece of eachPiece(file)) {
    parts.push(file.subarray(piece.start, piece.end));
    points += piece.points;
  }
  return { lines: Buffer.concat(parts), points };
}

/** The hashed names of the whole pieces of a file; none when it cannot be read. */
export function listNames(path: string): string[] {
  try {
    return [...eachPiece(readFileSync(path))].flatMap(({ name }) => name ?? []);
  } catch {
    return [];
  }
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly points: number;
  readonly name: string | undefined;
}

function* eachPiece(file: Buffer): Generator<Piece> {
  for (let from = 0; from < file.length; ) {
    const header = HEADER.exec(file.toString("latin1", from, from + HEADER_BYTES));
    if (!header) return;
    const start = from + header[0].length;
    const end = start + Number(header[1]);
    if (end > file.length) return;
    yield { start, end, points: Number(header[2]), name: header[3] };
    from = end;
  }
}
