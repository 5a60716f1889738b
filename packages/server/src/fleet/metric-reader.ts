import { HOST_METRICS, type Timestamp } from "@muster/core";
import type { MetricAnswer } from "@muster/core/resources";
import type { History, HistoryQuery } from "./metric-history.ts";

/** A grid of steps: step i covers from + i·step to from + (i+1)·step. */
export interface MetricGrid {
  readonly agentId: string;
  readonly names: readonly string[];
  readonly from: Timestamp;
  readonly stepMs: number;
  readonly steps: number;
}

/** One value per step; null where nothing was measured. */
export interface SteppedValues {
  readonly avg: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

/** Reads back what a store of metrics beside ours knows of an agent. Answers undefined while it is away; never rejects. */
export interface MetricReader {
  read(grid: MetricGrid): Promise<ReadonlyMap<string, SteppedValues> | undefined>;
}

/** Steps that ended later than this are ours to answer: the other store may not have them, or not show them yet. */
const SETTLED_MS = 120_000;

/**
 * Answers from both stores: settled steps from the one beside ours, newer ones from ours, and either where the other has
 * nothing. Without an answer from there, everything is ours.
 */
export async function queryBoth(
  query: HistoryQuery,
  parts: { history: History; reader: MetricReader; now: Timestamp },
): Promise<MetricAnswer> {
  const { reader, history, now } = parts;
  const names = query.names ?? HOST_METRICS.map((metric) => metric.name);
  const own = await history.query({ ...query, names });
  const [first] = own.series;
  const grid = { agentId: query.agentId, from: Date.parse(own.from), stepMs: own.stepMs };
  const found =
    first && (await reader.read({ ...grid, names: own.series.map((series) => series.name), steps: first.avg.length }));
  const settled = Math.floor((now - SETTLED_MS - grid.from) / grid.stepMs);
  const series = own.series.map((ours) => joinSeries(ours, found?.get(ours.name), settled));
  const shown = query.names ? series : series.filter((one) => one.avg.some((value) => value !== null));
  return { ...own, series: shown };
}

type AnsweredSeries = MetricAnswer["series"][number];

function joinSeries(ours: AnsweredSeries, theirs: SteppedValues | undefined, settled: number): AnsweredSeries {
  if (!theirs) return ours;
  const joined: AnsweredSeries = { ...ours, avg: [], min: [], max: [] };
  for (let index = 0; index < ours.avg.length; index++) {
    const isTheirs = index < settled ? isKnown(theirs, index) : !isKnown(ours, index);
    const source = isTheirs ? theirs : ours;
    for (const field of ["avg", "min", "max"] as const) joined[field].push(source[field][index] ?? null);
  }
  return joined;
}

function isKnown(values: SteppedValues, index: number): boolean {
  return (values.avg[index] ?? null) !== null;
}
