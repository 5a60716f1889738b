import { INPUT_LIMITS } from "@muster/core";
import type { TomlTable, TomlValue } from "smol-toml";
import { TomlDate } from "smol-toml";
import { digestOf, parseToml, type TomlMistake, toPlain } from "./toml.ts";

/** One `[[inputs.<input>]]`. Durations and dates are texts, integers numbers where those hold them, else bigints. */
export interface InputBlock {
  readonly input: string;
  readonly options: Record<string, unknown>;
  /** Of what the options mean: comments, order of names and spacing aside. */
  readonly digest: string;
}

export interface InputConfig {
  readonly ok: true;
  /** As they stand in the text, those of one collector together. */
  readonly blocks: readonly InputBlock[];
  /** Of what the whole text means. */
  readonly digest: string;
  /** The collector that has the same block twice, if one has. */
  readonly repeated: string | undefined;
  /** Names beside `inputs`, which mean nothing here. */
  readonly ignored: readonly string[];
}

export type InputConfigMistake = { readonly ok: false } & TomlMistake;

/** Reads the text of a configuration: `[[inputs.<name>]]` or `[inputs.<name>]`, with what belongs to them. Never throws. */
export function parseInputConfig(toml: string): InputConfig | InputConfigMistake {
  const parsed = parseToml(toml);
  if ("mistake" in parsed) return { ok: false, ...parsed.mistake };
  const { inputs = {}, ...others } = parsed.table;
  if (!isTable(inputs)) return refuse("inputs must be tables, such as [[inputs.cpu]]");
  const blocks: InputBlock[] = [];
  const meanings: Record<string, readonly string[]> = {};
  let repeated: string | undefined;
  for (const [input, content] of Object.entries(inputs)) {
    const tables = Array.isArray(content) ? content : [content];
    if (input === "" || input.length > INPUT_LIMITS.nameLength)
      return refuse("a collector without a usable name is meant");
    if (!tables.every(isTable)) return refuse(`${input} must be a table: [[inputs.${input}]]`);
    if (blocks.length + tables.length > INPUT_LIMITS.inputsPerFile)
      return refuse(`it has more than ${INPUT_LIMITS.inputsPerFile} blocks`);
    const digests = tables.map(digestOf);
    blocks.push(...tables.map((table, at) => ({ input, options: toOptions(table), digest: digests[at] ?? "" })));
    if (new Set(digests).size < digests.length) repeated ??= input;
    meanings[input] = digests;
  }
  return { ok: true, blocks, digest: digestOf(meanings), repeated, ignored: Object.keys(others) };
}

function toOptions(table: TomlTable): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, toPlain(value)]));
}

function refuse(message: string): InputConfigMistake {
  return { ok: false, message };
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof TomlDate);
}
