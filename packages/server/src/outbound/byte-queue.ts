import { type FileHandle, mkdir, open, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { CancelTimer, Clock } from "@muster/core";
import { readPosition, Turns, writePosition } from "./queue-files.ts";

/*
 * A segment is a row of records: u32 length of the payload, u32 CRC-32 of it, the payload (little endian). A record that
 * a crash cut ends its segment. `position` says which segment is read and how many of its bytes are done.
 */
const HEADER = 8;
const NAME = /^(\d{12})\.records$/;
const SEGMENT_BYTES = 8 * 1024 * 1024;
const SYNC_MS = 1_000;

/** Records that left the queue without having been taken. */
export interface ByteQueueLosses {
  /** The oldest ones, when the bound was reached. */
  full: number;
  /** The disk would not take them. */
  disk: number;
}

export interface ByteQueueOptions {
  /** Made when absent; one queue per folder at a time. */
  readonly folder: string;
  readonly maxBytes: number;
  readonly clock: Clock;
}

interface Segment {
  readonly sequence: number;
  readonly path: string;
  bytes: number;
  records: number;
}

interface Start {
  /** The sequence of the next segment. */
  readonly next: number;
  readonly done: { bytes: number; records: number };
}

/**
 * A bounded queue of records in files, first in, first out.
 * - `append` resolves when the kernel has the record, so it survives kill -9; the disk is told once a second.
 * - `peek` answers the oldest record again and again, also after a crash, until `confirm`.
 * - Beyond `maxBytes` the oldest segment goes, counted. Nothing rejects after `open`.
 */
export class ByteQueue {
  readonly losses: ByteQueueLosses = { full: 0, disk: 0 };
  readonly #options: ByteQueueOptions;
  readonly #segments: Segment[];
  #next: number;
  /** Bytes and records of the first segment that are done. */
  #done: { bytes: number; records: number };
  #writer: { readonly file: FileHandle; readonly segment: Segment } | undefined;
  #reader: { readonly file: FileHandle; readonly segment: Segment } | undefined;
  #unsynced = false;
  readonly #turns = new Turns();
  readonly #stopSync: CancelTimer;

  private constructor(options: ByteQueueOptions, segments: Segment[], start: Start) {
    this.#options = options;
    this.#segments = segments;
    this.#next = start.next;
    this.#done = start.done;
    this.#stopSync = options.clock.every(SYNC_MS, () => void this.#turns.take(() => this.#sync()));
  }

  static async open(options: ByteQueueOptions): Promise<ByteQueue> {
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { sequence, done: doneBytes } = await readPosition(folder);
    const segments: Segment[] = [];
    let done = { bytes: 0, records: 0 };
    for (const name of (await readdir(folder)).sort()) {
      const number = Number(NAME.exec(name)?.[1] ?? 0);
      if (number === 0) continue;
      const path = join(folder, name);
      // a segment is removed once all of it is done; a crash may have come between
      if (number < sequence) await unlink(path).catch(ignore);
      else {
        const content = await readFile(path);
        const whole = measure(content, content.length);
        if (number === sequence) done = measure(content, doneBytes);
        segments.push({ sequence: number, path, ...whole });
      }
    }
    // never below the position: what is below it counts as done
    const next = Math.max(sequence, segments.at(-1)?.sequence ?? 0) + 1;
    return new ByteQueue(options, segments, { next, done });
  }

  /** Records that wait. */
  get length(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.records, 0) - this.#done.records;
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  append(payload: Uint8Array): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#write(payload);
      } catch {
        this.losses.disk += 1;
        await this.#endWriter();
      }
      await this.#keepBound();
    });
  }

  /** The oldest record; undefined when none waits. */
  peek(): Promise<Buffer | undefined> {
    return this.#turns.take(async () => {
      for (let first = this.#segments[0]; first; first = this.#segments[0]) {
        const payload = this.#done.bytes < first.bytes ? await this.#read(first).catch(() => undefined) : undefined;
        if (payload) return payload;
        if (this.#writer?.segment === first) {
          if (this.#done.bytes >= first.bytes) return undefined;
          await this.#endWriter();
        }
        this.losses.disk += first.records - this.#done.records;
        await this.#removeFirst();
      }
      return undefined;
    });
  }

  /** The record that `peek` answered is done with. */
  confirm(payload: Buffer): Promise<void> {
    return this.#turns.take(async () => {
      const [first] = this.#segments;
      if (!first) return;
      const current = await this.#read(first).catch(() => undefined);
      if (!current?.equals(payload)) return; // it fell victim to the bound meanwhile
      this.#done = { bytes: this.#done.bytes + HEADER + payload.length, records: this.#done.records + 1 };
      if (this.#done.bytes >= first.bytes && this.#writer?.segment !== first) await this.#removeFirst();
      else await writePosition(this.#options.folder, { sequence: first.sequence, done: this.#done.bytes });
    });
  }

  close(): Promise<void> {
    this.#stopSync();
    return this.#turns.take(async () => {
      await this.#endWriter();
      await this.#endReader();
    });
  }

  async #write(payload: Uint8Array): Promise<void> {
    const { file, segment } = this.#writer ?? (await this.#begin());
    const record = Buffer.allocUnsafe(HEADER + payload.length);
    record.writeUInt32LE(payload.length, 0);
    record.writeUInt32LE(crc32(payload), 4);
    record.set(payload, HEADER);
    await file.appendFile(record);
    segment.bytes += record.length;
    segment.records += 1;
    this.#unsynced = true;
    if (segment.bytes >= Math.min(SEGMENT_BYTES, this.#options.maxBytes / 8)) await this.#endWriter();
  }

  async #begin() {
    const sequence = this.#next++;
    const path = join(this.#options.folder, `${String(sequence).padStart(12, "0")}.records`);
    const file = await open(path, "ax", 0o600);
    const segment: Segment = { sequence, path, bytes: 0, records: 0 };
    this.#segments.push(segment);
    this.#writer = { file, segment };
    return this.#writer;
  }

  async #read(first: Segment): Promise<Buffer | undefined> {
    if (this.#reader?.segment !== first) {
      await this.#endReader();
      this.#reader = { segment: first, file: await open(first.path, "r") };
    }
    const { file } = this.#reader;
    const head = Buffer.alloc(HEADER);
    await file.read(head, 0, HEADER, this.#done.bytes);
    const length = head.readUInt32LE(0);
    if (this.#done.bytes + HEADER + length > first.bytes) return undefined;
    const payload = Buffer.alloc(length);
    await file.read(payload, 0, length, this.#done.bytes + HEADER);
    return crc32(payload) === head.readUInt32LE(4) ? payload : undefined;
  }

  async #keepBound(): Promise<void> {
    while (this.bytes > this.#options.maxBytes && this.#segments.length > 1) {
      this.losses.full += (this.#segments[0]?.records ?? 0) - this.#done.records;
      await this.#removeFirst();
    }
  }

  async #removeFirst(): Promise<void> {
    const first = this.#segments.shift();
    this.#done = { bytes: 0, records: 0 };
    if (!first) return;
    if (this.#reader?.segment === first) await this.#endReader();
    await unlink(first.path).catch(ignore);
  }

  async #sync(): Promise<void> {
    if (!this.#unsynced || !this.#writer) return;
    this.#unsynced = false;
    await this.#writer.file.datasync().catch(ignore);
  }

  async #endWriter(): Promise<void> {
    await this.#sync();
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.file.close().catch(ignore);
  }

  async #endReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.file.close().catch(ignore);
  }
}

/** The whole records within the first `limit` bytes. */
function measure(content: Buffer, limit: number): { bytes: number; records: number } {
  let bytes = 0;
  let records = 0;
  while (bytes + HEADER <= limit) {
    const end = bytes + HEADER + content.readUInt32LE(bytes);
    if (end > Math.min(limit, content.length)) break;
    bytes = end;
    records += 1;
  }
  return { bytes, records };
}

function ignore(): void {}
