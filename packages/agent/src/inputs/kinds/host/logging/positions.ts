import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

/** How many bytes before a position must still be there for it to mean the same file. */
export const FINGERPRINT_BYTES = 256;
/** Positions that are kept at the most, twice what patterns may name: those of files that were not seen for longest go first. */
const MAX_POSITIONS = 20_000;
/** Lines after which the journal is written anew, beside ten for each file. */
const COMPACT_LINES = 10_000;

/** A place in the content of a file, with what lies before it. */
export interface Mark {
  readonly at: number;
  readonly fingerprint: Fingerprint;
}

/** How far a content was handed over. */
export interface Progress extends Mark {
  /** Of the content since its beginning; another one after every truncation, so that batches have names of their own. */
  readonly id: string;
  /** `at` lies inside a line that was too long; its rest is left out. */
  readonly skipping: boolean;
  /** Up to where the batch reached that was being handed over; its fate is unknown after a crash. */
  readonly pendingTo?: number;
  /** Where the batch before the last one ended. */
  readonly earlier?: Mark;
}

/** Up to where a file was handed over. */
export interface Position extends Progress {
  /** Device and inode. */
  readonly key: string;
  readonly path: string;
  /** Its first path: what copies of it are named after. */
  readonly bornAs: string;
  /** Of the content before the last truncation, a copy of which may turn up. */
  readonly before?: Progress;
}

/** Of the last bytes before a position. */
export interface Fingerprint {
  readonly bytes: number;
  readonly hash: string;
}

export const NO_FINGERPRINT: Fingerprint = { bytes: 0, hash: "" };

export function fingerprintOf(bytes: Uint8Array): Fingerprint {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return { bytes: bytes.length, hash };
}

export function progressOf(position: Progress | Position): Progress {
  const { id, at, skipping, fingerprint, pendingTo, earlier } = position;
  const pending = pendingTo === undefined ? {} : { pendingTo };
  return { id, at, skipping, fingerprint, ...pending, ...(earlier ? { earlier } : {}) };
}

/** The position at the beginning of a content that was never seen. */
export function beginningOf(key: string, path: string): Position {
  return {
    key,
    path,
    bornAs: path,
    id: randomBytes(6).toString("hex"),
    at: 0,
    skipping: false,
    fingerprint: NO_FINGERPRINT,
  };
}

interface JournalLine {
  readonly globs?: readonly string[];
  readonly position?: Position;
  readonly gone?: string;
}

/**
 * Positions on disk: a file of lines to which every change is added by one write, so that `kill -9` loses none that was
 * made. The write reaches the disk with the next `sync`: after a power cut the last lines may come twice. Nobody may change
 * anything while `sync` is under way.
 */
export class PositionJournal {
  readonly #path: string;
  readonly #positions = new Map<string, Position>();
  #globs: readonly string[] = [];
  #fd: number | undefined;
  #lines = 0;
  #isDirty = false;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Opens or makes the journal of a folder. Lines that cannot be read are passed over. */
  static async open(folder: string): Promise<PositionJournal> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const journal = new PositionJournal(join(folder, "positions.jsonl"));
    const text = await readFile(journal.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    for (const line of text.split("\n")) journal.#load(line);
    // written anew, since what a crash left half-written must not swallow the next line
    await journal.#compact();
    return journal;
  }

  /** The patterns of the run before; empty on the very first. */
  get globs(): readonly string[] {
    return this.#globs;
  }

  get positions(): readonly Position[] {
    return [...this.#positions.values()];
  }

  find(key: string): Position | undefined {
    return this.#positions.get(key);
  }

  setGlobs(globs: readonly string[]): void {
    this.#globs = globs;
    this.#append({ globs });
  }

  /** The position of whatever had this path last and is none of `others`. */
  findByPath(path: string, others: ReadonlyMap<string, unknown>): Position | undefined {
    let found: Position | undefined;
    for (const position of this.#positions.values()) {
      if (position.path === path && !others.has(position.key)) found = position;
    }
    return found;
  }

  put(position: Position): void {
    this.#positions.delete(position.key); // the newest is the last
    this.#positions.set(position.key, position);
    this.#append({ position });
    const [oldest] = this.#positions.size > MAX_POSITIONS ? this.#positions.keys() : [];
    if (oldest !== undefined) this.forget(oldest);
  }

  forget(key: string): void {
    if (this.#positions.delete(key)) this.#append({ gone: key });
  }

  /** Brings what was written to the disk itself, and writes the file anew when it has grown long. */
  async sync(): Promise<void> {
    if (this.#lines > COMPACT_LINES + 10 * this.#positions.size) await this.#compact();
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const file = await open(this.#path, "r+");
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {
    await this.sync();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #load(text: string): void {
    let line: JournalLine;
    try {
      line = JSON.parse(text) as JournalLine;
    } catch {
      return;
    }
    if (line.globs) this.#globs = line.globs;
    if (line.position) {
      this.#positions.delete(line.position.key);
      this.#positions.set(line.position.key, line.position);
    }
    if (line.gone !== undefined) this.#positions.delete(line.gone);
  }

  #append(line: JournalLine): void {
    if (this.#fd === undefined) throw new Error("the journal of positions is closed");
    this.#lines += 1;
    this.#isDirty = true;
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }

  async #compact(): Promise<void> {
    const lines: JournalLine[] = [{ globs: this.#globs }, ...this.positions.map((position) => ({ position }))];
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.#path);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = openSync(this.#path, "a", 0o600);
    this.#lines = lines.length;
    this.#isDirty = false;
  }
}
