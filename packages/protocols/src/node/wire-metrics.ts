import { HOST_METRICS, type HostMetricName, type HostValues } from "@muster/core";
import { FieldError, isObject } from "./envelope.ts";
import { type Building, isFiniteNumber } from "./fields.ts";
import type { WireMetrics } from "./frames.ts";

/** The wire's metrics, in the order in which the original writes them. */
export const WIRE_METRICS = [
  "cpu_usage",
  "memory_usage",
  "disk_usage",
  "load_average",
  "memory_total",
  "memory_available",
  "disk_total",
  "disk_available",
  "uptime",
  "network_rx",
  "network_tx",
] as const satisfies readonly (keyof WireMetrics)[];

/**
 * One wrongly typed field voids them all, as in the original core: the beat counts, its reading is empty.
 * On the hot path: what is right is answered as it was parsed, without a copy.
 */
export function readMetrics(value: unknown): WireMetrics {
  return isObject(value) && isMetrics(value) ? value : {};
}

function isMetrics(value: Record<string, unknown>): value is WireMetrics & Record<string, unknown> {
  return (
    isReading(value.cpu_usage) &&
    isReading(value.memory_usage) &&
    isReading(value.disk_usage) &&
    isReading(value.load_average) &&
    isReading(value.memory_total) &&
    isReading(value.memory_available) &&
    isReading(value.disk_total) &&
    isReading(value.disk_available) &&
    isReading(value.uptime) &&
    isReading(value.network_rx) &&
    isReading(value.network_tx)
  );
}

function isReading(value: unknown): boolean {
  return value === undefined || value === null || isFiniteNumber(value);
}

/** The same for a frame of type `metrics`, where a wrongly typed field is an error. */
export function readMetricsStrictly(value: unknown): WireMetrics {
  if (!isObject(value)) throw new FieldError("data: expected an object");
  const metrics: Building<WireMetrics> = {};
  for (const name of WIRE_METRICS) {
    const field = value[name];
    if (field === undefined || field === null) continue;
    if (!isFiniteNumber(field)) throw new FieldError(`${name}: expected a number`);
    metrics[name] = field;
  }
  return metrics;
}

/**
 * Wire metrics in base units. Percentages are clamped to 0..100 and become ratios; sizes and seconds are truncated to
 * integers as the original stores them; what is negative where it cannot be is left out. `network_rx` and `network_tx`
 * are left out too: whether they count or rate is nowhere said, and the original drops them.
 */
export function toHostValues(metrics: WireMetrics): HostValues {
  const values: HostValues = {};
  putRatio(values, "system.cpu.utilization", metrics.cpu_usage);
  putRatio(values, "system.memory.utilization", metrics.memory_usage);
  putRatio(values, "system.filesystem.utilization", metrics.disk_usage);
  if (isMeasured(metrics.load_average)) values["system.load.1m"] = metrics.load_average;
  if (isMeasured(metrics.uptime)) values["system.uptime"] = Math.trunc(metrics.uptime);
  putSpace(values, "system.memory", { total: metrics.memory_total, available: metrics.memory_available });
  putSpace(values, "system.filesystem", { total: metrics.disk_total, available: metrics.disk_available });
  return values;
}

function isMeasured(value: number | null | undefined): value is number {
  return value !== undefined && value !== null && value >= 0;
}

function putRatio(values: HostValues, name: HostMetricName, percent: number | null | undefined): void {
  if (percent === undefined || percent === null) return;
  values[name] = Math.min(Math.max(percent, 0), 100) / 100;
}

function putSpace(
  values: HostValues,
  kind: "system.memory" | "system.filesystem",
  space: { total: number | null | undefined; available: number | null | undefined },
): void {
  if (!isMeasured(space.total)) return;
  const total = Math.trunc(space.total);
  values[`${kind}.limit`] = total;
  if (isMeasured(space.available)) values[`${kind}.usage`] = Math.max(0, total - Math.trunc(space.available));
}

/** Base units as the wire writes them; null where nothing was measured. Percentages keep four decimals. */
export function toWireMetrics(values: HostValues): WireMetrics {
  return {
    cpu_usage: toPercent(values["system.cpu.utilization"]),
    memory_usage: toPercent(values["system.memory.utilization"]),
    disk_usage: toPercent(values["system.filesystem.utilization"]),
    load_average: values["system.load.1m"] ?? null,
    memory_total: toInteger(values["system.memory.limit"]),
    memory_available: toAvailable(values["system.memory.limit"], values["system.memory.usage"]),
    disk_total: toInteger(values["system.filesystem.limit"]),
    disk_available: toAvailable(values["system.filesystem.limit"], values["system.filesystem.usage"]),
    uptime: toInteger(values["system.uptime"]),
  };
}

function toPercent(ratio: number | undefined): number | null {
  return ratio === undefined ? null : Math.round(ratio * 1_000_000) / 10_000;
}

function toInteger(value: number | undefined): number | null {
  return value === undefined ? null : Math.trunc(value);
}

function toAvailable(limit: number | undefined, usage: number | undefined): number | null {
  return limit === undefined || usage === undefined ? null : Math.max(0, Math.trunc(limit) - Math.trunc(usage));
}

/** Ours: values by name in the order of HOST_METRICS, null where not measured. */
export function toRow(values: HostValues): (number | null)[] {
  return HOST_METRICS.map((metric) => values[metric.name] ?? null);
}

/** The other way. A newer peer may know more metrics than we do: those at the end are left out. */
export function fromRow(row: readonly (number | null)[], offset = 0): HostValues {
  const values: HostValues = {};
  for (let index = 0; index < HOST_METRICS.length; index++) {
    const value = row[index + offset];
    const metric = HOST_METRICS[index];
    if (metric && value !== null && value !== undefined) values[metric.name] = value;
  }
  return values;
}
