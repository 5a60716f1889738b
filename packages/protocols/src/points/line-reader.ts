import type { FieldValue } from "@muster/core";
import { addToHash, type ByteRange, HASH_START, type Known, standsAt } from "./byte-cache.ts";
import { BodyError, isReservedKey, PointError, ValueBudget } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import { costOfSeries, isEscapable, readSeries, type Series, SeriesCache } from "./line-series.ts";
import { KEY_ESCAPES, readBareValue, readBytes, TEXT_ESCAPES, unescapeName } from "./line-values.ts";
import { type Instant, type Precision, readInstant } from "./precision.ts";

/** What is made of the lines that a reader reads: one call to begin a point, one per field, one to end it. */
export interface LineSink {
  begin(series: Series): void;
  number(name: string, value: number): void;
  /** One that a number holds exactly. */
  integer(name: string, value: number): void;
  /** Anything else: texts, truth values, long integers, bytes, arrays. */
  other(name: string, value: FieldValue): void;
  /** `time` is undefined for a line that carries none, and belongs to the reader: copy what you need. */
  end(time: Instant | undefined): void;
}

export interface ReaderOptions {
  readonly precision: Precision | "auto";
  readonly cache: SeriesCache | undefined;
  readonly maxValues: number | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const EQUALS = 0x3d;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const LETTER_B = 0x62;
const LETTER_I = 0x69;

/** Digits that a number holds exactly, and what they are divided by for each place behind the point: both exact, so one rounding. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/** Longest ranges of bytes worth looking at: of whatever is longer, some limit of characters is broken anyway. */
const MAX_SERIES_BYTES = 4 * (POINT_LIMITS.tagText + POINT_LIMITS.measurement);
const MAX_KEY_BYTES = 8 * POINT_LIMITS.key;
const MAX_TOKEN_BYTES = 1024;
const MAX_TIME_BYTES = 1000;
const MAX_SPACES = 64 * 1024;

/** A piece of work: about this many fields, or bytes of white space and texts divided by 64. */
const WORK_PER_PIECE = 250;
const BYTES_PER_WORK = 64;

/** A place in a body that moves on as lines are read. Strings are made only of what was not met before. */
export class LineReader {
  readonly #bytes: Buffer;
  readonly #sink: LineSink;
  readonly #precision: Precision | "auto";
  readonly #cache: SeriesCache;
  readonly #budget: ValueBudget;
  readonly #range: ByteRange = { start: 0, end: 0, hash: 0 };
  readonly #time: Instant = { ms: 0, ns: 0 };
  /** What the line before had: the next one is likely to have it too. */
  #series: Known<Series> | undefined;
  readonly #names: Known<string>[] = [];
  #at = 0;
  /** Fields of the current line that were read; 0 between lines. */
  #fields = 0;
  #lines = 0;
  #work = 0;

  constructor(bytes: Buffer, sink: LineSink, { precision, cache, maxValues }: ReaderOptions) {
    this.#bytes = bytes;
    this.#sink = sink;
    this.#precision = precision;
    this.#cache = cache ?? new SeriesCache(256);
    this.#budget = new ValueBudget(maxValues);
  }

  /** Where it is, in bytes. */
  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length && this.#fields === 0;
  }

  /** Lines that were read to their ends. */
  get lines(): number {
    return this.#lines;
  }

  /** Reads on for some microseconds. Throws a PointError about the line it is in: skip that one. */
  readSome(): void {
    this.#work = 0;
    while (this.#work < WORK_PER_PIECE && (this.#fields > 0 || this.#findLine())) {
      if (this.#fields === 0) this.#readSeries();
      if (!this.#readFields()) break;
      this.#readTime();
      this.#lines += 1;
    }
  }

  /** Goes behind the end of the current line, which was no good. */
  skipLine(): void {
    const end = this.#bytes.indexOf(LF, this.#at);
    this.#at = end === -1 ? this.#bytes.length : end + 1;
    this.#fields = 0;
  }

  /** Goes to the next line that holds a point; false when none was found yet. */
  #findLine(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = Math.min(bytes.length, start + WORK_PER_PIECE * BYTES_PER_WORK);
    for (; this.#at < end; this.#at++) {
      const byte = bytes[this.#at] as number;
      if (byte === HASH) {
        this.skipLine();
        break;
      }
      if (byte > SPACE) return true;
    }
    this.#work += 1 + (this.#at - start) / BYTES_PER_WORK;
    return false;
  }

  #readSeries(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let series = this.#series;
    if (series !== undefined && bytes[start + series.text.length] === SPACE && standsAt(series.text, bytes, start))
      this.#at += series.text.length;
    else series = this.#readOtherSeries(start);
    this.#sink.begin(series.value);
    this.#skipSpaces();
  }

  #readOtherSeries(start: number): Known<Series> {
    const bytes = this.#bytes;
    const range = this.#range;
    const last = Math.min(bytes.length, start + MAX_SERIES_BYTES);
    let hash = HASH_START;
    let at = start;
    for (; ; at++) {
      const byte = bytes[at] as number;
      if (byte === SPACE) break;
      if (byte === LF || at >= bytes.length) throw new PointError("a line without fields", at);
      if (at >= last) throw new PointError(`tags longer than ${POINT_LIMITS.tagText} together`, start);
      hash = addToHash(hash, byte);
      if (byte === BACKSLASH && isEscapable(bytes[at + 1])) hash = addToHash(hash, bytes[++at] as number);
    }
    range.start = start;
    range.end = at;
    range.hash = hash;
    this.#series = this.#cache.series.find(bytes, range) ?? this.#learnSeries(range);
    this.#at = at;
    return this.#series;
  }

  #learnSeries(range: ByteRange): Known<Series> {
    const { start, end } = range;
    const text = this.#bytes.toString("utf8", start, end);
    const series = this.#locate(start, text, () => readSeries(text));
    const tags = Object.keys(series.tags).length;
    this.#budget.spend(tags);
    this.#work += 1 + tags;
    return this.#cache.series.keep(this.#bytes, range, { value: series, cost: costOfSeries(end - start, tags) });
  }

  /** False when the piece of work ended before the fields did. */
  #readFields(): boolean {
    for (;;) {
      if (this.#fields >= POINT_LIMITS.fields)
        throw new PointError(`more than ${POINT_LIMITS.fields} fields`, this.#at);
      this.#budget.spend(1);
      this.#work += 1;
      this.#readValue(this.#readFieldKey());
      this.#fields += 1;
      if (this.#bytes[this.#at] !== COMMA) return true;
      this.#at++;
      if (this.#work >= WORK_PER_PIECE) return false;
    }
  }

  #readFieldKey(): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const likely = this.#names[this.#fields];
    if (likely === undefined || bytes[start + likely.text.length] !== EQUALS || !standsAt(likely.text, bytes, start))
      return this.#readOtherKey(start);
    this.#at = start + likely.text.length + 1;
    return likely.value;
  }

  #readOtherKey(start: number): string {
    const bytes = this.#bytes;
    const range = this.#range;
    const last = Math.min(bytes.length, start + MAX_KEY_BYTES);
    let hash = HASH_START;
    let at = start;
    for (; bytes[at] !== EQUALS; at++) {
      const byte = bytes[at] as number;
      if (byte === LF || byte === SPACE || byte === COMMA || at >= bytes.length)
        throw new PointError("a field without a value", at);
      if (at >= last) throw new PointError(`a name longer than ${POINT_LIMITS.key}`, start);
      hash = addToHash(hash, byte);
      if (byte === BACKSLASH && isEscapable(bytes[at + 1])) hash = addToHash(hash, bytes[++at] as number);
    }
    range.start = start;
    range.end = at;
    range.hash = hash;
    const name = this.#cache.names.find(bytes, range) ?? this.#learnName(range);
    this.#names[this.#fields] = name;
    this.#at = at + 1;
    return name.value;
  }

  #learnName(range: ByteRange): Known<string> {
    const { start, end } = range;
    const key = unescapeName(this.#bytes.toString("utf8", start, end), KEY_ESCAPES);
    if (key === "" || isReservedKey(key)) throw new PointError("a field without a usable name", start);
    if (key.length > POINT_LIMITS.key) throw new PointError(`a name longer than ${POINT_LIMITS.key}`, start);
    return this.#cache.names.keep(this.#bytes, range, { value: key, cost: 2 * (end - start) });
  }

  #readValue(name: string): void {
    const byte = this.#bytes[this.#at];
    if (byte === QUOTE) this.#sink.other(name, this.#readQuoted());
    else if (byte === OPEN) this.#sink.other(name, this.#readArray());
    else this.#readBare(name);
  }

  /** Numbers of few digits are read right from the bytes; everything else as a string. */
  #readBare(name: string): void {
    const bytes = this.#bytes;
    const start = this.#at;
    const sign = bytes[start] as number;
    const from = sign === MINUS || sign === PLUS ? start + 1 : start;
    let at = from;
    let value = 0;
    let point = -1;
    for (; ; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= NINE) value = value * 10 + (byte - ZERO);
      else if (byte === DOT && point === -1) point = at;
      else break;
    }
    const digits = at - from - (point === -1 ? 0 : 1);
    const isExact = digits > 0 && digits <= EXACT_DIGITS;
    if (isExact && isEnd(bytes[at])) {
      if (point !== -1) value /= POWERS[at - point - 1] as number;
      this.#sink.number(name, sign === MINUS ? -value : value);
      this.#at = at;
    } else if (isExact && point === -1 && bytes[at] === LETTER_I && isEnd(bytes[at + 1])) {
      this.#sink.integer(name, sign === MINUS ? 0 - value : value);
      this.#at = at + 1;
    } else if (digits > EXACT_DIGITS && digits <= MAX_TOKEN_BYTES && isEnd(bytes[at])) {
      const read = Number(bytes.toString("latin1", start, at));
      if (!Number.isFinite(read)) throw new PointError("a number that is too large", start);
      this.#sink.number(name, read);
      this.#at = at;
    } else {
      const read = this.#readToken(start, isEnd);
      if (typeof read === "number") this.#sink.number(name, read);
      else this.#sink.other(name, read);
    }
  }

  #readToken(start: number, isOver: (byte: number | undefined) => boolean): FieldValue {
    const bytes = this.#bytes;
    let at = start;
    while (!isOver(bytes[at]) && at - start <= MAX_TOKEN_BYTES) at++;
    this.#at = at;
    return this.#locate(start, "", () => readBareValue(bytes.toString("latin1", start, at)));
  }

  /** Strings may hold line breaks. A `b` behind the quote makes it bytes. */
  #readQuoted(): FieldValue {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let end = bytes.indexOf(QUOTE, start);
    // a quote behind an odd number of backslashes is part of the string
    while (end !== -1 && countBackslashes(bytes, end, start) % 2 === 1) end = bytes.indexOf(QUOTE, end + 1);
    if (end === -1) throw new PointError("a text that does not end", start - 1);
    const content = bytes.toString("utf8", start, end);
    if (content.length > POINT_LIMITS.text) throw new PointError(`a text longer than ${POINT_LIMITS.text}`, start - 1);
    this.#at = end + 1;
    this.#work += (end - start) / BYTES_PER_WORK;
    if (bytes[this.#at] !== LETTER_B) return content.includes("\\") ? content.replace(TEXT_ESCAPES, "$1") : content;
    this.#at++;
    return readBytes(content);
  }

  #readArray(): FieldValue {
    const bytes = this.#bytes;
    const start = this.#at++;
    const items: FieldValue[] = [];
    if (bytes[this.#at] === CLOSE) {
      this.#at++;
      return items;
    }
    for (;;) {
      const isQuoted = bytes[this.#at] === QUOTE;
      const item = isQuoted ? this.#readQuoted() : this.#readToken(this.#at, isItemEnd);
      if (items.length > 0 && typeof items[0] !== typeof item) throw new PointError("an array of several types", start);
      if (items.push(item) > POINT_LIMITS.items) throw new PointError(`more than ${POINT_LIMITS.items} items`, start);
      this.#budget.spend(1);
      this.#work += 1;
      const byte = bytes[this.#at++];
      if (byte === CLOSE) return items;
      if (byte !== COMMA) throw new PointError("an array that does not end", start);
    }
  }

  /** The time and the end of the line. */
  #readTime(): void {
    const bytes = this.#bytes;
    this.#skipSpaces();
    const start = this.#at;
    let lineBreak = start;
    while (lineBreak < bytes.length && bytes[lineBreak] !== LF && lineBreak <= start + MAX_TIME_BYTES) lineBreak++;
    if (lineBreak > start + MAX_TIME_BYTES) throw new PointError("something behind the fields that is no time", start);
    let end = lineBreak;
    while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === CR)) end--;
    if (end === start) this.#sink.end(undefined);
    else {
      const failure = readInstant(bytes, { start, end, precision: this.#precision }, this.#time);
      if (failure !== undefined) throw new PointError(failure, start);
      this.#sink.end(this.#time);
    }
    this.#at = lineBreak + 1;
    this.#fields = 0;
  }

  /** Behind more than that there is no point. */
  #skipSpaces(): void {
    const end = this.#at + MAX_SPACES;
    while (this.#bytes[this.#at] === SPACE && this.#at < end) this.#at++;
  }

  /** Turns places within a text that begins at `start` into places of the body. */
  #locate<Result>(start: number, text: string, read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PointError) || error instanceof BodyError) throw error;
      throw new PointError(error.message, start + Buffer.byteLength(text.slice(0, Math.max(0, error.at))));
    }
  }
}

function isEnd(byte: number | undefined): boolean {
  return byte === COMMA || byte === SPACE || byte === LF || byte === CR || byte === undefined;
}

function isItemEnd(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE || byte === LF || byte === undefined;
}

function countBackslashes(bytes: Uint8Array, end: number, start: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === BACKSLASH) at--;
  return end - at;
}
