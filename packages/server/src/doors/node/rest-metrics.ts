import { parseIso } from "@muster/core";
import type { Agent, MetricAnswer } from "@muster/core/resources";
import { type WireMetric, WORDS } from "@muster/protocols/node";
import type { NodeDoorParts } from "./parts.ts";
import { type RestCall, RestFailure, type RestRoute, readPage } from "./rest-call.ts";
import { getNode, readNewest } from "./rest-nodes.ts";
import { toSqlTime, toWireMetric, toWireMetricOf } from "./wire-resources.ts";

export const METRIC_ROUTES: readonly RestRoute[] = [
  { method: "GET", path: "/api/v1/nodes/:id/metrics/latest", action: "metrics.read", handle: readLatest },
  { method: "GET", path: "/api/v1/nodes/:id/metrics/summary", action: "metrics.read", handle: readSummary },
  { method: "GET", path: "/api/v1/nodes/:id/metrics", action: "metrics.read", handle: listMetrics },
  {
    method: "GET",
    path: "/api/v1/metrics/latest",
    action: "metrics.read",
    handle: async ({ parts }) => ({ metrics: await readLatestOfAll(parts, MAX_LATEST) }),
  },
  { method: "GET", path: "/api/v1/metrics/stats", action: "metrics.read", handle: readMetricStats },
];

const MAX_LATEST = 10_000;
const SUMMARY_POINTS = 5000;

async function readLatest(call: RestCall): Promise<unknown> {
  const metric = await findLatest(call.parts, await getNode(call));
  if (!metric) throw new RestFailure({ message: WORDS.noMetrics, code: "NO_METRICS_DATA" });
  return metric;
}

/** The newest reading: from memory, or from the store when this process has not seen one yet. */
async function findLatest(parts: NodeDoorParts, agent: Agent): Promise<WireMetric | undefined> {
  const latest = parts.fleet.metrics.latest(agent.id);
  if (latest) return toWireMetricOf(agent.externalId, latest);
  const { items } = await parts.fleet.metrics.listSamples({ agentId: agent.id, limit: 1, offset: 0 });
  return items[0] && toWireMetric(agent.externalId, items[0]);
}

/** What this process holds in memory; nodes that have been silent since it started are not in it. */
export async function readLatestOfAll(parts: NodeDoorParts, count: number): Promise<WireMetric[]> {
  const { agents } = await readNewest(parts, {}, count);
  const metrics: WireMetric[] = [];
  for (const agent of agents) {
    const latest = parts.fleet.metrics.latest(agent.id);
    if (latest) metrics.push(toWireMetricOf(agent.externalId, latest));
  }
  return metrics;
}

/** Instants are compared, not texts. What cannot be read as one is ignored, as the original does. */
async function listMetrics(call: RestCall): Promise<unknown> {
  const { query } = call.request;
  const { limit, offset } = readPage(query, 100);
  const agent = await getNode(call);
  const from = parseIso(query.get("start_time") ?? "");
  const to = parseIso(query.get("end_time") ?? "");
  const page = await call.parts.fleet.metrics.listSamples({
    agentId: agent.id,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    limit,
    offset,
  });
  const metrics = page.items.map((sample) => toWireMetric(agent.externalId, sample));
  return { metrics, total: page.total, limit, offset };
}

const SUMMARY_FIELDS = [
  { field: "cpu_usage", name: "system.cpu.utilization", factor: 100 },
  { field: "memory_usage", name: "system.memory.utilization", factor: 100 },
  { field: "disk_usage", name: "system.filesystem.utilization", factor: 100 },
  { field: "load_average", name: "system.load.1m", factor: 1 },
] as const;

/**
 * Averages and maxima over a range. Long ranges are answered from coarser steps, whose averages weigh the same however
 * many readings each holds.
 */
async function readSummary(call: RestCall): Promise<unknown> {
  const range = readRange(call.request.query);
  const agent = await getNode(call);
  const { metrics } = call.parts.fleet;
  const stored = await metrics.listSamples({ agentId: agent.id, ...range, limit: 1, offset: 0 });
  const names = SUMMARY_FIELDS.map((entry) => entry.name);
  const answer = await metrics.query({ agentId: agent.id, names, ...range, maxPoints: SUMMARY_POINTS });
  const points = Math.max(0, ...answer.series.map((series) => series.avg.filter((value) => value !== null).length));
  const sampleCount = Math.max(stored.total, points);
  if (sampleCount === 0) return null;
  const summary: Record<string, unknown> = { node_id: agent.externalId };
  for (const { field, name, factor } of SUMMARY_FIELDS) {
    const { average, maximum } = summarise(answer, name);
    summary[`avg_${field}`] = average === null ? null : average * factor;
    summary[`max_${field}`] = maximum === null ? null : maximum * factor;
  }
  return { ...summary, sample_count: sampleCount };
}

function readRange(query: URLSearchParams): { from: number; to: number } {
  const from = parseIso(query.get("start_time") ?? "");
  const to = parseIso(query.get("end_time") ?? "");
  if (from === undefined || to === undefined) {
    throw new RestFailure({ message: WORDS.invalidTime, code: "INVALID_TIME_FORMAT" });
  }
  if (from >= to) throw new RestFailure({ message: WORDS.invalidRange, code: "INVALID_TIME_RANGE" });
  return { from, to };
}

function summarise(answer: MetricAnswer, name: string): { average: number | null; maximum: number | null } {
  const series = answer.series.find((candidate) => candidate.name === name);
  let sum = 0;
  let count = 0;
  let maximum: number | null = null;
  for (const value of series?.avg ?? []) {
    if (value === null) continue;
    sum += value;
    count++;
  }
  for (const value of series?.max ?? []) if (value !== null) maximum = Math.max(maximum ?? value, value);
  return { average: count === 0 ? null : sum / count, maximum };
}

async function readMetricStats({ parts }: RestCall): Promise<unknown> {
  const counts = await parts.fleet.metrics.storageCounts();
  return {
    total_metrics: counts.total,
    last_24h_count: counts.last24h,
    earliest_metric_time: toSqlTime(counts.earliestAt),
    latest_metric_time: toSqlTime(counts.latestAt),
    metrics_per_hour: counts.last24h / 24,
  };
}
