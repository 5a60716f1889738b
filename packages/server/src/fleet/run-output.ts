import { createHash } from "node:crypto";
import { toIso } from "@muster/core";
import type { OutputChunk } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { RunOutputTable } from "../store/schema.ts";
import type { Queries } from "../store/store.ts";
import type { RunRow } from "./run-rows.ts";
import type { OutputPiece, RunResult } from "./session.ts";

/** Larger pieces are split, so that a reader never has to take a megabyte at once. */
const PIECE_BYTES = 32_768;

/** What an agent may store beyond the limit of both streams before it is cut off: pieces do not end exactly at it. */
const SLACK_BYTES = 65_536;

/** More than this much was never left out; what an agent says beyond is not counted, so that sums stay whole numbers. */
const MAX_CUT_BYTES = 2 ** 50;
/** Places of one run at which something was left out. An agent of ours makes one per stream. */
const MAX_CUTS = 100;
const ROWS_PER_INSERT = 1000;

/**
 * Stores the pieces that are new and fit the limit, and counts the rest as cut. Changes the counters of `run`; the
 * caller writes the row. Agents cut the middle themselves, so this limit only stops one that does not.
 */
export async function storePieces(
  queries: Queries,
  run: RunRow,
  pieces: readonly OutputPiece[],
  limitBytes: number,
): Promise<OutputPiece[]> {
  const stored: OutputPiece[] = [];
  let cuts = pieces.some(isCut) ? await countCuts(queries, run.number) : 0;
  for (const piece of pieces) {
    if (piece.seq <= run.last_seq) continue;
    run.last_seq = piece.seq;
    const size = piece.bytes.byteLength;
    const cutBytes = Math.min(piece.cutBytes, Math.max(0, MAX_CUT_BYTES - run.cut_bytes));
    const kept = run.stdout_bytes + run.stderr_bytes - run.cut_bytes;
    if (piece.stream === "stdout") run.stdout_bytes += size + cutBytes;
    else run.stderr_bytes += size + cutBytes;
    run.cut_bytes += cutBytes;
    if (kept + size > 2 * limitBytes + SLACK_BYTES) run.cut_bytes += size;
    // rows without a byte would escape the limit
    else if (size > 0 || (cutBytes > 0 && cuts < MAX_CUTS)) stored.push({ ...piece, cutBytes });
    if (isCut(piece)) cuts++;
  }
  for (let start = 0; start < stored.length; start += ROWS_PER_INSERT) {
    await insertPieces(queries, run.number, stored.slice(start, start + ROWS_PER_INSERT));
  }
  return stored;
}

function isCut(piece: OutputPiece): boolean {
  return piece.cutBytes > 0;
}

async function countCuts(queries: Queries, runNumber: number): Promise<number> {
  const { count } = await queries
    .selectFrom("run_output")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("run_number", "=", runNumber)
    .where("cut_bytes", ">", 0)
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function insertPieces(queries: Queries, runNumber: number, pieces: readonly OutputPiece[]): Promise<void> {
  await queries
    .insertInto("run_output")
    .values(
      pieces.map((piece) => ({
        run_number: runNumber,
        seq: piece.seq,
        stream: piece.stream === "stdout" ? 1 : 2,
        at: piece.at,
        bytes: piece.bytes,
        cut_bytes: piece.cutBytes,
      })),
    )
    .onConflict((conflict) => conflict.columns(["run_number", "seq"]).doNothing())
    .execute();
}

/** The whole output of an agent that does not stream, as pieces: stdout first, the middle cut where it is too long. */
export function toPieces(
  output: NonNullable<RunResult["output"]>,
  firstSeq: number,
  limits: { at: number; limitBytes: number },
): OutputPiece[] {
  const pieces: OutputPiece[] = [];
  const add = (stream: "stdout" | "stderr", bytes: Uint8Array, cutBytes: number) =>
    pieces.push({ seq: firstSeq + pieces.length, stream, at: limits.at, bytes, cutBytes });
  for (const stream of ["stdout", "stderr"] as const) {
    const whole = output[stream];
    const cut = Math.max(0, whole.byteLength - limits.limitBytes);
    const head = cut === 0 ? whole : whole.subarray(0, alignEnd(whole, Math.floor(limits.limitBytes / 2)));
    for (const part of split(head)) add(stream, part, 0);
    if (cut === 0) continue;
    const tail = whole.subarray(alignStart(whole, whole.byteLength - Math.floor(limits.limitBytes / 2)));
    add(stream, new Uint8Array(), whole.byteLength - head.byteLength - tail.byteLength);
    for (const part of split(tail)) add(stream, part, 0);
  }
  return pieces;
}

/** Equal digests mean equal outputs: SHA-256 over all stdout, a zero byte, all stderr. */
export function digestOutput(output: NonNullable<RunResult["output"]>): string {
  return createHash("sha256").update(output.stdout).update(new Uint8Array(1)).update(output.stderr).digest("hex");
}

function* split(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  while (start < bytes.byteLength) {
    const end = start + PIECE_BYTES >= bytes.byteLength ? bytes.byteLength : alignEnd(bytes, start + PIECE_BYTES);
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Moves an end back so that no UTF-8 character is split; by at most three bytes. */
function alignEnd(bytes: Uint8Array, end: number): number {
  for (let back = 0; back < 4 && end - back > 0; back++)
    if (((bytes[end - back] ?? 0) & 0xc0) !== 0x80) return end - back;
  return end;
}

/** Moves a start forward so that no UTF-8 character is split; by at most three bytes. */
function alignStart(bytes: Uint8Array, start: number): number {
  for (let forward = 0; forward < 4; forward++)
    if (((bytes[start + forward] ?? 0) & 0xc0) !== 0x80) return start + forward;
  return start;
}

/** Stored output after piece `after`, in order. */
export function readPieces(db: Queries, runNumber: number, after: number, limit: number) {
  return db
    .selectFrom("run_output")
    .selectAll()
    .where("run_number", "=", runNumber)
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(limit)
    .execute();
}

export function toChunk(row: Selectable<RunOutputTable>): OutputChunk {
  return describePiece({
    seq: row.seq,
    stream: row.stream === 1 ? "stdout" : "stderr",
    at: row.at,
    bytes: row.bytes,
    cutBytes: row.cut_bytes,
  });
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A piece for people: text where the bytes are valid UTF-8. */
export function describePiece(piece: OutputPiece): OutputChunk {
  const chunk = { seq: piece.seq, stream: piece.stream, at: toIso(piece.at) };
  if (piece.cutBytes > 0) return { ...chunk, cutBytes: piece.cutBytes };
  try {
    return { ...chunk, text: strictUtf8.decode(piece.bytes) };
  } catch {
    return { ...chunk, base64: Buffer.from(piece.bytes).toString("base64") };
  }
}
