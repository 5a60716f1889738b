import type { Point } from "@muster/core";
import { isReservedKey, PointError } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import { KEY_ESCAPES, MEASUREMENT_ESCAPES, unescapeName } from "./line-values.ts";

/** What a line measures: everything before its fields. Two lines with the same text share one object. */
export type Series = Pick<Point, "measurement" | "tags">;

const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Longer ones are read again each time, so that a cache has a bound in bytes as well. */
const MAX_TEXT = 512;

/** The series of earlier lines by their text, since the same few thousand come again and again. Forgets all when full. */
export class SeriesCache {
  readonly #maxSeries: number;
  readonly #known = new Map<string, Series>();

  constructor(maxSeries = 20_000) {
    this.#maxSeries = maxSeries;
  }

  find(text: string): Series | undefined {
    return this.#known.get(text);
  }

  keep(text: string, series: Series): void {
    if (text.length > MAX_TEXT) return;
    if (this.#known.size >= this.#maxSeries) this.#known.clear();
    // a slice of a body keeps all of the body in memory
    this.#known.set(copyText(text), copySeries(series));
  }
}

/** Reads `measurement,key=value,…`; `start` is where it stands in the body, for errors. Throws a PointError. */
export function readSeries(text: string, start: number): Series {
  let at = findDelimiter(text, 0, COMMA);
  const measurement = unescapeName(text.slice(0, at), MEASUREMENT_ESCAPES) || "__default";
  if (measurement.length > POINT_LIMITS.measurement)
    throw new PointError(`a measurement longer than ${POINT_LIMITS.measurement}`, start);
  if (text.length > POINT_LIMITS.tagText + POINT_LIMITS.measurement)
    throw new PointError(`tags longer than ${POINT_LIMITS.tagText} together`, start);
  const tags: Record<string, string> = {};
  for (let count = 1; at < text.length; count++) {
    if (count > POINT_LIMITS.tags) throw new PointError(`more than ${POINT_LIMITS.tags} tags`, start + at);
    const keyAt = at + 1;
    const equals = findDelimiter(text, keyAt, EQUALS);
    at = findDelimiter(text, equals + 1, COMMA);
    const key = unescapeName(text.slice(keyAt, equals), KEY_ESCAPES);
    const value = unescapeName(text.slice(equals + 1, at), KEY_ESCAPES);
    if (equals >= text.length || value === "") throw new PointError("a tag without a value", start + keyAt);
    if (key === "" || isReservedKey(key)) throw new PointError("a tag without a usable name", start + keyAt);
    if (key.length > POINT_LIMITS.key) throw new PointError(`a name longer than ${POINT_LIMITS.key}`, start + keyAt);
    if (value.length > POINT_LIMITS.tagValue)
      throw new PointError(`a tag longer than ${POINT_LIMITS.tagValue}`, start + equals + 1);
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
export function isEscapable(code: number): boolean {
  return code === COMMA || code === EQUALS || code === SPACE;
}

function copySeries({ measurement, tags }: Series): Series {
  const copies: Record<string, string> = {};
  for (const key in tags) copies[copyText(key)] = copyText(tags[key] ?? "");
  return { measurement: copyText(measurement), tags: copies };
}

function copyText(text: string): string {
  return Buffer.from(text).toString();
}
