import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { HOST_METRICS, type HostSample, type HostValues, type Timestamp } from "@muster/core";

/** [at, ...values in the order of HOST_METRICS], as the wire wants it. */
export type SampleRow = (number | null)[];

const COLUMNS = HOST_METRICS.length;
/** A serial number, the instant, the values: 8 bytes each. */
const ROW_BYTES = (2 + COLUMNS) * 8;
const HEADER_BYTES = 32;
const MAGIC = "muster samples 1";

/** Two days of one row in ten seconds: about 3.5 MB. */
export const DEFAULT_CAPACITY = 17_280;

/**
 * A ring of samples in a file of a fixed size: the newest stay until the server has stored them, however long it is
 * away. Rows carry serial numbers, so after a crash the ring is found again by looking, and a torn row is left out.
 */
export class SampleRing {
  readonly #fd: number;
  readonly #capacity: number;
  readonly #row = Buffer.alloc(ROW_BYTES);
  /** Serial numbers: rows from `first` to before `next` are waiting; row n is in slot n modulo capacity. */
  #first = 1;
  #next = 1;
  /** Rows that were pushed out before the server had them. */
  lost = 0;

  private constructor(fd: number, capacity: number) {
    this.#fd = fd;
    this.#capacity = capacity;
  }

  /** Opens or creates a ring. A file of another layout (an older version's) is started over. */
  static open(path: string, capacity = DEFAULT_CAPACITY): SampleRing {
    const fd = openSync(path, openFlags(path), 0o600);
    const ring = new SampleRing(fd, capacity);
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(fd, header, 0, HEADER_BYTES, 0);
    const isOurs =
      header.toString("latin1", 0, MAGIC.length) === MAGIC &&
      header.readUInt32LE(20) === COLUMNS &&
      header.readUInt32LE(24) === capacity;
    if (isOurs) ring.#find();
    else ring.#format();
    return ring;
  }

  /** How many rows wait for the server. */
  get size(): number {
    return this.#next - this.#first;
  }

  /** Adds one row; when the ring is full the oldest gives way. Throws what the disk says. */
  push(at: Timestamp, values: HostValues): void {
    const row = this.#row;
    row.writeDoubleLE(this.#next, 0);
    row.writeDoubleLE(at, 8);
    for (let index = 0; index < COLUMNS; index++) {
      const name = HOST_METRICS[index]?.name;
      row.writeDoubleLE((name && values[name]) ?? Number.NaN, 16 + index * 8);
    }
    writeSync(this.#fd, row, 0, ROW_BYTES, this.#place(this.#next));
    this.#next += 1;
    if (this.size > this.#capacity) {
      this.#first += 1;
      this.lost += 1;
    }
  }

  /** The oldest waiting rows, with the serial number after the last of them. */
  peek(limit: number): { rows: SampleRow[]; next: number } {
    const rows: SampleRow[] = [];
    let serial = this.#first;
    for (; serial < this.#next && rows.length < limit; serial++) {
      const row = this.#read(serial);
      if (row) rows.push(row);
    }
    return { rows, next: serial };
  }

  /** The server has stored everything up to an instant; rows from `before` on (not sent yet) stay in any case. */
  drop(through: Timestamp, before = this.#next): void {
    while (this.#first < before && this.#first < this.#next) {
      const row = this.#read(this.#first);
      if (row && (row[0] ?? 0) > through) return;
      this.#first += 1;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #place(serial: number): number {
    return HEADER_BYTES + (serial % this.#capacity) * ROW_BYTES;
  }

  #read(serial: number): SampleRow | undefined {
    const row = this.#row;
    const count = readSync(this.#fd, row, 0, ROW_BYTES, this.#place(serial));
    if (count !== ROW_BYTES || row.readDoubleLE(0) !== serial) return undefined;
    const values: SampleRow = [row.readDoubleLE(8)];
    for (let index = 0; index < COLUMNS; index++) {
      const value = row.readDoubleLE(16 + index * 8);
      values.push(Number.isFinite(value) ? value : null);
    }
    return values;
  }

  #format(): void {
    ftruncateSync(this.#fd, 0);
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, "latin1");
    header.writeUInt32LE(COLUMNS, 20);
    header.writeUInt32LE(this.#capacity, 24);
    writeSync(this.#fd, header, 0, HEADER_BYTES, 0);
  }

  /** Finds the newest row and how far back the unbroken row of serial numbers goes. */
  #find(): void {
    const slots = Math.min(this.#capacity, Math.floor((fstatSync(this.#fd).size - HEADER_BYTES) / ROW_BYTES));
    let newest = 0;
    let oldest = Number.POSITIVE_INFINITY;
    const serial = Buffer.alloc(8);
    for (let slot = 0; slot < slots; slot++) {
      readSync(this.#fd, serial, 0, 8, HEADER_BYTES + slot * ROW_BYTES);
      const number = serial.readDoubleLE(0);
      if (!Number.isSafeInteger(number) || number < 1 || number % this.#capacity !== slot) continue;
      newest = Math.max(newest, number);
      oldest = Math.min(oldest, number);
    }
    this.#next = newest + 1;
    this.#first = newest === 0 ? 1 : Math.max(oldest, newest - this.#capacity + 1);
  }
}

function openFlags(path: string): string {
  try {
    closeSync(openSync(path, "r+"));
    return "r+";
  } catch {
    return "w+";
  }
}

/** The averages of the beats of a few seconds: what history needs, at a tenth of the size. */
export class SampleAverage {
  readonly #sums = new Float64Array(COLUMNS);
  readonly #counts = new Uint32Array(COLUMNS);
  #firstAt: Timestamp | undefined;
  #lastAt: Timestamp = 0;

  get isEmpty(): boolean {
    return this.#firstAt === undefined;
  }

  add(sample: HostSample): void {
    this.#firstAt ??= sample.at;
    this.#lastAt = sample.at;
    for (let index = 0; index < COLUMNS; index++) {
      const name = HOST_METRICS[index]?.name;
      const value = name && sample.values[name];
      if (value === undefined) continue;
      this.#sums[index] = (this.#sums[index] ?? 0) + value;
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    }
  }

  /** True when another sample at `at` would make it span more than `spanMs`, or when the clock was set back. */
  isDue(at: Timestamp, spanMs: number): boolean {
    return this.#firstAt !== undefined && (at - this.#firstAt >= spanMs || at < this.#lastAt);
  }

  /** The averages at the instant of the last sample, and starts over. */
  take(): { at: Timestamp; values: HostValues } {
    const values: HostValues = {};
    for (let index = 0; index < COLUMNS; index++) {
      const metric = HOST_METRICS[index];
      const count = this.#counts[index] ?? 0;
      if (metric && count > 0) values[metric.name] = (this.#sums[index] ?? 0) / count;
    }
    const at = this.#lastAt;
    this.#sums.fill(0);
    this.#counts.fill(0);
    this.#firstAt = undefined;
    this.#lastAt = 0;
    return { at, values };
  }
}
