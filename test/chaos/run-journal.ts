import { existsSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export type JournalState = "accepted" | "started" | "finished" | "settled";

/** What a simulated agent must not forget when its process dies. */
export interface JournalLine {
  readonly agent: string;
  readonly run: string;
  readonly state: JournalState;
}

/** One file for all simulated agents of a process. Appends resolve once they are on disk, and share their fsyncs. */
export class RunJournal {
  /** What an earlier process wrote, in order. */
  readonly earlier: readonly JournalLine[];
  readonly #file: FileHandle;
  #waiting: { line: string; done: () => void }[] = [];
  #writing = false;

  private constructor(file: FileHandle, earlier: readonly JournalLine[]) {
    this.#file = file;
    this.earlier = earlier;
  }

  static async open(path: string): Promise<RunJournal> {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const lines = whole.split("\n").filter((line) => line !== "");
    const file = await open(path, "a");
    await file.truncate(Buffer.byteLength(whole));
    return new RunJournal(
      file,
      lines.map((line) => JSON.parse(line) as JournalLine),
    );
  }

  append(line: JournalLine): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ line: `${JSON.stringify(line)}\n`, done });
      if (!this.#writing) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#file.appendFile(batch.map((entry) => entry.line).join(""));
      await this.#file.datasync();
      for (const entry of batch) entry.done();
    }
    this.#writing = false;
  }
}
