import { createHash } from "node:crypto";
import type { CancelTimer, Clock } from "@muster/core";
import type { WireChunk } from "@muster/protocols/node";
import { OutputLimit } from "./output-limit.ts";
import type { Spool } from "./spool.ts";
import { countOpenBytes, encodePiece } from "./text-pieces.ts";

type Stream = WireChunk["stream"];

const CHUNK_BYTES = 32 * 1024;
/** Small writes are gathered this long, so that a progress bar does not become a chunk per character. */
const GATHER_MS = 50;

/** What is known of a run's output when it has ended. */
export interface OutputSummary {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly cutBytes: number;
  readonly lastSeq: number;
  /** Absent when something was cut: then nobody can recompute it. */
  readonly digest?: string;
}

/** Turns what a run writes into numbered chunks in its spool: gathered, split at characters, limited per stream. */
export class RunOutput {
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #onChunk: () => void;
  readonly #limits: Record<Stream, OutputLimit>;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #gatheredFrom: Stream = "stdout";
  #open: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #timer: CancelTimer | undefined;
  /** Bytes that the disk refused, per stream: they are reported as cut. */
  #refused: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #refusedTotal = 0;

  constructor(options: { spool: Spool; clock: Clock; limitBytes: number; onChunk: () => void }) {
    this.#spool = options.spool;
    this.#clock = options.clock;
    this.#onChunk = options.onChunk;
    this.#limits = { stdout: new OutputLimit(options.limitBytes), stderr: new OutputLimit(options.limitBytes) };
  }

  /** Takes what the process wrote. The buffer may be reused afterwards only if it was copied: pipes hand out fresh ones. */
  write(stream: Stream, bytes: Buffer): void {
    const kept = this.#limits[stream].push(bytes);
    if (!kept) return;
    if (stream !== this.#gatheredFrom) this.#flush(); // keeps the order between the streams
    this.#gatheredFrom = stream;
    this.#gathered.push(kept);
    this.#gatheredBytes += kept.length;
    if (this.#gatheredBytes >= CHUNK_BYTES) this.#flush();
    else this.#timer ??= this.#clock.after(GATHER_MS, () => this.#flush());
  }

  /** Writes what is left and sums up; nothing may be written afterwards. */
  end(): OutputSummary {
    this.#flush();
    for (const stream of ["stdout", "stderr"] as const) {
      this.#appendPieces(stream, this.#takeOpen(stream), true);
      for (const kept of this.#limits[stream].end()) {
        if ("cut" in kept) this.#append(stream, { cut: kept.cut }, 0);
        else this.#appendPieces(stream, kept.bytes, true);
      }
    }
    const cutBytes = this.#limits.stdout.cutBytes + this.#limits.stderr.cutBytes + this.#refusedTotal;
    return {
      stdoutBytes: this.#limits.stdout.totalBytes,
      stderrBytes: this.#limits.stderr.totalBytes,
      cutBytes,
      lastSeq: this.#spool.lastSeq,
      ...(cutBytes === 0 ? { digest: digestSpool(this.#spool) } : {}),
    };
  }

  #flush(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#gatheredBytes === 0) return;
    const stream = this.#gatheredFrom;
    const bytes = Buffer.concat([this.#takeOpen(stream), ...this.#gathered]);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#appendPieces(stream, bytes, false);
    this.#onChunk();
  }

  #takeOpen(stream: Stream): Buffer {
    const open = this.#open[stream];
    this.#open[stream] = Buffer.alloc(0);
    return open;
  }

  /** Splits at characters; unless it is the last piece of its stream, half a character waits for its other half. */
  #appendPieces(stream: Stream, bytes: Buffer, isLast: boolean): void {
    let rest = bytes;
    while (rest.length > 0) {
      let piece = rest.subarray(0, CHUNK_BYTES);
      const isEnd = piece.length === rest.length;
      const open = isEnd && isLast ? 0 : countOpenBytes(piece);
      piece = piece.subarray(0, piece.length - open);
      if (piece.length > 0) this.#append(stream, encodePiece(piece), piece.length);
      rest = rest.subarray(piece.length);
      if (isEnd) break;
    }
    if (!isLast && rest.length > 0) this.#open[stream] = Buffer.from(rest);
  }

  #append(stream: Stream, content: { text: string } | { base64: string } | { cut: number }, size: number): void {
    const at = this.#clock.now();
    try {
      if (this.#refused[stream] > 0) {
        this.#spool.append({ stream, at, cut: this.#refused[stream] });
        this.#refused[stream] = 0;
      }
      this.#spool.append({ stream, at, ...content });
    } catch {
      // a full disk must not end the command: what could not be kept is counted as cut
      this.#refused[stream] += size;
      this.#refusedTotal += size;
    }
  }
}

/** SHA-256 in hex over all of stdout, a zero byte, all of stderr. */
export function digestSpool(spool: Spool): string {
  const hash = createHash("sha256");
  for (const chunk of spool.readAll("stdout")) hash.update(chunkBytes(chunk));
  hash.update(Buffer.alloc(1));
  for (const chunk of spool.readAll("stderr")) hash.update(chunkBytes(chunk));
  return hash.digest("hex");
}

/** The bytes a chunk stands for; none where output was left out. */
export function chunkBytes(chunk: WireChunk): Buffer {
  if (chunk.text !== undefined) return Buffer.from(chunk.text, "utf8");
  return chunk.base64 === undefined ? Buffer.alloc(0) : Buffer.from(chunk.base64, "base64");
}
