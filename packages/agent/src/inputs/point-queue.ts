import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { POINT_CATEGORIES, type Point, type PointCategory } from "@muster/core";
import { encodeLines } from "@muster/protocols/points";
import { listNames, type PieceContent, pieceOf, readPieces } from "./point-pieces.ts";
import { TakenNames } from "./taken-names.ts";

/** A batch is closed when it has grown to this; it is one request later. */
const BATCH_BYTES = 1024 * 1024;
/** One piece on the disk; a batch holds several. */
const PIECE_POINTS = 1000;
/** What waits for a slow disk; whoever gives more is told so. */
const PENDING_BYTES = 32 * 1024 * 1024;
const DEFAULT_LIMIT_BYTES = 256 * 1024 * 1024;
const NAME = /^\d{12}-([a-z_]+)-([0-9a-f]{20})\.points$/;

/** Points of one category on the disk, to be sent together. */
export interface Batch {
  readonly name: string;
  readonly category: PointCategory;
  readonly bytes: number;
}

/** The same for as long as a batch is sent, whichever process sends it, and never that of another one. */
export function idOf(batch: Batch): string {
  return NAME.exec(batch.name)?.[2] ?? batch.name;
}

export interface PointQueueOptions {
  readonly folder: string;
  /** Above it the oldest batches are dropped. */
  readonly limitBytes?: number;
  /** There is something to send. */
  readonly onAdded: () => void;
  /** Points were dropped since there was no room. */
  readonly onDropped: (points: number) => void;
}

interface OpenBatch {
  readonly batch: { readonly name: string; readonly category: PointCategory; bytes: number };
  readonly file: FileHandle;
}

interface Pending {
  readonly category: PointCategory;
  readonly pieces: readonly Buffer[];
  readonly done: (error?: unknown) => void;
}

/**
 * Points on their way to a server, kept on the disk: they outlive the process, and memory does not grow while the server
 * is away. A file is a batch of pieces (point-pieces.ts).
 */
export class PointQueue {
  readonly #options: PointQueueOptions;
  readonly #limitBytes: number;
  readonly #closed: Batch[];
  readonly #open = new Map<PointCategory, OpenBatch>();
  readonly #names: TakenNames;
  #pending: Pending[] = [];
  /** Those who wait for room. */
  #waiting: (() => void)[] = [];
  #pendingBytes = 0;
  #number: number;
  #bytes: number;
  /** Everything that touches files, one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: PointQueueOptions, found: readonly Batch[]) {
    this.#options = options;
    this.#limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
    this.#closed = [...found];
    this.#names = TakenNames.open(join(options.folder, "names"));
    for (const batch of found) for (const name of listNames(join(options.folder, batch.name))) this.#names.hold(name);
    this.#number = Number(found.at(-1)?.name.slice(0, 12) ?? 0);
    this.#bytes = found.reduce((sum, batch) => sum + batch.bytes, 0);
  }

  /** Opens a folder, which is made when it is not there, with everything that an earlier process left in it. */
  static open(options: PointQueueOptions): PointQueue {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    return new PointQueue(options, listBatches(options.folder));
  }

  /** On the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Resolves when the points are in the file: a process that is killed afterwards loses none. Rejects when the disk takes no
   * more. Points under a name that was taken before, also by an earlier process, are not taken again; and since whoever names
   * them can wait, they wait while half of the room is taken, so that nothing of theirs is ever dropped.
   */
  async add(category: PointCategory, points: readonly Point[], name?: string): Promise<void> {
    if (name === undefined) return this.#take(category, points);
    if (this.#names.has(name)) return;
    while (!this.#hasRoom) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#take(category, points, name);
  }

  #take(category: PointCategory, points: readonly Point[], name?: string): Promise<void> {
    if (name !== undefined && this.#names.has(name)) return Promise.resolve();
    const pieces: Buffer[] = [];
    // a name stands for all of its points, so they are one piece: whole on the disk or not at all
    const size = name === undefined ? PIECE_POINTS : points.length;
    for (let from = 0; from < points.length; from += size) {
      const part = points.slice(from, from + size);
      const lines = Buffer.from(encodeLines(part));
      if (lines.length > 0) pieces.push(...pieceOf(lines, part.length, name));
    }
    if (pieces.length === 0) return Promise.resolve();
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > PENDING_BYTES) {
      return Promise.reject(new Error("the disk is too slow for so many points"));
    }
    this.#pendingBytes += bytes;
    if (name !== undefined) this.#names.hold(name);
    return new Promise((resolve, reject) => {
      const done = (error?: unknown) => {
        this.#pendingBytes -= bytes;
        if (error === undefined) return resolve();
        if (name !== undefined) this.#names.release(name);
        this.#wake();
        reject(error);
      };
      this.#pending.push({ category, pieces, done });
      if (this.#pending.length === 1) void this.#inTurn(() => this.#writePending());
    });
  }

  /** The oldest batch, undefined when there is none. Nothing is added to it any more; it stays until `remove`. */
  next(): Promise<Batch | undefined> {
    return this.#inTurn(async () => {
      const [oldest] = this.#open.keys();
      if (this.#closed.length === 0 && oldest !== undefined) await this.#close(oldest);
      return this.#closed[0];
    });
  }

  /** What is in a batch; undefined when it was dropped meanwhile or nothing whole is in it. */
  async read(batch: Batch): Promise<PieceContent | undefined> {
    try {
      const content = readPieces(await readFile(join(this.#options.folder, batch.name)));
      return content.points === 0 ? undefined : content;
    } catch {
      return undefined;
    }
  }

  /** Forgets a batch that was sent or refused. */
  remove(batch: Batch): Promise<void> {
    return this.#inTurn(() => this.#remove(batch));
  }

  /** Waits for what is being written and closes the files. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      for (const category of [...this.#open.keys()]) await this.#close(category);
    });
  }

  async #writePending(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const category of new Set(pending.map((entry) => entry.category))) {
      const entries = pending.filter((entry) => entry.category === category);
      try {
        await this.#append(
          category,
          entries.flatMap((entry) => entry.pieces),
        );
        for (const entry of entries) entry.done();
      } catch (error) {
        // what was cut off is at the end of its file; the next points get a new one
        await this.#close(category).catch(() => {});
        for (const entry of entries) entry.done(error);
      }
    }
    await this.#trim();
    this.#options.onAdded();
  }

  async #append(category: PointCategory, pieces: readonly Buffer[]): Promise<void> {
    const { batch, file } = this.#open.get(category) ?? (await this.#start(category));
    const { bytesWritten } = await file.writev([...pieces]);
    batch.bytes += bytesWritten;
    this.#bytes += bytesWritten;
    if (bytesWritten < pieces.reduce((sum, piece) => sum + piece.length, 0)) throw new Error("the disk is full");
    if (batch.bytes >= BATCH_BYTES) await this.#close(category);
  }

  async #start(category: PointCategory): Promise<OpenBatch> {
    this.#number += 1;
    const id = randomBytes(10).toString("hex");
    const name = `${String(this.#number).padStart(12, "0")}-${category}-${id}.points`;
    const file = await open(join(this.#options.folder, name), "ax", 0o600);
    const started: OpenBatch = { batch: { name, category, bytes: 0 }, file };
    this.#open.set(category, started);
    return started;
  }

  async #close(category: PointCategory): Promise<void> {
    const started = this.#open.get(category);
    if (!started) return;
    this.#open.delete(category);
    this.#closed.push(started.batch);
    await started.file.close();
  }

  /** Makes room: the oldest go first. */
  async #trim(): Promise<void> {
    let points = 0;
    while (this.#bytes > this.#limitBytes) {
      const oldest = this.#closed[0];
      if (!oldest) break;
      points += (await this.read(oldest))?.points ?? 0;
      await this.#remove(oldest);
    }
    if (points > 0) this.#options.onDropped(points);
  }

  async #remove(batch: Batch): Promise<void> {
    const index = this.#closed.findIndex((candidate) => candidate.name === batch.name);
    if (index < 0) return;
    const path = join(this.#options.folder, batch.name);
    this.#names.remember(listNames(path));
    this.#closed.splice(index, 1);
    this.#bytes -= batch.bytes;
    await rm(path, { force: true });
    this.#wake();
  }

  get #hasRoom(): boolean {
    return this.#bytes + this.#pendingBytes <= this.#limitBytes / 2;
  }

  /** All of them look again, since the first may take the room. */
  #wake(): void {
    if (this.#hasRoom) for (const goOn of this.#waiting.splice(0)) goOn();
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(task);
    this.#work = result.catch(() => {});
    return result;
  }
}

function listBatches(folder: string): Batch[] {
  const batches: Batch[] = [];
  for (const name of readdirSync(folder).sort()) {
    const category = POINT_CATEGORIES.find((known) => known === NAME.exec(name)?.[1]);
    if (category !== undefined) batches.push({ name, category, bytes: statSync(join(folder, name)).size });
  }
  return batches;
}
