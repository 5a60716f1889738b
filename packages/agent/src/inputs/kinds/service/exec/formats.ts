import type { FieldValue, Point } from "@muster/core";
import { decodeLines, describeProblems } from "@muster/protocols/points";
import { fieldsOf, type RawFields } from "../../shared/values.ts";
import { ServiceTrouble } from "../failure.ts";

export const EXEC_FORMATS = ["influx", "json", "value", "nagios"] as const;
export type ExecFormat = (typeof EXEC_FORMATS)[number];

const MAX_POINTS = 10_000;
const MAX_FIELDS = 1024;
const MAX_DEPTH = 10;
const MAX_TEXT = 64 * 1024;

export interface FormatOptions {
  readonly data_format: ExecFormat;
  readonly measurement_name: string;
  readonly tag_keys: readonly string[];
  readonly json_string_fields: readonly string[];
  readonly data_type: "float" | "integer" | "string";
}

export interface ProgramAnswer {
  readonly output: string;
  readonly exitCode: number | null;
  readonly timeNs: bigint;
}

/** Points of what a program printed. Throws `ServiceTrouble` with the place that cannot be read. */
export function readOutput(answer: ProgramAnswer, options: FormatOptions): Point[] {
  switch (options.data_format) {
    case "influx":
      return readLines(answer);
    case "json":
      return readJson(answer, options);
    case "value":
      return [readValue(answer, options)];
    case "nagios":
      return readNagios(answer, options);
  }
}

function readLines({ output, timeNs }: ProgramAnswer): Point[] {
  const decoded = decodeLines(output, { receivedAtNs: timeNs });
  if (!decoded.points) throw new ServiceTrouble(`the output is no line protocol: ${describeProblems(decoded)}`);
  return decoded.points.slice(0, MAX_POINTS);
}

/** An object, or a list of them, each a point: what is inside is joined with `_`, texts are left out unless named. */
function readJson({ output, timeNs }: ProgramAnswer, options: FormatOptions): Point[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(output);
  } catch {
    throw new ServiceTrouble("the output is no JSON");
  }
  const items = (Array.isArray(parsed) ? parsed : [parsed]).slice(0, MAX_POINTS);
  const points: Point[] = [];
  for (const item of items) {
    if (typeof item !== "object" || item === null)
      throw new ServiceTrouble("the output is neither an object nor a list of objects");
    const flat = new Map<string, FieldValue>();
    flatten(item, { prefix: "", depth: 0 }, flat);
    const tags: Record<string, string> = {};
    const fields: Record<string, FieldValue> = {};
    for (const [key, value] of flat) {
      if (options.tag_keys.includes(key)) {
        if (String(value) !== "") tags[key] = String(value);
      } else if (typeof value !== "string" || options.json_string_fields.includes(key)) fields[key] = value;
    }
    if (Object.keys(fields).length > 0) points.push({ measurement: options.measurement_name, tags, fields, timeNs });
  }
  return points;
}

function flatten(
  value: unknown,
  at: { readonly prefix: string; readonly depth: number },
  into: Map<string, FieldValue>,
): void {
  if (into.size >= MAX_FIELDS || at.depth > MAX_DEPTH) return;
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const prefix = at.prefix === "" ? key : `${at.prefix}_${key}`;
      if (key !== "__proto__") flatten(inner, { prefix, depth: at.depth + 1 }, into);
    }
  } else if (typeof value === "number" || typeof value === "boolean") into.set(at.prefix, value);
  else if (typeof value === "string") into.set(at.prefix, value.slice(0, MAX_TEXT));
}

/** One value: the last line that holds anything. */
function readValue({ output, timeNs }: ProgramAnswer, { data_type, measurement_name }: FormatOptions): Point {
  const text = output.trim().split("\n").at(-1)?.trim() ?? "";
  if (text === "") throw new ServiceTrouble("the program printed nothing");
  return { measurement: measurement_name, tags: {}, fields: { value: convert(text, data_type) }, timeNs };
}

function convert(text: string, type: FormatOptions["data_type"]): FieldValue {
  if (type === "string") return text.slice(0, MAX_TEXT);
  if (type === "integer" && /^[+-]?\d{1,18}$/.test(text)) return BigInt(text.replace(/^\+/, ""));
  if (type === "float" && /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  throw new ServiceTrouble(`${JSON.stringify(text.slice(0, 50))} is no ${type}`);
}

/** Lengths are bounded, since each place of the text may be the beginning of a value. */
const PERFORMANCE =
  /('(?:[^']|''){1,200}'|[^'=\s]{1,200})=(-?[\d.]{1,40}(?:e[+-]?\d{1,3})?)([a-z%]{0,20})((?:;[^;\s]{0,100}){0,4})/gi;
const MAX_PERFORMANCE = 64 * 1024;

/** A plugin's exit code is the state; behind `|` stand values with their limits. */
function readNagios({ output, exitCode, timeNs }: ProgramAnswer, { measurement_name }: FormatOptions): Point[] {
  const lines = output.split("\n");
  const message = (lines[0] ?? "").split("|")[0]?.trim() ?? "";
  const state: RawFields = { state: BigInt(exitCode ?? 3), message: message.slice(0, MAX_TEXT) || undefined };
  const points: Point[] = [{ measurement: `${measurement_name}_state`, tags: {}, fields: fieldsOf(state), timeNs }];
  const behindBars = lines.map((line) => line.split("|").slice(1).join(" ")).join(" ");
  const performance = behindBars.slice(0, MAX_PERFORMANCE);
  for (const [, label = "", value = "", unit = "", limits = ""] of performance.matchAll(PERFORMANCE)) {
    if (points.length >= MAX_POINTS) break;
    const [warning, critical, min, max] = limits.slice(1).split(";").map(plainNumber);
    const fields = fieldsOf({ value: Number(value), warning, critical, min, max });
    const tags = { perfdata: label.replace(/^'|'$/g, "").replaceAll("''", "'"), ...(unit === "" ? {} : { unit }) };
    if (Object.keys(fields).length > 0) points.push({ measurement: measurement_name, tags, fields, timeNs });
  }
  return points;
}

/** A limit that is a range is left out. */
function plainNumber(text: string): number | undefined {
  return /^-?(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : undefined;
}
