import type { Clock, FieldValue, Point } from "@muster/core";

/** Fields as collectors have them: what is undefined or no finite number is left out by `fieldsOf`. */
export type RawFields = Readonly<Record<string, FieldValue | undefined>>;

/** Fields of a point: a number becomes a float, a bigint an integer; what could not be read is left out. */
export function fieldsOf(raw: RawFields): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) continue;
    fields[name] = value;
  }
  return fields;
}

/** An integer field of a number that is read as a double; undefined stays undefined. */
export function int(value: number | undefined): bigint | undefined {
  return value === undefined || !Number.isFinite(value) ? undefined : BigInt(Math.round(value));
}

/** 0 to 100; 0 when there is no whole. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0;
}

/** The present as points want it. */
export function nowNs(clock: Clock): bigint {
  return BigInt(Math.trunc(clock.now())) * 1_000_000n;
}

export interface RawPoint {
  readonly tags?: Readonly<Record<string, string | undefined>>;
  readonly fields: RawFields;
  readonly timeNs: bigint;
}

/** A point without the tags and fields that have no value; undefined when no field is left. */
export function pointOf(measurement: string, raw: RawPoint): Point | undefined {
  const fields = fieldsOf(raw.fields);
  if (Object.keys(fields).length === 0) return undefined;
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw.tags ?? {})) if (value) tags[name] = value;
  return { measurement, tags, fields, timeNs: raw.timeNs };
}

/** Those that are not undefined. */
export function present<Value>(values: readonly (Value | undefined)[]): Value[] {
  return values.filter((value) => value !== undefined);
}
