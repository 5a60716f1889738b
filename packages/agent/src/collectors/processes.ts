import { readdir } from "node:fs/promises";

/** Counts processes by the numbered folders of /proc, at a slow pace: the list costs about as much as everything else. */
export class ProcessCounter {
  readonly #folder: string;
  #count: number | undefined;

  constructor(folder = "/proc") {
    this.#folder = folder;
  }

  /** The last count; undefined until there is one. */
  get count(): number | undefined {
    return this.#count;
  }

  async refresh(): Promise<void> {
    try {
      const names = await readdir(this.#folder);
      this.#count = names.reduce((count, name) => (/^\d/.test(name) ? count + 1 : count), 0);
    } catch {
      this.#count = undefined;
    }
  }
}
