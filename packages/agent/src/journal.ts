import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { MusterError } from "@muster/core";
import type { NativeResult } from "@muster/protocols/node";

/** What the server asked for, in the agent's words and by the agent's clock. */
export interface RunOrder {
  readonly id: string;
  /** The envelope it came in: a peer of the seed's protocol matches `command_started` by it. */
  readonly envelopeId: string;
  readonly text: string | null;
  readonly argv: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly user: string | null;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly outputLimitBytes: number;
  /** Null: it never expires. */
  readonly expiresAt: number | null;
}

/** How a run ended, in the wire's words, ready to be sent again. */
export interface RunEnd {
  readonly exitCode: number | null;
  readonly executionMs: number;
  readonly result: NativeResult;
}

/** One line of the journal. `settled` means that the server has everything; its line keeps the run from starting again. */
export type JournalRecord =
  | { readonly kind: "accepted"; readonly id: string; readonly order: RunOrder }
  | { readonly kind: "starting"; readonly id: string; readonly at: number }
  | { readonly kind: "started"; readonly id: string; readonly pid: number; readonly startedTicks: number | null }
  | { readonly kind: "finished"; readonly id: string; readonly end: RunEnd }
  | { readonly kind: "settled"; readonly id: string };

/** What the journal says of one run. */
export interface JournalEntry {
  readonly id: string;
  order?: RunOrder;
  /** Set once a start was attempted: such a run is never started again. */
  startingAt?: number;
  pid?: number;
  startedTicks?: number | null;
  end?: RunEnd;
  settled: boolean;
}

export interface JournalOptions {
  /** Settled runs that are remembered, the newest. */
  readonly keepSettled?: number;
  /** The file is rewritten when it is longer than this and most of it is settled. */
  readonly compactBytes?: number;
}

/**
 * What must survive a crash: which runs were accepted, started and finished. Appends resolve once they are on disk;
 * appends that come while one is being written share the next fsync. A last line that was not written to its end is
 * ignored. After a failed write the journal refuses everything until a rewrite has succeeded.
 */
export class Journal {
  readonly #path: string;
  readonly #keepSettled: number;
  #compactBytes: number;
  readonly #entries = new Map<string, JournalEntry>();
  #file: FileHandle;
  #size = 0;
  #queue: { line: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #writing: Promise<void> | undefined;
  #isDamaged = false;
  /** Lines that could not be read when the journal was opened. */
  readonly unreadableLines: number;

  private constructor(path: string, options: Required<JournalOptions>, loaded: { file: FileHandle; text: string }) {
    this.#path = path;
    this.#keepSettled = options.keepSettled;
    this.#compactBytes = options.compactBytes;
    this.#file = loaded.file;
    let unreadable = 0;
    for (const line of completeLines(loaded.text)) {
      const record = parseRecord(line);
      if (record) this.#apply(record);
      else unreadable += 1;
    }
    this.unreadableLines = unreadable;
  }

  /** Opens or creates the journal and rewrites it, so that what is appended never follows half a line. */
  static async open(path: string, options: JournalOptions = {}): Promise<Journal> {
    const file = await open(path, "a+", 0o600);
    const text = await file.readFile("utf8");
    const limits = { keepSettled: options.keepSettled ?? 1000, compactBytes: options.compactBytes ?? 1024 * 1024 };
    const journal = new Journal(path, limits, { file, text });
    await journal.#rewrite();
    return journal;
  }

  /** Every run that is not settled, oldest first. */
  listUnsettled(): JournalEntry[] {
    return [...this.#entries.values()].filter((entry) => !entry.settled);
  }

  find(id: string): JournalEntry | undefined {
    return this.#entries.get(id);
  }

  /** Resolves when the record is on disk. Rejects with `unavailable` when it is not: then nothing may rely on it. */
  append(record: JournalRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#apply(record);
        resolve();
      };
      this.#queue.push({ line: `${JSON.stringify(record)}\n`, resolve: settle, reject });
      this.#writing ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    // lets the appends of this turn come along
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#write(batch.map((entry) => entry.line).join(""));
        for (const entry of batch) entry.resolve();
      } catch (cause) {
        this.#isDamaged = true;
        const error = new MusterError("unavailable", "the journal cannot be written", {}, cause);
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(text: string): Promise<void> {
    if (this.#isDamaged || this.#shouldCompact()) await this.#rewrite();
    await this.#file.appendFile(text);
    await this.#file.datasync();
    this.#size += Buffer.byteLength(text);
  }

  #shouldCompact(): boolean {
    return this.#size > this.#compactBytes;
  }

  /** Writes what still matters to a new file and puts it in the old one's place, all on disk before it counts. */
  async #rewrite(): Promise<void> {
    this.#forgetOldest();
    const lines = [...this.#entries.values()].flatMap(listRecords).map((record) => `${JSON.stringify(record)}\n`);
    const text = lines.join("");
    const next = await open(`${this.#path}.new`, "w", 0o600);
    try {
      await next.writeFile(text);
      await next.datasync();
    } finally {
      await next.close();
    }
    await rename(`${this.#path}.new`, this.#path);
    await syncFolder(dirname(this.#path));
    const file = await open(this.#path, "a", 0o600);
    await this.#file.close().catch(() => {});
    this.#file = file;
    this.#size = Buffer.byteLength(text);
    this.#isDamaged = false;
    // a live part that is larger than the limit must not be rewritten at every append
    this.#compactBytes = Math.max(this.#compactBytes, 2 * this.#size);
  }

  #forgetOldest(): void {
    const settled = [...this.#entries.values()].filter((entry) => entry.settled);
    for (const entry of settled.slice(0, Math.max(0, settled.length - this.#keepSettled))) {
      this.#entries.delete(entry.id);
    }
  }

  #apply(record: JournalRecord): void {
    const entry = this.#entries.get(record.id) ?? { id: record.id, settled: false };
    this.#entries.set(record.id, entry);
    switch (record.kind) {
      case "accepted":
        entry.order = record.order;
        return;
      case "starting":
        entry.startingAt = record.at;
        return;
      case "started":
        entry.pid = record.pid;
        entry.startedTicks = record.startedTicks;
        return;
      case "finished":
        entry.end = record.end;
        return;
      case "settled":
        entry.settled = true;
        // what it was is not needed any more; that it was keeps it from starting again
        delete entry.order;
        delete entry.end;
        return;
    }
  }
}

/** The shortest records that say the same again. */
function listRecords(entry: JournalEntry): JournalRecord[] {
  const { id } = entry;
  if (entry.settled) return [{ kind: "settled", id }];
  const records: JournalRecord[] = [];
  if (entry.order) records.push({ kind: "accepted", id, order: entry.order });
  if (entry.startingAt !== undefined) records.push({ kind: "starting", id, at: entry.startingAt });
  if (entry.pid !== undefined) {
    records.push({ kind: "started", id, pid: entry.pid, startedTicks: entry.startedTicks ?? null });
  }
  if (entry.end) records.push({ kind: "finished", id, end: entry.end });
  return records;
}

function completeLines(text: string): string[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "");
}

const KINDS = new Set(["accepted", "starting", "started", "finished", "settled"]);

function parseRecord(line: string): JournalRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { kind, id } = parsed as Record<string, unknown>;
    return typeof kind === "string" && KINDS.has(kind) && typeof id === "string"
      ? (parsed as JournalRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A rename is on disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
