import type { FieldValue, Point } from "@muster/core";
import { BodyReader } from "./body-reader.ts";
import { type DecodedPoints, isReservedKey, PointError } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import type { LineOptions } from "./line-decode.ts";
import { checkPoint, readBytes } from "./line-values.ts";
import { toNanoseconds } from "./precision.ts";
import { runSteps, type Steps } from "./steps.ts";

const MAX_DEPTH = 8;
/** Each value has one, and each point a few between its parts. */
const MAX_COMMAS = POINT_LIMITS.values + 2 * POINT_LIMITS.points;

/** Reads `[{measurement, tags, fields, time}, …]`, or one such object. Times are integers, in the unit that the caller says, or RFC 3339. */
export function decodeJsonPoints(text: string, options: LineOptions): DecodedPoints {
  return runSteps(decodeJsonInSteps(text, options));
}

/** The same in steps, once the text is parsed: that is one of them. */
export function decodeJsonInSteps(text: string, options: LineOptions): Steps<DecodedPoints> {
  return new BodyReader().readAll(
    () => listItems(text),
    (item) => readJsonPoint(item, options),
  );
}

/** Reads the JSON form of the protobuf messages: `[{name, fields: [{key, i|u|f|b|d|s|a, isTag}], time}, …]`. */
export function decodePbJsonPoints(text: string, options: LineOptions): DecodedPoints {
  return runSteps(decodePbJsonInSteps(text, options));
}

/** The same in steps, once the text is parsed: that is one of them. */
export function decodePbJsonInSteps(text: string, options: LineOptions): Steps<DecodedPoints> {
  return new BodyReader().readAll(
    () => listItems(text),
    (item) => readPbJsonPoint(item, options),
  );
}

function listItems(text: string): readonly unknown[] {
  const parsed: unknown = parseExactly(text);
  if (Array.isArray(parsed)) return parsed;
  if (isObject(parsed) && Array.isArray(parsed.arr)) return parsed.arr;
  return [parsed];
}

/**
 * Integers that a number does not hold become bigints: times in ns are such. What would become more values than a body may
 * have is not parsed at all: the parser is busy with a long row of `{},` for minutes.
 */
function parseExactly(text: string): unknown {
  let deepest = 0;
  for (let at = 0, depth = 0, commas = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
    } else if (code === 0x2c) {
      if (++commas > MAX_COMMAS) throw new PointError(`more than ${POINT_LIMITS.values} fields, tags and items`);
    } else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
    if (deepest > MAX_DEPTH) throw new PointError(`nested deeper than ${MAX_DEPTH}`);
  }
  try {
    return /\d{16}/.test(text)
      ? JSON.parse(text, reviveInteger as (key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch (error) {
    throw new PointError(error instanceof SyntaxError ? error.message.slice(0, 200) : "no JSON");
  }
}

function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || context?.source === undefined) return value;
  return /^-?\d{1,20}$/.test(context.source) ? BigInt(context.source) : value;
}

function readJsonPoint(item: unknown, options: LineOptions): Point {
  if (!isObject(item)) throw new PointError("expected an object");
  const { measurement, tags = {}, fields, time } = typeof item.__name === "string" ? readOldObject(item) : item;
  if (typeof measurement !== "string") throw new PointError("measurement: expected a text");
  if (!isObject(tags)) throw new PointError("tags: expected an object");
  if (!isObject(fields)) throw new PointError("fields: expected an object");
  const point = { measurement: measurement || "__default", tags: {}, fields: {}, timeNs: readTime(time, options) };
  for (const [key, value] of Object.entries(tags)) putTag(point.tags, key, readTag(value));
  for (const [key, value] of Object.entries(fields)) putField(point.fields, key, readField(value));
  return checkPoint(point);
}

/** Objects as agents wrote them until October 2020: `{__name, __tags: {__class, …}, __content}`. */
function readOldObject({ __name, __tags, __content, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const { __class, ...tags } = isObject(__tags) ? __tags : {};
  const message = typeof __content === "string" ? { message: __content } : {};
  return { ...rest, measurement: __class, tags: { ...tags, name: __name }, fields: { name: __name, ...message } };
}

function readTime(time: unknown, options: LineOptions): bigint {
  if (time === undefined || time === null || time === 0) return options.receivedAtNs;
  if (typeof time === "string" && !/^-?\d{1,19}$/.test(time)) {
    const at = Date.parse(time);
    if (Number.isNaN(at)) throw new PointError("time: expected an integer or RFC 3339");
    return BigInt(at) * 1_000_000n;
  }
  const isWhole =
    typeof time === "bigint" || typeof time === "string" || (typeof time === "number" && Number.isInteger(time));
  const ns = isWhole ? toNanoseconds(BigInt(time as number), options.precision ?? "auto") : undefined;
  if (ns === undefined) throw new PointError("time: expected an integer or RFC 3339");
  return ns;
}

function readTag(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  throw new PointError("tags: expected texts");
}

function readField(value: unknown): FieldValue | undefined {
  if (value === null) return undefined;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
  } else if (typeof value === "string" || typeof value === "boolean" || typeof value === "bigint") return value;
  else if (Array.isArray(value)) {
    if (value.length > POINT_LIMITS.items) throw new PointError(`more than ${POINT_LIMITS.items} items`);
    return value.map((item) => {
      const read = Array.isArray(item) ? undefined : readField(item);
      if (read === undefined) throw new PointError("fields: expected numbers, texts and truth values");
      return read;
    });
  }
  throw new PointError("fields: expected numbers, texts and truth values");
}

function readPbJsonPoint(item: unknown, options: LineOptions): Point {
  if (!isObject(item)) throw new PointError("expected an object");
  const { name = "", fields, time } = item;
  if (typeof name !== "string") throw new PointError("name: expected a text");
  if (!Array.isArray(fields)) throw new PointError("fields: expected an array");
  const point = {
    measurement: name || "__default",
    tags: {},
    fields: {},
    timeNs: readTime(time, { ...options, precision: "n" }),
  };
  for (const field of fields) {
    if (!isObject(field) || typeof field.key !== "string") throw new PointError("fields: expected objects with a key");
    const value = readPbValue(field);
    if (field.isTag === true || field.is_tag === true) putTag(point.tags, field.key, String(value ?? ""));
    else putField(point.fields, field.key, value);
  }
  return checkPoint(point);
}

function readPbValue(field: Record<string, unknown>): FieldValue | undefined {
  if (field.i !== undefined) return readInteger(field.i);
  if (field.u !== undefined) return readInteger(field.u);
  if (typeof field.f === "number" && Number.isFinite(field.f)) return field.f;
  if (typeof field.b === "boolean") return field.b;
  if (typeof field.s === "string") return field.s;
  if (typeof field.d === "string") return readBytes(field.d);
  const list = isObject(field.a) ? field.a.arr : undefined;
  if (Array.isArray(list)) return list.slice(0, POINT_LIMITS.items).map(readPbItem);
  if (field.f === "NaN" || field.f === "Infinity" || field.f === "-Infinity") return undefined;
  // proto3 leaves out zero values of some writers
  return undefined;
}

function readPbItem(item: unknown): FieldValue {
  const value = isObject(item) && item.a === undefined ? readPbValue(item) : undefined;
  if (value === undefined) throw new PointError("an array with an item that is no value");
  return value;
}

function readInteger(value: unknown): bigint {
  const text = String(value);
  if (!/^-?\d{1,20}$/.test(text)) throw new PointError("an integer that is none");
  return BigInt(text);
}

export function putTag(tags: Record<string, string>, key: string, value: string): void {
  if (key === "" || isReservedKey(key)) throw new PointError("a tag without a usable name");
  // empty tags say nothing
  if (value !== "") tags[key] = value;
}

export function putField(fields: Record<string, FieldValue>, key: string, value: FieldValue | undefined): void {
  if (key === "" || isReservedKey(key)) throw new PointError("a field without a usable name");
  if (value !== undefined) fields[key] = value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
