import { isObject } from "../node/envelope.ts";
import type { DatawayFrame } from "./frame.ts";
import { DATAWAY_LIMITS } from "./limits.ts";
import { Fields, readToml, toArray } from "./values.ts";

/** A configuration with what it goes by: a collector's name, or the base name of a file. */
export interface NamedText {
  readonly name: string;
  readonly toml: string;
  /** The input-id; undefined in eras that know none. */
  readonly id: string | undefined;
  readonly inputType: string;
}

/** The fields that hold a configuration, in the seed, in era A, and of later drafts. */
const TEXTS = ["cfg", "config", "toml"];

/**
 * The configurations in a request or an answer: the seed's `[{id, input, input_type, cfg}]`, era A's `[{input, config}]`, and
 * era B's `{"cpu": {"toml": …}}`, as one object or as an array of them. Elements without one are left out.
 */
export function readNamedTexts({ payload }: Pick<DatawayFrame, "payload">): NamedText[] {
  const texts: NamedText[] = [];
  for (const element of toArray(payload).slice(0, DATAWAY_LIMITS.items)) {
    if (!isObject(element)) continue;
    const fields = new Fields(element);
    const own = fields.get(...TEXTS);
    if (typeof own === "string") texts.push(...readOne(fields, own));
    else for (const [name, value] of Object.entries(element)) texts.push(...readKeyed(name, value));
    if (texts.length > DATAWAY_LIMITS.items) return texts.slice(0, DATAWAY_LIMITS.items);
  }
  return texts;
}

/** How many configurations it should hold, had all of them a text. */
export function countNamedTexts({ payload }: Pick<DatawayFrame, "payload">): number {
  let count = 0;
  for (const element of toArray(payload)) {
    const isOne = !isObject(element) || typeof element.input === "string" || typeof element.id === "string";
    count += isOne ? 1 : Object.keys(element).length;
  }
  return count;
}

function readOne(fields: Fields, packed: string): NamedText[] {
  const toml = readToml(packed);
  const id = fields.text("id") || undefined;
  const name = fields.text("input") || id || "";
  return toml === undefined || name === ""
    ? []
    : [{ name, toml, id, inputType: fields.text("inputtype") || "datakit" }];
}

/** File names came with their ending at first. */
function readKeyed(key: string, value: unknown): NamedText[] {
  const toml = readToml(new Fields(value).get(...TEXTS));
  const name = key.replace(/\.conf$/, "").slice(0, DATAWAY_LIMITS.wordLength);
  return toml === undefined || name === "" ? [] : [{ name, toml, id: undefined, inputType: "datakit" }];
}
