import { HOST_METRICS } from "@muster/core";

/** How units end a name in Prometheus; what counts things has none. */
const SUFFIXES: Readonly<Record<string, string>> = {
  "1": "_ratio",
  By: "_bytes",
  "By/s": "_bytes_per_second",
  s: "_seconds",
};

/** `system.memory.usage` in bytes → `muster_system_memory_usage_bytes`. */
export function prometheusName(name: string, unit: string): string {
  // a load has no dimension either, but is no share of a whole
  const suffix = name.startsWith("system.load.") ? "" : (SUFFIXES[unit] ?? "");
  return `muster_${name.replace(/[^a-zA-Z0-9]/g, "_")}${suffix}`;
}

/** A field of a measurement: `nginx`, `connections.active` → `nginx_connections_active`. */
export function seriesName(measurement: string, field: string): string {
  const name = `${measurement}_${field}`.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^\d/.test(name) ? `_${name}` : name;
}

/** The names of HOST_METRICS, in the same order. */
export const HOST_NAMES: readonly string[] = HOST_METRICS.map(({ name, unit }) => prometheusName(name, unit));

/** The least and the most of a step have series of their own, which exist only where several readings differed. */
export const LEAST = "_min";
export const MOST = "_max";
