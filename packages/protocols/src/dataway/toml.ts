import { createHash } from "node:crypto";
import { INPUT_LIMITS } from "@muster/core";
import { parse, TomlDate, TomlError, type TomlTable, type TomlValue } from "smol-toml";

export const TOML_LIMITS = {
  bytes: INPUT_LIMITS.tomlBytes,
  /** Tables and arrays in one another, those of `inputs` included. */
  depth: 32,
  /** Names and items of arrays, all together. */
  values: 20_000,
} as const;

/** What is wrong with a text and where; both places count from 1. */
export interface TomlMistake {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/** Reads TOML. Integers are bigints, so that they are told from floats. */
export function parseToml(text: string): { readonly table: TomlTable } | { readonly mistake: TomlMistake } {
  if (text.length > TOML_LIMITS.bytes || Buffer.byteLength(text) > TOML_LIMITS.bytes)
    return { mistake: { message: `the text is longer than ${TOML_LIMITS.bytes} bytes` } };
  // the parser makes a table for each before it looks at the depth: a text of nothing else would hold it for a second
  if (countDots(text) > TOML_LIMITS.values) return { mistake: { message: "the text has too many dotted names" } };
  const options = { integersAsBigInt: true, unsafeKeyBehaviour: "throw", maxDepth: TOML_LIMITS.depth } as const;
  try {
    const table = parse(text, options);
    const message = findExcess(table);
    return message === undefined ? { table } : { mistake: { message } };
  } catch (error) {
    if (error instanceof TomlError) return { mistake: describe(error) };
    // dates that no calendar has, and numbers that no integer type holds
    return { mistake: { message: error instanceof Error ? error.message : "this is not TOML" } };
  }
}

function countDots(text: string): number {
  let count = 0;
  for (let at = text.indexOf("."); at !== -1; at = text.indexOf(".", at + 1)) count++;
  return count;
}

/** A digest of what a value means: the order of names does not count, the order of arrays does, and 1 is not 1.0. */
export function digestOf(value: unknown): string {
  const hash = createHash("sha256");
  writeCanonical(value, (piece) => hash.update(piece));
  return hash.digest("hex");
}

/** Bigints become numbers where nothing is lost, dates become their text, and tables plain objects. */
export function toPlain(value: TomlValue): unknown {
  if (typeof value === "bigint") return isSafe(value) ? Number(value) : value;
  if (typeof value !== "object") return value;
  if (value instanceof TomlDate) return value.toISOString();
  if (Array.isArray(value)) return value.map(toPlain);
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, toPlain(content)]));
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

/** The library's message is followed by a drawing of the place. */
function describe(error: TomlError): TomlMistake {
  const [sentence = ""] = error.message.split("\n", 1);
  return { message: sentence.replace(/^Invalid TOML document: /, ""), line: error.line, column: error.column };
}

/** What of the limits a table breaks. Without recursion: dotted names can nest deeper than a stack. */
function findExcess(table: TomlTable): string | undefined {
  const waiting: { value: TomlValue; depth: number }[] = [{ value: table, depth: 0 }];
  let values = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.depth > TOML_LIMITS.depth) return `it nests deeper than ${TOML_LIMITS.depth} levels`;
    values++;
    if (values > TOML_LIMITS.values) return `it holds more than ${TOML_LIMITS.values} values`;
    if (typeof next.value !== "object" || next.value instanceof TomlDate) continue;
    const inner = Array.isArray(next.value) ? next.value : Object.values(next.value);
    for (const value of inner) waiting.push({ value, depth: next.depth + 1 });
  }
  return undefined;
}

/** Each kind of value starts with another character, and texts say where they end. */
function writeCanonical(value: unknown, write: (piece: string) => void): void {
  if (typeof value === "string") write(JSON.stringify(value));
  else if (typeof value === "bigint") write(`i${value};`);
  else if (typeof value === "number") write(`f${Object.is(value, -0) ? "-0" : value};`);
  else if (value instanceof Date) write(`d${value.toISOString()};`);
  else if (Array.isArray(value)) {
    write("[");
    for (const item of value) writeCanonical(item, write);
    write("]");
  } else if (typeof value === "object" && value !== null) {
    write("{");
    for (const [name, content] of Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))) {
      write(JSON.stringify(name));
      writeCanonical(content, write);
    }
    write("}");
  } else write(`${String(value)};`);
}
