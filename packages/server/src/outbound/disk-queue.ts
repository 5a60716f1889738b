import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { CancelTimer, Clock } from "@muster/core";
import { type QueuePosition, readPosition, Turns, writePosition } from "./queue-files.ts";
import { RecordWriter } from "./queue-record.ts";
import { findSegments, type Segment, SegmentReader, sealSegment, segmentName } from "./queue-segment.ts";
import type { Step } from "./step.ts";

/** Steps that left the queue without having been sent. */
export interface QueueLosses {
  /** The oldest ones, when the bound was reached. */
  full: number;
  /** The disk would not take them. */
  disk: number;
  /** What was on the disk could not be read any more. */
  broken: number;
}

/** The steps that come next; they stay in the queue until `confirm`. */
export interface QueueBatch {
  readonly steps: readonly Step[];
  readonly sequence: number;
  /** Steps of its segment that are done once this batch is. */
  readonly through: number;
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
const SYNC_MS = 1_000;

/**
 * A bounded queue of steps in files, read in the order in which they came.
 * - `append` resolves when the kernel has the steps, so they survive kill -9; the disk is told to keep them once a
 *   second, so a power cut may cost the last second. The place up to which they are sent is never synced: at worst some
 *   are sent twice.
 * - Beyond `maxBytes` the oldest segment goes, counted. A record that was cut by a crash ends its segment.
 * - Nothing rejects after `open`: what the disk refuses is counted.
 */
export class DiskQueue {
  readonly losses: QueueLosses = { full: 0, disk: 0, broken: 0 };
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #next: number;
  /** Steps of the first segment that are done. */
  #done: number;
  #active: { readonly file: FileHandle; readonly segment: Segment; readonly records: RecordWriter } | undefined;
  #reader: SegmentReader | undefined;
  #batch: QueueBatch | undefined;
  #unsynced = false;
  readonly #turns = new Turns();
  #stopSync: CancelTimer;

  private constructor(options: DiskQueueOptions, found: QueuePosition & { segments: Segment[] }) {
    this.#folder = options.folder;
    this.#maxBytes = options.maxBytes;
    this.#segmentBytes = Math.min(SEGMENT_BYTES, Math.floor(options.maxBytes / 8));
    this.#segments = found.segments;
    this.#next = (found.segments.at(-1)?.sequence ?? found.sequence) + 1;
    const [first] = found.segments;
    this.#done = first?.sequence === found.sequence ? Math.min(found.done, first.rows) : 0;
    this.#stopSync = options.clock.every(SYNC_MS, () => void this.#turns.take(() => this.#sync()));
  }

  static async open(options: DiskQueueOptions): Promise<DiskQueue> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const segments = await findSegments(options.folder);
    const queue = new DiskQueue(options, { segments, ...(await readPosition(options.folder)) });
    await queue.#turns.take(() => queue.#keepBound());
    return queue;
  }

  /** Steps that wait, with those that were taken and not confirmed. */
  get length(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.rows, 0) - this.#done;
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  append(steps: readonly Step[]): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#write(steps);
      } catch {
        this.losses.disk += steps.length;
        await this.#abandon();
      }
      await this.#keepBound();
    });
  }

  /** The oldest steps, the same ones until they are confirmed; undefined when none waits. */
  peek(limit: number): Promise<QueueBatch | undefined> {
    return this.#turns.take(async () => {
      this.#batch ??= await this.#readBatch(limit);
      return this.#batch;
    });
  }

  /** The batch needs no second sending. */
  confirm(batch: QueueBatch): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#batch === batch) this.#batch = undefined;
      const [first] = this.#segments;
      if (first?.sequence !== batch.sequence) return; // it fell victim to the bound meanwhile
      this.#done = batch.through;
      if (this.#done >= first.rows && this.#active?.segment !== first) await this.#removeFirst();
      else await writePosition(this.#folder, { sequence: first.sequence, done: this.#done });
    });
  }

  close(): Promise<void> {
    this.#stopSync();
    return this.#turns.take(async () => {
      await this.#closeActive().catch(ignore);
      await this.#closeReader();
    });
  }

  async #write(steps: readonly Step[]): Promise<void> {
    const { file, segment, records } = this.#active ?? (await this.#openActive());
    const bytes = records.encode(steps);
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written, segment.bytes + written);
      written += bytesWritten;
    }
    segment.bytes += bytes.length;
    segment.rows += steps.length;
    this.#unsynced = true;
    if (segment.bytes >= this.#segmentBytes) await this.#closeActive();
  }

  async #openActive() {
    const sequence = this.#next++;
    const path = join(this.#folder, segmentName(sequence));
    const file = await open(path, "wx", 0o600);
    const segment: Segment = { sequence, path, rows: 0, bytes: 0 };
    this.#segments.push(segment);
    const active = { file, segment, records: new RecordWriter() };
    this.#active = active;
    return active;
  }

  async #closeActive(): Promise<void> {
    const active = this.#active;
    if (!active) return;
    await this.#sync();
    this.#active = undefined;
    await active.file.close();
    await sealSegment(this.#folder, active.segment);
    if (this.#segments[0] === active.segment && this.#done >= active.segment.rows) await this.#removeFirst();
  }

  /** After a failed write: what is whole in the segment stays, the next write begins a new one. */
  async #abandon(): Promise<void> {
    const active = this.#active;
    if (!active) return;
    await active.file.truncate(active.segment.bytes).catch(ignore); // a reader stops at the cut record anyway
    await this.#closeActive().catch(ignore);
    this.#active = undefined;
  }

  async #sync(): Promise<void> {
    if (!this.#unsynced || !this.#active) return;
    this.#unsynced = false;
    await this.#active.file.datasync().catch(ignore);
  }

  async #keepBound(): Promise<void> {
    while (this.bytes > this.#maxBytes && this.#segments.length > 1) {
      const [first] = this.#segments;
      // what is being sent just now is not lost
      const inHand = this.#batch?.sequence === first?.sequence ? (this.#batch?.through ?? 0) : 0;
      this.losses.full += (first?.rows ?? 0) - Math.max(this.#done, inHand);
      await this.#removeFirst();
    }
  }

  async #readBatch(limit: number): Promise<QueueBatch | undefined> {
    for (let first = this.#segments[0]; first; first = this.#segments[0]) {
      const steps = await this.#readFirst(first, limit).catch(() => "broken" as const);
      if (Array.isArray(steps)) return { steps, sequence: first.sequence, through: this.#reader?.rows ?? 0 };
      if (steps === "broken") {
        this.losses.broken += first.rows - this.#done;
        if (this.#active?.segment === first) await this.#closeActive().catch(ignore);
      } else if (this.#active?.segment === first) return undefined;
      if (this.#segments[0] === first) await this.#removeFirst();
    }
    return undefined;
  }

  async #readFirst(first: Segment, limit: number): Promise<Step[] | "end" | "broken"> {
    if (this.#reader?.segment !== first) {
      await this.#closeReader();
      this.#reader = await SegmentReader.open(first);
    }
    const reader = this.#reader;
    while (reader.rows < this.#done) {
      const skipped = await reader.read(Math.min(1000, this.#done - reader.rows));
      if (!Array.isArray(skipped)) return skipped;
    }
    return reader.read(limit);
  }

  async #removeFirst(): Promise<void> {
    const first = this.#segments.shift();
    this.#done = 0;
    if (!first) return;
    if (this.#reader?.segment === first) await this.#closeReader();
    await unlink(first.path).catch(ignore);
  }

  async #closeReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close().catch(ignore);
  }
}

export interface DiskQueueOptions {
  /** Made when absent; one queue per folder at a time. */
  readonly folder: string;
  readonly maxBytes: number;
  readonly clock: Clock;
}

function ignore(): void {}
