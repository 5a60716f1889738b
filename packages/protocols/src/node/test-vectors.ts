import { readdirSync, readFileSync } from "node:fs";

/** One case of `vectors/*.json`. The message is `text`, or `wire` as JSON; `frame` is absent where it equals `wire`. */
export interface NodeVector {
  readonly file: string;
  readonly title: string;
  readonly from: "node" | "core";
  readonly wire?: unknown;
  readonly text?: string;
  readonly frame?: unknown;
  readonly error?: string;
  readonly id?: string;
  readonly details?: string;
}

/** Every case, with the name of its file. For tests only. */
export function loadNodeVectors(): NodeVector[] {
  const folder = new URL("./vectors/", import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().flatMap((name) => {
    const cases = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Omit<NodeVector, "file">[];
    return cases.map((vector) => ({ ...vector, file: name }));
  });
}

/** The message of a case as it travels. */
export function textOf(vector: NodeVector): string {
  return vector.text ?? JSON.stringify(vector.wire);
}
