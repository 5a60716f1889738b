import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of test vectors: its name without the ending, and what is in it. */
export interface VectorFile<Content> {
  readonly name: string;
  readonly content: Content;
}

/** Reads every `*.json` of a folder, by name. Throws when there is none, since a suite without cases proves nothing. */
export function loadVectors<Content = unknown>(folder: URL | string): VectorFile<Content>[] {
  const path = typeof folder === "string" ? folder : fileURLToPath(folder);
  const names = readdirSync(path).filter((name) => name.endsWith(".json"));
  if (names.length === 0) throw new Error(`no vectors in ${path}`);
  return names.sort().map((name) => ({
    name: name.slice(0, -".json".length),
    content: JSON.parse(readFileSync(join(path, name), "utf8")) as Content,
  }));
}
