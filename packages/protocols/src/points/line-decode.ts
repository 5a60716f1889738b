import type { FieldValue, Point } from "@muster/core";
import { BodyError, type DecodedPoints, PointError, type PointProblem, type Refusal, refuseBody } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import { LineReader, type LineSink } from "./line-reader.ts";
import type { Series, SeriesCache } from "./line-series.ts";
import { type Instant, instantToNanoseconds, type Precision } from "./precision.ts";
import { ReadingSink, type Readings } from "./readings.ts";
import { runSteps, type Steps } from "./steps.ts";

/** How lines are to be read. */
export interface LineOptions {
  /** The time of lines that carry none, in ns. */
  readonly receivedAtNs: bigint;
  /** The unit of timestamps. Default `auto`: their magnitude tells it. */
  readonly precision?: Precision | "auto";
  /** What was met before, for a reader that meets the same series again and again. */
  readonly series?: SeriesCache;
  /** Fields, tags and items of arrays in all, where it is not the usual limit. */
  readonly maxValues?: number;
}

/** As DecodedPoints, of readings. */
export type DecodedReadings = { readonly readings: Readings; readonly problems?: undefined } | Refusal;

/** Reads line protocol: InfluxDB's, with `"…"b` for bytes and `[1i,2i]` for arrays. Bytes are taken for UTF-8. */
export function decodeLines(body: string | Uint8Array, options: LineOptions): DecodedPoints {
  return runSteps(decodeLinesInSteps(body, options));
}

/** The same in steps. */
export function* decodeLinesInSteps(body: string | Uint8Array, options: LineOptions): Steps<DecodedPoints> {
  const sink = new PointSink(options.receivedAtNs);
  const failure = yield* readLines(body, sink, options);
  return failure ?? { points: sink.points };
}

/** Only the numbers, in columns, where nobody needs the rest. What is refused is the same. */
export function* decodeReadingsInSteps(body: string | Uint8Array, options: LineOptions): Steps<DecodedReadings> {
  const sink = new ReadingSink(options.receivedAtNs);
  const failure = yield* readLines(body, sink, options);
  return failure ?? { readings: sink.readings };
}

/** Answers what is wrong with the body, if something is. */
function* readLines(body: string | Uint8Array, sink: LineSink, options: LineOptions): Steps<Refusal | undefined> {
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
  const { precision = "auto", series: cache, maxValues } = options;
  const reader = new LineReader(bytes, sink, { precision, cache, maxValues });
  const places = new Places(bytes);
  const problems: PointProblem[] = [];
  let problemCount = 0;
  while (!reader.isAtEnd && problemCount < POINT_LIMITS.problemsCounted) {
    try {
      reader.readSome();
      if (reader.lines > POINT_LIMITS.points) return refuseBody(`more than ${POINT_LIMITS.points} points`);
    } catch (error) {
      if (!(error instanceof PointError)) throw error;
      if (error instanceof BodyError) return refuseBody(error.message);
      problemCount += 1;
      if (problems.length < POINT_LIMITS.problems)
        problems.push({ where: places.describe(error.at === -1 ? reader.at : error.at), message: error.message });
      reader.skipLine();
    }
    yield;
  }
  return problemCount > 0 ? { problems, problemCount } : undefined;
}

/** Finds lines and columns of places that come in their order. */
class Places {
  readonly #bytes: Buffer;
  #line = 1;
  #start = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  describe(at: number): string {
    const place = Math.min(at, this.#bytes.length);
    for (let index = this.#start; index < place; index++) {
      if (this.#bytes[index] !== 0x0a) continue;
      this.#line += 1;
      this.#start = index + 1;
    }
    return `line ${this.#line}, column ${this.#bytes.toString("utf8", this.#start, place).length + 1}`;
  }
}

class PointSink implements LineSink {
  readonly points: Point[] = [];
  readonly #receivedAtNs: bigint;
  #series: Series | undefined;
  #fields: Record<string, FieldValue> = {};

  constructor(receivedAtNs: bigint) {
    this.#receivedAtNs = receivedAtNs;
  }

  begin(series: Series): void {
    this.#series = series;
    this.#fields = {};
  }

  number(name: string, value: number): void {
    this.#fields[name] = value;
  }

  integer(name: string, value: number): void {
    this.#fields[name] = BigInt(value);
  }

  other(name: string, value: FieldValue): void {
    this.#fields[name] = value;
  }

  end(time: Instant | undefined): void {
    const { measurement, tags } = this.#series as Series;
    const timeNs = time === undefined ? this.#receivedAtNs : instantToNanoseconds(time);
    this.points.push({ measurement, tags, fields: this.#fields, timeNs });
  }
}
