import type { Point } from "@muster/core";
import { pointOf, type RawFields } from "../../shared/values.ts";
import type { StatsdLine, StatsdType } from "./line.ts";

export interface SeriesOptions {
  /** Names with their tags. */
  readonly maxSeries: number;
  /** Values kept of one timing in one interval; of more, a fair choice. */
  readonly maxSamples: number;
  /** 0 to 100. */
  readonly percentiles: readonly number[];
  /** Takes the place of dots in names. */
  readonly separator: string;
  /** A gauge without news for so long is forgotten, ms. */
  readonly gaugeTimeoutMs: number;
  /** What everything that is kept may take, about; what has no room is dropped. */
  readonly maxBytes: number;
  /** 0 up to 1. */
  readonly random: () => number;
}

/** Bytes that something takes, besides twice its characters. */
const COSTS = { series: 400, member: 60, sample: 16 } as const;

/** Members of one set that are told apart. */
const MAX_MEMBERS = 10_000;

interface Series {
  readonly measurement: string;
  readonly type: StatsdType;
  readonly tags: Readonly<Record<string, string>>;
  /** Sum of a counter, value of a gauge. */
  value: number;
  members: Set<string> | undefined;
  timing: Timing | undefined;
  changedAt: number;
  /** Of its names, bytes. */
  readonly cost: number;
}

/** Counts, sums and squares weigh by the rate; samples are what came. */
interface Timing {
  seen: number;
  count: number;
  sum: number;
  squares: number;
  least: number;
  most: number;
  samples: number[];
}

/** What came since the last flush. Counters, sets and timings begin anew with each, gauges stay until nothing is heard of them. */
export class StatsdSeries {
  readonly #options: SeriesOptions;
  readonly #series = new Map<string, Series>();
  #refused = 0;
  #held = 0;

  constructor(options: SeriesOptions) {
    this.#options = options;
  }

  /** Series and members of sets that there was no room for, since the last flush: each time that one came. */
  get refused(): number {
    return this.#refused;
  }

  add(line: StatsdLine, nowMs: number): void {
    const series = this.#find(line);
    if (!series) {
      this.#refused += 1;
      return;
    }
    series.changedAt = nowMs;
    for (const value of line.values) this.#take(series, value, line.rate);
  }

  /** Points of everything that there is to tell. */
  flush(nowMs: number, timeNs: bigint): Point[] {
    const points: Point[] = [];
    this.#refused = 0;
    this.#held = 0;
    for (const [key, series] of this.#series) {
      if (series.type === "gauge" && nowMs - series.changedAt > this.#options.gaugeTimeoutMs) {
        this.#series.delete(key);
        continue;
      }
      const { measurement, type, tags } = series;
      const point = pointOf(measurement, {
        tags: { ...tags, metric_type: type },
        fields: this.#fieldsOf(series),
        timeNs,
      });
      if (point) points.push(point); // sums may leave what a number can hold
      if (type === "gauge") this.#held += series.cost;
      else this.#series.delete(key);
    }
    return points;
  }

  #find({ name, type, tags }: StatsdLine): Series | undefined {
    const key = JSON.stringify([name, type, ...Object.entries(tags).flat()]);
    const known = this.#series.get(key);
    if (known || this.#series.size >= this.#options.maxSeries) return known;
    const cost = COSTS.series + 4 * key.length; // the key, and what it is made of
    if (!this.#hold(cost)) return undefined;
    const measurement = name.replaceAll(".", this.#options.separator);
    const empty = { value: 0, members: undefined, timing: undefined, changedAt: 0 };
    const created: Series = { measurement, type, tags, cost, ...empty };
    this.#series.set(key, created);
    return created;
  }

  /** Takes room; false when there is none left. */
  #hold(bytes: number): boolean {
    if (this.#held + bytes > this.#options.maxBytes) return false;
    this.#held += bytes;
    return true;
  }

  #take(series: Series, text: string, rate: number): void {
    if (series.type === "set") {
      series.members ??= new Set();
      this.#join(series.members, text);
    } else if (series.type === "counter") series.value += Number(text) / rate;
    else if (series.type === "gauge") series.value = /^[+-]/.test(text) ? series.value + Number(text) : Number(text);
    else this.#time(series, Number(text), rate);
  }

  #join(members: Set<string>, text: string): void {
    if (members.has(text)) return;
    if (members.size < MAX_MEMBERS && this.#hold(COSTS.member + 2 * text.length)) members.add(text);
    else this.#refused += 1;
  }

  #time(series: Series, value: number, rate: number): void {
    series.timing ??= { seen: 0, count: 0, sum: 0, squares: 0, least: value, most: value, samples: [] };
    const { timing } = series;
    const weight = 1 / rate;
    timing.seen += 1;
    timing.count += weight;
    timing.sum += value * weight;
    timing.squares += value * value * weight;
    timing.least = Math.min(timing.least, value);
    timing.most = Math.max(timing.most, value);
    const { samples } = timing;
    // a reservoir: each of all values has the same chance to be kept
    const canGrow = samples.length < this.#options.maxSamples && (samples.length === 0 || this.#hold(COSTS.sample));
    const place = canGrow ? samples.length : Math.floor(this.#options.random() * timing.seen);
    if (canGrow || place < samples.length) samples[place] = value;
  }

  #fieldsOf({ type, value, members, timing }: Series): RawFields {
    if (type === "set") return { value: members?.size ?? 0 };
    if (!timing) return { value };
    const mean = timing.sum / timing.count;
    const sorted = timing.samples.toSorted((one, other) => one - other);
    return {
      count: timing.count,
      sum: timing.sum,
      mean,
      lower: timing.least,
      upper: timing.most,
      stddev: Math.sqrt(Math.max(0, timing.squares / timing.count - mean * mean)),
      ...Object.fromEntries(
        this.#options.percentiles.map((percentile) => [`${percentile}_percentile`, atPercentile(sorted, percentile)]),
      ),
    };
  }
}

/** The nearest rank. */
export function atPercentile(sorted: readonly number[], percentile: number): number {
  const rank = Math.ceil((percentile / 100) * sorted.length);
  return sorted[Math.max(0, Math.min(sorted.length - 1, rank - 1))] ?? 0;
}
