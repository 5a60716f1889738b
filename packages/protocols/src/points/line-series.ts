import type { Point } from "@muster/core";
import { ByteCache } from "./byte-cache.ts";
import { isReservedKey, PointError } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import { KEY_ESCAPES, MEASUREMENT_ESCAPES, unescapeName } from "./line-values.ts";

/** What a line measures: everything before its fields. Two lines with the same bytes may share one object. */
export type Series = Pick<Point, "measurement" | "tags">;

const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Longer ones are read again each time. */
const MAX_BYTES = 512;
/** What an object takes per tag beside its text. */
const TAG_COST = 64;
const NAMES = 4096;

/** The series and the names of fields of earlier lines, by their bytes, since the same few thousand come again and again. */
export class SeriesCache {
  readonly series: ByteCache<Series>;
  readonly names: ByteCache<string>;

  /** `maxCost` is about the bytes that all series together take. */
  constructor(maxSeries = 20_000, maxCost = 32 * 1024 * 1024) {
    this.series = new ByteCache(maxSeries, maxCost);
    this.names = new ByteCache(Math.min(NAMES, maxSeries), maxCost);
  }
}

/** What it costs to keep a series that was read from so many bytes; more than any cache may for what is not worth it. */
export function costOfSeries(bytes: number, tags: number): number {
  return bytes > MAX_BYTES ? Number.POSITIVE_INFINITY : 2 * bytes + TAG_COST * (tags + 1);
}

/** Reads `measurement,key=value,…`. Places of errors are those of the text. Throws a PointError. */
export function readSeries(text: string): Series {
  let at = findDelimiter(text, 0, COMMA);
  const measurement = unescapeName(text.slice(0, at), MEASUREMENT_ESCAPES) || "__default";
  if (measurement.length > POINT_LIMITS.measurement)
    throw new PointError(`a measurement longer than ${POINT_LIMITS.measurement}`, 0);
  if (text.length > POINT_LIMITS.tagText + POINT_LIMITS.measurement)
    throw new PointError(`tags longer than ${POINT_LIMITS.tagText} together`, 0);
  const tags: Record<string, string> = {};
  for (let count = 1; at < text.length; count++) {
    if (count > POINT_LIMITS.tags) throw new PointError(`more than ${POINT_LIMITS.tags} tags`, at);
    const keyAt = at + 1;
    const equals = findDelimiter(text, keyAt, EQUALS);
    at = findDelimiter(text, equals + 1, COMMA);
    const key = unescapeName(text.slice(keyAt, equals), KEY_ESCAPES);
    const value = unescapeName(text.slice(equals + 1, at), KEY_ESCAPES);
    if (equals >= text.length || value === "") throw new PointError("a tag without a value", keyAt);
    if (key === "" || isReservedKey(key)) throw new PointError("a tag without a usable name", keyAt);
    if (key.length > POINT_LIMITS.key) throw new PointError(`a name longer than ${POINT_LIMITS.key}`, keyAt);
    if (value.length > POINT_LIMITS.tagValue)
      throw new PointError(`a tag longer than ${POINT_LIMITS.tagValue}`, equals + 1);
    tags[key] = value;
  }
  return { measurement, tags };
}

/** Where `delimiter` stands without a backslash before it, or the end. */
function findDelimiter(text: string, from: number, delimiter: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === delimiter) return at;
    if (code === BACKSLASH && isEscapable(text.charCodeAt(at + 1))) at++;
  }
  return text.length;
}

/** Whether a backslash before it takes its meaning away. */
export function isEscapable(code: number | undefined): boolean {
  return code === COMMA || code === EQUALS || code === SPACE;
}
