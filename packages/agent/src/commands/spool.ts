import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import type { WireChunk } from "@muster/protocols/node";

const READ_BYTES = 64 * 1024;

/** Chunks read at once, and where reading goes on. */
interface Place {
  readonly seq: number;
  readonly offset: number;
}

/**
 * A run's output on disk, one chunk a line, numbered from 0: what the server has not confirmed yet can be read again
 * from any chunk. Memory stays flat, since only the places of the batches on their way are remembered.
 */
export class Spool {
  readonly path: string;
  #fd: number | undefined;
  #size: number;
  #lastSeq: number;
  /** The end of what is confirmed: reading never has to start before it. */
  #confirmed: Place = { seq: -1, offset: 0 };
  #inFlight: Place[] = [];

  private constructor(path: string, state: { fd: number | undefined; size: number; lastSeq: number }) {
    this.path = path;
    this.#fd = state.fd;
    this.#size = state.size;
    this.#lastSeq = state.lastSeq;
  }

  /** A new and empty one; what was at the path is gone. */
  static create(path: string): Spool {
    return new Spool(path, { fd: openSync(path, "w", 0o600), size: 0, lastSeq: -1 });
  }

  /** What an earlier process left behind; a last line that was not written to its end is cut off. */
  static reopen(path: string): Spool {
    const fd = openSync(path, "a+", 0o600);
    const { size, lastSeq } = measure(fd);
    ftruncateSync(fd, size);
    closeSync(fd);
    return new Spool(path, { fd: undefined, size, lastSeq });
  }

  /** The last chunk's number, -1 when there is none. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Appends one chunk and numbers it. Throws what the disk says. */
  append(chunk: Omit<WireChunk, "seq">): void {
    this.#fd ??= openSync(this.path, "a", 0o600);
    const line = Buffer.from(`${JSON.stringify({ seq: this.#lastSeq + 1, ...chunk })}\n`);
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.#fd, line, written);
    } catch (error) {
      this.#dropTornLine(); // or the next chunk would be glued to half a line
      throw error;
    }
    this.#size += line.length;
    this.#lastSeq += 1;
  }

  /** Puts everything on disk and lets go of the file. */
  close(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Whole chunks after the given number, about `READ_BYTES` of them; empty when there are none. */
  read(after: number): WireChunk[] {
    if (after >= this.#lastSeq) return [];
    let place = this.#inFlight.findLast((candidate) => candidate.seq <= after) ?? this.#confirmed;
    if (place.seq > after) place = { seq: -1, offset: 0 };
    for (;;) {
      const { chunks, end } = this.#readFrom(place.offset);
      const wanted = chunks.filter((chunk) => chunk.seq > after);
      const last = chunks.at(-1);
      if (!last) return [];
      place = { seq: last.seq, offset: end };
      if (wanted.length === 0) continue;
      if (place.seq > (this.#inFlight.at(-1)?.seq ?? this.#confirmed.seq)) this.#inFlight.push(place);
      return wanted;
    }
  }

  /** Everything of one stream, with a mark where bytes were left out. For servers that take no chunks. */
  *readAll(stream: WireChunk["stream"]): Generator<WireChunk> {
    for (let offset = 0; offset < this.#size; ) {
      const { chunks, end } = this.#readFrom(offset);
      if (end === offset) return;
      for (const chunk of chunks) if (chunk.stream === stream) yield chunk;
      offset = end;
    }
  }

  /** Chunks up to and including `through` will not be asked for again. */
  confirm(through: number): void {
    const reached = this.#inFlight.findLast((place) => place.seq <= through);
    if (!reached) return;
    this.#confirmed = reached;
    this.#inFlight = this.#inFlight.filter((place) => place.seq > reached.seq);
  }

  /** Deletes it. */
  remove(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.path, { force: true });
  }

  #readFrom(offset: number): { chunks: WireChunk[]; end: number } {
    const fd = openSync(this.path, "r");
    try {
      return readLines(fd, offset, this.#size);
    } finally {
      closeSync(fd);
    }
  }

  #dropTornLine(): void {
    try {
      if (this.#fd !== undefined) ftruncateSync(this.#fd, this.#size);
    } catch {
      // the reader stops at a line it cannot parse
    }
  }
}

/** Reads whole lines from an offset on; a line longer than the buffer makes the buffer grow. */
function readLines(fd: number, offset: number, size: number): { chunks: WireChunk[]; end: number } {
  for (let room = READ_BYTES; ; room *= 2) {
    const buffer = Buffer.allocUnsafe(Math.min(room, size - offset));
    const count = readSync(fd, buffer, 0, buffer.length, offset);
    const end = buffer.subarray(0, count).lastIndexOf(10) + 1;
    if (end === 0 && count === buffer.length && offset + count < size) continue;
    const chunks: WireChunk[] = [];
    for (const line of buffer.toString("utf8", 0, end).split("\n")) {
      if (line === "") continue;
      const chunk = parseChunk(line);
      if (!chunk) break;
      chunks.push(chunk);
    }
    return { chunks, end: offset + end };
  }
}

function parseChunk(line: string): WireChunk | undefined {
  try {
    return JSON.parse(line) as WireChunk;
  } catch {
    return undefined;
  }
}

/** The length of the whole and readable lines, and the last one's number. */
function measure(fd: number): { size: number; lastSeq: number } {
  const total = fstatSync(fd).size;
  let size = 0;
  let lastSeq = -1;
  while (size < total) {
    const { chunks, end } = readLines(fd, size, total);
    const last = chunks.at(-1);
    if (!last || end === size) break;
    lastSeq = last.seq;
    size = end;
  }
  return { size, lastSeq };
}
