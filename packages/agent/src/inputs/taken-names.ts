import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hashName } from "./point-pieces.ts";

/** Names are needed for the moment of a crash only: of the newest so many are kept. */
const KEPT = 4096;

/** The names of points that were taken: those in the queue, and the newest of those that have left it. */
export class TakenNames {
  readonly #path: string;
  readonly #names: Set<string>;
  #lines: number;

  private constructor(path: string, names: readonly string[]) {
    this.#path = path;
    this.#names = new Set(names.slice(-KEPT));
    this.#lines = names.length;
  }

  static open(path: string): TakenNames {
    try {
      return new TakenNames(
        path,
        readFileSync(path, "latin1")
          .split("\n")
          .filter((line) => /^[0-9a-f]{20}$/.test(line)),
      );
    } catch {
      return new TakenNames(path, []);
    }
  }

  has(name: string): boolean {
    return this.#names.has(hashName(name));
  }

  /** From now on it is known. */
  hold(name: string): void {
    this.#names.add(/^[0-9a-f]{20}$/.test(name) ? name : hashName(name));
    for (const oldest of this.#names) {
      if (this.#names.size <= 2 * KEPT) break;
      this.#names.delete(oldest);
    }
  }

  /** Its points could not be kept after all. */
  release(name: string): void {
    this.#names.delete(hashName(name));
  }

  /** Keeps hashed names whose points are about to leave the disk. */
  remember(hashes: readonly string[]): void {
    if (hashes.length === 0) return;
    this.#lines += hashes.length;
    if (this.#lines <= 2 * KEPT) {
      appendFileSync(this.#path, `${hashes.join("\n")}\n`, { mode: 0o600 });
      return;
    }
    const newest = [...this.#names].slice(-KEPT);
    writeFileSync(`${this.#path}.new`, `${newest.join("\n")}\n`, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
    this.#lines = newest.length;
  }
}
