import { isObject } from "../node/envelope.ts";
import { exceedsLimits } from "../node/measure.ts";
import { DATAWAY_LIMITS } from "./limits.ts";

/** Lenient readers: what is not as expected is undefined or empty, and nothing throws. */

/** The fields of an object under their names without case, `-` and `_`. Of names that then are the same the last counts. */
export class Fields {
  readonly #values = new Map<string, unknown>();

  constructor(value: unknown) {
    if (!isObject(value)) return;
    for (const [name, content] of Object.entries(value)) this.#values.set(simplify(name), content);
  }

  /** The first of these that is there and not null. Names are given as they are kept: without case, `-` and `_`. */
  get(...names: readonly string[]): unknown {
    for (const name of names) {
      const value = this.#values.get(name);
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A text, cut to what is sane; numbers count as their digits. Empty for anything else. */
  text(...names: readonly string[]): string {
    const value = this.get(...names);
    if (typeof value === "number") return String(value);
    return typeof value === "string" ? value.slice(0, DATAWAY_LIMITS.wordLength) : "";
  }

  texts(...names: readonly string[]): string[] {
    return readTexts(this.get(...names));
  }
}

export function simplify(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** The non-empty texts of an array; one text counts as an array of it. */
export function readTexts(value: unknown): string[] {
  const items = Array.isArray(value) ? value.slice(0, DATAWAY_LIMITS.items) : [value];
  return items.filter((item) => typeof item === "string" && item !== "" && item.length <= DATAWAY_LIMITS.wordLength);
}

/** An array as it is, a bare value as an array of it, and nothing as none. */
export function toArray(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** Parses JSON of sane size, depth and number of elements. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  if (text.length > DATAWAY_LIMITS.frameBytes || exceedsLimits(text)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const BASE64 = /^[A-Za-z0-9+/\-_]*={0,2}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text in base64, padded or not; undefined when it is none. */
export function fromBase64(text: string): string | undefined {
  const packed = /\s/.test(text) ? text.replace(/\s+/g, "") : text;
  if (packed.replace(/=+$/, "").length % 4 === 1 || !BASE64.test(packed)) return undefined;
  try {
    return utf8.decode(Buffer.from(packed, "base64"));
  } catch {
    return undefined;
  }
}

export function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** A configuration as it travels: base64, base64 of a text in quotes (October 2020), or the bare text. */
export function readToml(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = fromBase64(value) ?? value;
  if (!text.startsWith('"')) return text;
  const quoted = parseJson(text);
  return typeof quoted?.value === "string" ? quoted.value : text;
}
