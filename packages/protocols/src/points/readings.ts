import type { FieldValue, Point } from "@muster/core";
import type { LineSink } from "./line-reader.ts";
import type { Series } from "./line-series.ts";
import type { Instant } from "./precision.ts";

const NS_PER_MS = 1_000_000n;

/**
 * The numbers of points in columns, with no object per point. Truth is 1 or 0. What is no number (a text, bytes, an array)
 * stands there as NaN.
 */
export class Readings {
  /** One of each per point: points of one series may share the object. Times in ms; a point's values end where the next one's begin. */
  readonly series: Series[] = [];
  readonly times: number[] = [];
  readonly ends: number[] = [];
  /** One of each per value. */
  readonly names: string[] = [];
  readonly values: number[] = [];

  /** How many points there are. */
  get length(): number {
    return this.ends.length;
  }

  /** Where the values of a point begin. */
  startOf(point: number): number {
    return point === 0 ? 0 : (this.ends[point - 1] as number);
  }

  static from(points: Iterable<Point>): Readings {
    const readings = new Readings();
    for (const point of points) {
      for (const name in point.fields) {
        readings.names.push(name);
        readings.values.push(toNumber(point.fields[name]));
      }
      readings.series.push(point);
      readings.times.push(Number(point.timeNs / NS_PER_MS));
      readings.ends.push(readings.values.length);
    }
    return readings;
  }
}

/** Makes readings of lines. */
export class ReadingSink implements LineSink {
  readonly readings = new Readings();
  readonly #receivedAtMs: number;
  #series: Series | undefined;

  constructor(receivedAtNs: bigint) {
    this.#receivedAtMs = Number(receivedAtNs / NS_PER_MS);
  }

  begin(series: Series): void {
    this.#series = series;
  }

  number(name: string, value: number): void {
    this.readings.names.push(name);
    this.readings.values.push(value);
  }

  integer(name: string, value: number): void {
    this.number(name, value);
  }

  other(name: string, value: FieldValue): void {
    this.number(name, toNumber(value));
  }

  end(time: Instant | undefined): void {
    const { series, times, ends, values } = this.readings;
    series.push(this.#series as Series);
    times.push(time === undefined ? this.#receivedAtMs : time.ms);
    ends.push(values.length);
  }
}

function toNumber(value: FieldValue | undefined): number {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? value : Number.NaN;
    case "bigint":
      return Number(value);
    case "boolean":
      return value ? 1 : 0;
    default:
      return Number.NaN;
  }
}
