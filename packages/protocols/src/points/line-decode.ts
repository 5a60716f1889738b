import type { FieldValue, Point } from "@muster/core";
import {
  BodyError,
  type DecodedPoints,
  isReservedKey,
  PointError,
  type PointProblem,
  refuseBody,
  ValueBudget,
} from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import { isEscapable, readSeries, type Series, type SeriesCache } from "./line-series.ts";
import { KEY_ESCAPES, readBareValue, readBytes, TEXT_ESCAPES, toBigInt, unescapeName } from "./line-values.ts";
import { type Precision, toNanoseconds } from "./precision.ts";

/** How lines are to be read. */
export interface LineOptions {
  /** The time of lines that carry none, in ns. */
  readonly receivedAtNs: bigint;
  /** The unit of timestamps. Default `auto`: their magnitude tells it. */
  readonly precision?: Precision | "auto";
  /** Series that were met before, for a reader that meets the same ones again and again. */
  readonly series?: SeriesCache;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const LETTER_B = 0x62;

/** Reads line protocol: InfluxDB's, with `"…"b` for bytes and `[1i,2i]` for arrays. Bytes are taken for UTF-8. */
export function decodeLines(body: string | Uint8Array, options: LineOptions): DecodedPoints {
  const text = typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  const reader = new LineReader(text, options);
  const points: Point[] = [];
  const problems: PointProblem[] = [];
  let problemCount = 0;
  while (reader.findLine()) {
    try {
      points.push(reader.readPoint());
      if (points.length > POINT_LIMITS.points) return refuseBody(`more than ${POINT_LIMITS.points} points`);
    } catch (error) {
      if (!(error instanceof PointError)) throw error;
      if (error instanceof BodyError) return refuseBody(error.message);
      problemCount += 1;
      if (problems.length < POINT_LIMITS.problems)
        problems.push({ where: reader.describePlace(error.at), message: error.message });
      reader.skipLine();
    }
  }
  return problemCount > 0 ? { problems, problemCount } : { points };
}

/** A place in a text that moves on as points are read. */
class LineReader {
  readonly #text: string;
  readonly #options: LineOptions;
  readonly #budget = new ValueBudget();
  #at = 0;

  constructor(text: string, options: LineOptions) {
    this.#text = text;
    this.#options = options;
  }

  /** Goes to the next line that holds a point; false when there is none. */
  findLine(): boolean {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code === HASH) {
        this.skipLine();
        this.#at--;
      } else if (code > SPACE) return true;
    }
    return false;
  }

  readPoint(): Point {
    const { measurement, tags } = this.#readSeries();
    const fields = this.#readFields();
    return { measurement, tags, fields, timeNs: this.#readTime() };
  }

  /** Goes behind the end of the current line. */
  skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end + 1;
  }

  describePlace(at: number): string {
    const place = at === -1 ? this.#at : at;
    let line = 1;
    let start = 0;
    for (let end = this.#text.indexOf("\n"); end !== -1 && end < place; end = this.#text.indexOf("\n", start)) {
      line += 1;
      start = end + 1;
    }
    return `line ${line}, column ${place - start + 1}`;
  }

  #readSeries(): Series {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (; ; at++) {
      const code = text.charCodeAt(at);
      if (code === SPACE) break;
      if (code === BACKSLASH && isEscapable(text.charCodeAt(at + 1))) at++;
      else if (code === LF || Number.isNaN(code))
        throw new PointError("a line without fields", Math.min(at, text.length));
    }
    const key = text.slice(start, at);
    const { series: cache } = this.#options;
    const known = cache?.find(key);
    const series = known ?? readSeries(key, start);
    if (!known) {
      this.#budget.spend(Object.keys(series.tags).length);
      cache?.keep(key, series);
    }
    this.#at = at;
    this.#skipSpaces();
    return series;
  }

  #readFields(): Record<string, FieldValue> {
    const text = this.#text;
    const fields: Record<string, FieldValue> = {};
    for (let count = 1; ; count++) {
      if (count > POINT_LIMITS.fields) throw new PointError(`more than ${POINT_LIMITS.fields} fields`, this.#at);
      this.#budget.spend(1);
      const key = this.#readFieldKey();
      fields[key] = this.#readValue();
      if (text.charCodeAt(this.#at) !== COMMA) return fields;
      this.#at++;
    }
  }

  #readFieldKey(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (let code = text.charCodeAt(at); code !== EQUALS; code = text.charCodeAt(++at)) {
      if (code === BACKSLASH && isEscapable(text.charCodeAt(at + 1))) at++;
      else if (code === LF || code === SPACE || code === COMMA || Number.isNaN(code))
        throw new PointError("a field without a value", Math.min(at, text.length));
    }
    const key = unescapeName(text.slice(start, at), KEY_ESCAPES);
    if (key === "" || isReservedKey(key)) throw new PointError("a field without a usable name", start);
    if (key.length > POINT_LIMITS.key) throw new PointError(`a name longer than ${POINT_LIMITS.key}`, start);
    this.#at = at + 1;
    return key;
  }

  #readValue(): FieldValue {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    if (code === QUOTE) return this.#readQuoted();
    if (code === OPEN) return this.#readArray();
    return this.#readToken(start, (end) => end === COMMA || end === SPACE || end === LF || end === CR);
  }

  #readToken(start: number, isEnd: (code: number) => boolean): FieldValue {
    const text = this.#text;
    let at = start;
    while (at < text.length && !isEnd(text.charCodeAt(at))) at++;
    this.#at = at;
    try {
      return readBareValue(text.slice(start, at));
    } catch (error) {
      throw error instanceof PointError ? new PointError(error.message, start) : error;
    }
  }

  /** Strings may hold line breaks. A `b` behind the quote makes it bytes. */
  #readQuoted(): FieldValue {
    const text = this.#text;
    const start = this.#at + 1;
    let end = text.indexOf('"', start);
    // a quote behind an odd number of backslashes is part of the string
    while (end !== -1 && countBackslashes(text, end, start) % 2 === 1) end = text.indexOf('"', end + 1);
    if (end === -1) throw new PointError("a text that does not end", start - 1);
    if (end - start > POINT_LIMITS.text) throw new PointError(`a text longer than ${POINT_LIMITS.text}`, start - 1);
    const content = text.slice(start, end);
    this.#at = end + 1;
    if (text.charCodeAt(this.#at) !== LETTER_B)
      return content.includes("\\") ? content.replace(TEXT_ESCAPES, "$1") : content;
    this.#at++;
    return readBytes(content);
  }

  #readArray(): FieldValue {
    const start = this.#at++;
    const items: FieldValue[] = [];
    if (this.#text.charCodeAt(this.#at) === CLOSE) {
      this.#at++;
      return items;
    }
    for (;;) {
      const isQuoted = this.#text.charCodeAt(this.#at) === QUOTE;
      const item = isQuoted
        ? this.#readQuoted()
        : this.#readToken(this.#at, (code) => code === COMMA || code === CLOSE || code === LF);
      if (items.length > 0 && typeof items[0] !== typeof item) throw new PointError("an array of several types", start);
      if (items.push(item) > POINT_LIMITS.items) throw new PointError(`more than ${POINT_LIMITS.items} items`, start);
      this.#budget.spend(1);
      const code = this.#text.charCodeAt(this.#at++);
      if (code === CLOSE) return items;
      if (code !== COMMA) throw new PointError("an array that does not end", start);
    }
  }

  /** The time and the end of the line. */
  #readTime(): bigint {
    const text = this.#text;
    this.#skipSpaces();
    const start = this.#at;
    const end = this.#endOfLine();
    if (end === start) return this.#options.receivedAtNs;
    const digits = text.slice(start, end);
    if (!/^-?\d{1,19}$/.test(digits)) throw new PointError("a time that is no integer", start);
    const ns = toNanoseconds(toBigInt(digits), this.#options.precision ?? "auto");
    if (ns === undefined) throw new PointError("a time that does not fit 64 bits", start);
    return ns;
  }

  /** Where what is left of the line ends, without white space; moves behind the line break. */
  #endOfLine(): number {
    const text = this.#text;
    const lineBreak = text.indexOf("\n", this.#at);
    let end = lineBreak === -1 ? text.length : lineBreak;
    if (end > this.#at + 1000) throw new PointError("something behind the fields that is no time", this.#at);
    while (end > this.#at && (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === CR)) end--;
    const start = this.#at;
    this.#at = lineBreak === -1 ? text.length : lineBreak + 1;
    return Math.max(start, end);
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++;
  }
}

function countBackslashes(text: string, end: number, start: number): number {
  let at = end;
  while (at > start && text.charCodeAt(at - 1) === BACKSLASH) at--;
  return end - at;
}
