import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The newest text of each input that has run well, kept in the agent's folder for when a newer one fails. */
export class LastGood {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  find(id: string): string | undefined {
    try {
      return readFileSync(this.#pathOf(id), "utf8");
    } catch {
      return undefined;
    }
  }

  keep(id: string, text: string): void {
    if (this.find(id) === text) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#pathOf(id);
    writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  }

  forget(id: string): void {
    rmSync(this.#pathOf(id), { force: true });
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${keyOf(id)}.conf`);
  }
}

/** A file's name for an input: its id where that is ours, a hash where it is the name of somebody's file. */
export function keyOf(id: string): string {
  return /^[a-z0-9_]+$/.test(id) ? id : createHash("sha256").update(id).digest("hex").slice(0, 24);
}
