import type { FieldValue, Point } from "@muster/core";
import { PointError } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
/** Digits that a number holds exactly. */
const EXACT_DIGITS = 15;

const BOOLEANS: Readonly<Record<string, boolean>> = {
  t: true,
  T: true,
  true: true,
  True: true,
  TRUE: true,
  f: false,
  F: false,
  false: false,
  False: false,
  FALSE: false,
};

/** A value without quotes: `1.5`, `3i`, `3u`, `true`. Throws a PointError. */
export function readBareValue(token: string): FieldValue {
  switch (token.charCodeAt(token.length - 1)) {
    case 0x69: // i
      return readInteger(token, { from: INT64_MIN, to: INT64_MAX });
    case 0x75: // u
      return readInteger(token, { from: 0n, to: UINT64_MAX });
  }
  if (NUMBER.test(token)) {
    const value = Number(token);
    if (Number.isFinite(value)) return value;
    throw new PointError("a number that is too large");
  }
  if (Object.hasOwn(BOOLEANS, token)) return BOOLEANS[token] as boolean;
  throw new PointError(
    token === "" ? "a field without a value" : "a value that is no number, integer, boolean or text",
  );
}

function readInteger(token: string, range: { readonly from: bigint; readonly to: bigint }): bigint {
  const digits = token.slice(0, -1);
  if (!INTEGER.test(digits)) throw new PointError("a value that is no number, integer, boolean or text");
  const value = toBigInt(digits);
  if (value < range.from || value > range.to) throw new PointError("an integer that does not fit 64 bits");
  return value;
}

/** Digits with a sign as an integer; what a number holds exactly goes through one, which is quicker. */
export function toBigInt(digits: string): bigint {
  if (digits.length <= EXACT_DIGITS) return BigInt(Number(digits));
  if (digits.length > 30) throw new PointError("an integer that does not fit 64 bits");
  return BigInt(digits.charCodeAt(0) === 0x2b ? digits.slice(1) : digits);
}

/** The bytes of `"b64"b`. */
export function readBytes(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new PointError("bytes that are not base64");
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** A backslash counts only before one of `special`; elsewhere it is itself. */
export function unescapeName(name: string, special: RegExp): string {
  return name.includes("\\") ? name.replace(special, "$1") : name;
}

export const MEASUREMENT_ESCAPES = /\\([, ])/g;
export const KEY_ESCAPES = /\\([,= ])/g;
export const TEXT_ESCAPES = /\\(["\\])/g;

/** Holds a point that was not read from a line to the same limits. Throws a PointError. */
export function checkPoint(point: Point): Point {
  const { measurement, tags, fields } = point;
  const tagKeys = Object.keys(tags);
  const fieldKeys = Object.keys(fields);
  if (measurement.length > POINT_LIMITS.measurement)
    throw new PointError(`a measurement longer than ${POINT_LIMITS.measurement}`);
  if (tagKeys.length > POINT_LIMITS.tags) throw new PointError(`more than ${POINT_LIMITS.tags} tags`);
  if (fieldKeys.length > POINT_LIMITS.fields) throw new PointError(`more than ${POINT_LIMITS.fields} fields`);
  if (fieldKeys.length === 0) throw new PointError("a point without fields");
  let tagText = 0;
  for (const key of [...tagKeys, ...fieldKeys])
    if (key.length > POINT_LIMITS.key) throw new PointError(`a name longer than ${POINT_LIMITS.key}`);
  for (const key of tagKeys) {
    const { length } = tags[key] ?? "";
    if (length > POINT_LIMITS.tagValue) throw new PointError(`a tag longer than ${POINT_LIMITS.tagValue}`);
    tagText += key.length + length;
  }
  if (tagText > POINT_LIMITS.tagText) throw new PointError(`tags longer than ${POINT_LIMITS.tagText} together`);
  for (const key of fieldKeys) {
    const value = fields[key];
    if (typeof value === "string" && value.length > POINT_LIMITS.text)
      throw new PointError(`a text longer than ${POINT_LIMITS.text}`);
  }
  return point;
}
