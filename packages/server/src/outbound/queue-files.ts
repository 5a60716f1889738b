import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const POSITION = "position";

/** Up to where a queue is read: the segment, and how much of it is done, in the queue's own unit. */
export interface QueuePosition {
  readonly sequence: number;
  readonly done: number;
}

/** Zeros where nothing was read yet. */
export async function readPosition(folder: string): Promise<QueuePosition> {
  const text = await readFile(join(folder, POSITION), "utf8").catch(() => "");
  const match = /^(\d+) (\d+)\n$/.exec(text);
  return { sequence: Number(match?.[1] ?? 0), done: Number(match?.[2] ?? 0) };
}

/** Replaced as a whole, so that a crash leaves the old one or the new one. When the disk will not, some are sent twice. */
export async function writePosition(folder: string, { sequence, done }: QueuePosition): Promise<void> {
  const path = join(folder, POSITION);
  try {
    await writeFile(`${path}.new`, `${sequence} ${done}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch {
    // the old one still holds
  }
}

/** Runs tasks one after the other, whatever becomes of those before: files are moved and removed in them. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Resolves after all that were taken. */
  async end(): Promise<void> {
    await this.#last;
  }
}
