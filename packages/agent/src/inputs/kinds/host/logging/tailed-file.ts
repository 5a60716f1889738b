import { type FileHandle, open } from "node:fs/promises";
import { LineSplitter, type LogRecord, RecordAssembler, type SplitterOptions } from "./lines.ts";
import {
  beginningOf,
  FINGERPRINT_BYTES,
  type Fingerprint,
  fingerprintOf,
  type Mark,
  NO_FINGERPRINT,
  type Position,
  progressOf,
} from "./positions.ts";

export interface ReadingOptions extends SplitterOptions {
  /** What the first line of a record looks like; undefined when every line is one. */
  readonly start: RegExp | undefined;
}

/** One reading: records that are complete by it, and whether the end of the file was reached. */
export interface Reading {
  readonly records: readonly LogRecord[];
  readonly isAtEnd: boolean;
  readonly isTruncated: boolean;
}

/**
 * A file that is followed, by what it is and not by its name. The position is what was handed over; reading runs ahead
 * of it by at most one piece, one unfinished record and one unfinished line. Methods are called one after the other.
 */
export class TailedFile {
  path: string;
  /** No pattern names it any more: it was renamed or removed. */
  isRotated = false;
  /** The folder has no name for it any more. */
  isUnlinked = false;
  /** The last look at the folder found it longer, shorter or newer than what was read. */
  hasNews = true;
  isAtEnd = false;
  /** When it was changed, as the last look at the folder found it. */
  modifiedMs = 0;
  /** Of the monotonic clock: when the last bytes came. */
  lastReadMs: number;
  /** Not tried again before, after an error. */
  blockedUntilMs = 0;

  readonly #options: ReadingOptions;
  #position: Position;
  #handle: FileHandle | undefined;
  #splitter: LineSplitter;
  #assembler: RecordAssembler;
  /** Where the next read starts. */
  #offset = 0;
  /** The last bytes before `#offset`, to see whether the file still is what it was. */
  #recent: Buffer = Buffer.alloc(0);
  /** The content ended with a truncation. */
  #isOver = false;
  readonly #repeated: LogRecord[] = [];
  /** The piece that was read last and where it lies, until `endReading`. */
  #piece: { readonly bytes: Buffer; readonly at: number } | undefined;

  constructor(position: Position, options: ReadingOptions, nowMs: number) {
    this.path = position.path;
    this.lastReadMs = nowMs;
    this.#position = position;
    this.#options = options;
    this.#splitter = new LineSplitter(options, position.at, position.skipping);
    this.#assembler = this.#newAssembler();
  }

  get position(): Position {
    return this.#position;
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** A record or a line has begun and is not over. */
  get hasPartial(): boolean {
    return this.#assembler.hasPartial || this.#splitter.hasPartial;
  }

  /** Up to where it was read; for one that is not open, handed over. */
  get offset(): number {
    return this.isOpen ? this.#offset : this.#position.at;
  }

  /** Opens it at its position; a file that no longer has the bytes before it is another one, and begins at its start. */
  async open(): Promise<void> {
    const handle = await open(this.path, "r");
    this.#handle = handle;
    const { dev, ino } = await handle.stat({ bigint: true });
    if (`${dev}:${ino}` !== this.#position.key) {
      await this.close();
      throw new Error("was replaced while it was being opened");
    }
    const { at } = this.#position;
    if (!(await matches(handle, this.#position))) return this.#startOver();
    this.#goTo(this.#position);
    const known = Math.min(FINGERPRINT_BYTES, at);
    this.#recent = await readAt(handle, at - known, known);
  }

  /** Whether any folder still has a name for it; false for one that is not open. */
  async hasName(): Promise<boolean> {
    return ((await this.#handle?.stat())?.nlink ?? 0) > 0;
  }

  /** Lets the file go. What was read beyond the position is read again after the next `open`. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#piece = undefined;
    await handle?.close();
  }

  /**
   * Reads the next piece into `buffer`. With nothing new it only says so. A file that was truncated is read from its start
   * next time; until then `position` and `finish` are of what it held before.
   */
  async read(buffer: Buffer, nowMs: number): Promise<Reading> {
    const handle = this.#handle;
    if (!handle) throw new Error("is not open");
    if (this.isAtEnd && !(await this.#isStillItself(handle))) {
      this.#isOver = true;
      this.isAtEnd = false;
      return { records: [], isAtEnd: false, isTruncated: true };
    }
    if (this.#isOver) this.#startOver();
    const pending = this.#position.pendingTo;
    const wanted = pending === undefined ? buffer.length : Math.min(buffer.length, pending - this.#offset);
    const { bytesRead } = await handle.read(buffer, 0, wanted, this.#offset);
    const length = bytesRead - (bytesRead % this.#splitter.unit);
    this.isAtEnd = length === 0;
    this.hasNews = !this.isAtEnd;
    if (this.isAtEnd) return { records: [], isAtEnd: true, isTruncated: false };
    this.lastReadMs = nowMs;
    return { records: this.#take(buffer.subarray(0, length)), isAtEnd: false, isTruncated: false };
  }

  /** The unfinished record and line, as far as they came: for a file to which nothing will be added. */
  finish(): LogRecord[] {
    const line = this.#splitter.flush();
    const ended = line && this.#assembler.add(line);
    return [ended, this.#assembler.flush()].filter((record) => record !== undefined);
  }

  /** The unfinished record alone: its next line may begin another one. */
  finishRecord(): LogRecord[] {
    const record = this.#assembler.flush();
    return record ? [record] : [];
  }

  /** Moves the position behind what was handed over. */
  async moveTo({ end, open }: LogRecord): Promise<Position> {
    const fingerprint = await this.#fingerprintBefore(end);
    const { at, fingerprint: earlier } = this.#position;
    this.#position = {
      ...withoutPending(this.#position),
      path: this.path,
      at: end,
      skipping: open,
      fingerprint,
      earlier: { at, fingerprint: earlier },
    };
    return this.#position;
  }

  /** Notes that what lies up to `to` is being handed over. */
  intend(to: number): Position {
    this.#position = { ...this.#position, path: this.path, pendingTo: to };
    return this.#position;
  }

  /** Forgets the piece that was read last, whose memory others use from now on. */
  endReading(): void {
    this.#piece = undefined;
  }

  #take(bytes: Buffer): LogRecord[] {
    const records: LogRecord[] = [];
    this.#splitter.push(bytes, (line) => {
      const record = this.#assembler.add(line);
      if (record) records.push(record);
    });
    this.#piece = { bytes, at: this.#offset };
    this.#offset += bytes.length;
    const tail = bytes.subarray(Math.max(0, bytes.length - FINGERPRINT_BYTES));
    this.#recent =
      tail.length < FINGERPRINT_BYTES
        ? Buffer.concat([this.#recent, tail]).subarray(-FINGERPRINT_BYTES)
        : Buffer.from(tail);
    return this.#position.pendingTo === undefined ? records : this.#repeat(records, this.#position.pendingTo);
  }

  /** A batch whose fate is unknown is made again as it was, neither in parts nor with more. */
  #repeat(records: readonly LogRecord[], pendingTo: number): LogRecord[] {
    this.#repeated.push(...records);
    if (this.#offset < pendingTo) return [];
    const batch = [...this.#repeated.splice(0), ...this.finish()];
    if (batch.length === 0) this.#position = withoutPending(this.#position);
    return batch;
  }

  async #isStillItself(handle: FileHandle): Promise<boolean> {
    const { size } = await handle.stat();
    if (size < this.#offset) return false;
    if (this.#recent.length === 0) return true;
    const now = await readAt(handle, this.#offset - this.#recent.length, this.#recent.length);
    return now.equals(this.#recent);
  }

  #startOver(): void {
    const { key, bornAs } = this.#position;
    this.#isOver = false;
    this.#goTo({ ...beginningOf(key, this.path), bornAs, before: progressOf(this.#position) });
  }

  #goTo(position: Position): void {
    this.#position = position;
    this.#offset = position.at;
    this.#recent = Buffer.alloc(0);
    this.#piece = undefined;
    this.#splitter = new LineSplitter(this.#options, position.at, position.skipping);
    this.#assembler = this.#newAssembler();
    this.#repeated.length = 0;
    this.isAtEnd = false;
  }

  #newAssembler(): RecordAssembler {
    return new RecordAssembler({ start: this.#options.start, maxLength: this.#options.maxBytes });
  }

  /** From memory where it reaches, since the file may have been truncated meanwhile. */
  async #fingerprintBefore(end: number): Promise<Fingerprint> {
    const wanted = Math.min(FINGERPRINT_BYTES, end);
    const from = end - wanted;
    const { bytes, at } = this.#piece ?? { bytes: Buffer.alloc(0), at: this.#offset };
    if (from >= at && end <= at + bytes.length) return fingerprintOf(bytes.subarray(from - at, end - at));
    if (end === this.#offset && this.#recent.length === wanted) return fingerprintOf(this.#recent);
    const handle = this.#handle;
    if (!handle) return NO_FINGERPRINT;
    const read = await readAt(handle, from, wanted);
    return (await this.#isStillItself(handle)) ? fingerprintOf(read) : NO_FINGERPRINT;
  }
}

function withoutPending({ pendingTo: _pending, ...rest }: Position): Position {
  return rest;
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, at);
  return buffer.subarray(0, bytesRead);
}

/** Whether a file has the bytes that a mark remembers. */
export async function matches(handle: FileHandle, { at, fingerprint }: Mark): Promise<boolean> {
  const { size } = await handle.stat();
  if (size < at) return false;
  if (fingerprint.bytes === 0) return true;
  const found = fingerprintOf(await readAt(handle, at - fingerprint.bytes, fingerprint.bytes));
  return found.hash === fingerprint.hash && found.bytes === fingerprint.bytes;
}
