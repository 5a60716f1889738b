import type { FieldValue } from "@muster/core";
import type { RawFields } from "../shared/values.ts";

/** A number as services print it: without a fraction an integer, else a float; undefined when it is no number. */
export function readNumeric(text: unknown): number | bigint | undefined {
  if (typeof text === "number") return Number.isInteger(text) ? toInt64(BigInt(text)) : text;
  if (typeof text === "bigint") return toInt64(text);
  if (typeof text !== "string" || text.length > 40) return undefined;
  if (/^-?\d+$/.test(text)) return toInt64(BigInt(text));
  if (/^-?(\d+\.\d*|\.?\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  return undefined;
}

/** What does not fit the integers of points becomes their largest. */
function toInt64(value: bigint): bigint {
  const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
  return value > most ? most : value < least ? least : value;
}

/** The float of what a service printed; for fields that are ratios and times, which must not turn into integers. */
export function readFloat(text: unknown): number | undefined {
  const value = readNumeric(text);
  return value === undefined ? undefined : Number(value);
}

/** The fields that `meanings` describe, of a row with values as they were printed. */
export function pickNumbers(
  row: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>,
  meanings: Readonly<Record<string, string>>,
): RawFields {
  const find =
    row instanceof Map ? (name: string) => row.get(name) : (name: string) => (row as Record<string, unknown>)[name];
  const fields: Record<string, FieldValue | undefined> = {};
  for (const name of Object.keys(meanings)) fields[name] = readNumeric(find(name));
  return fields;
}
