import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { Turns } from "./queue-files.ts";

/** What waits to be told of one subject. */
export interface WaitingReport {
  readonly id: string;
  readonly sequence: number;
  readonly report: unknown;
}

interface Entry extends WaitingReport {
  readonly bytes: number;
}

/** The file is written anew when so much of it is of no use any more. */
const SLACK_BYTES = 256 * 1024;

/**
 * The newest report of each subject that somebody else has not taken yet, in a file: a report replaces the older one of
 * the same subject, so that an outage of days costs no more than a state for each. What `put` has resolved for survives
 * kill -9. Beyond `maxBytes` the oldest are dropped and counted. Nothing rejects after `open`.
 */
export class ReportQueue {
  dropped = 0;
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #waiting = new Map<string, Entry>();
  #sequence = 0;
  #liveBytes = 0;
  #fileBytes = 0;
  #file: FileHandle | undefined;
  readonly #turns = new Turns();

  private constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /** The folder is made when absent; one queue per file at a time. */
  static async open(path: string, maxBytes: number): Promise<ReportQueue> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const queue = new ReportQueue(path, maxBytes);
    for (const line of (await readFile(path, "utf8").catch(() => "")).split("\n")) queue.#replay(line);
    await queue.#rewrite();
    return queue;
  }

  get length(): number {
    return this.#waiting.size;
  }

  put(id: string, report: unknown): Promise<void> {
    const line = JSON.stringify([id, report]);
    this.#set(id, report, line.length);
    return this.#append(line);
  }

  /** The oldest, at most `limit`; they stay until `confirm`. */
  peek(limit: number): WaitingReport[] {
    const entries: WaitingReport[] = [];
    for (const entry of this.#waiting.values()) {
      if (entries.length >= limit) break;
      entries.push(entry);
    }
    return entries;
  }

  /** They are told, or refused for good. One that was replaced meanwhile still waits. */
  confirm(reports: readonly WaitingReport[]): Promise<void> {
    const done = reports.filter(({ id, sequence }) => this.#waiting.get(id)?.sequence === sequence);
    for (const { id } of done) this.#delete(id);
    return done.length === 0 ? Promise.resolve() : this.#append(done.map(({ id }) => JSON.stringify([id])).join("\n"));
  }

  async close(): Promise<void> {
    await this.#turns.end();
    await this.#file?.close().catch(() => {});
  }

  #set(id: string, report: unknown, bytes: number): void {
    this.#delete(id);
    this.#sequence++;
    this.#waiting.set(id, { id, report, bytes, sequence: this.#sequence });
    this.#liveBytes += bytes;
    for (const [oldest] of this.#waiting) {
      if (this.#liveBytes <= this.#maxBytes || oldest === id) break;
      this.#delete(oldest);
      this.dropped++;
    }
  }

  #delete(id: string): void {
    this.#liveBytes -= this.#waiting.get(id)?.bytes ?? 0;
    this.#waiting.delete(id);
  }

  /** `[id, report]` waits, `[id]` is done; a line that a crash has cut says nothing. */
  #replay(line: string): void {
    try {
      const parsed: unknown = JSON.parse(line);
      if (!Array.isArray(parsed) || typeof parsed[0] !== "string") return;
      if (parsed.length === 2) this.#set(parsed[0], parsed[1], line.length);
      else this.#delete(parsed[0]);
    } catch {
      // cut
    }
  }

  #append(lines: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#fileBytes > 2 * this.#liveBytes + SLACK_BYTES) return this.#rewrite();
      this.#file ??= await open(this.#path, "a", 0o600);
      const { bytesWritten } = await this.#file.write(`${lines}\n`);
      this.#fileBytes += bytesWritten;
    });
  }

  /** Replaced as a whole, so that a crash leaves the old file or the new one. */
  async #rewrite(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const lines = [...this.#waiting.values()].map(({ id, report }) => `${JSON.stringify([id, report])}\n`).join("");
    const path = `${this.#path}.new`;
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile(lines);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(path, this.#path);
    this.#fileBytes = Buffer.byteLength(lines);
  }

  /** What the disk refuses stays in memory, and is written with the next file. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    return this.#turns.take(() =>
      task().catch(() => {
        this.#fileBytes = Number.POSITIVE_INFINITY;
      }),
    );
  }
}
