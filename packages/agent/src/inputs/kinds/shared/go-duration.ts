import { formatDuration } from "@muster/core";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a duration as Go writes it ("1m30s", "1.5h") or of a number of seconds; undefined when it is neither. */
export function parseGoDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined;
  if (typeof value === "bigint") return value >= 0n ? Number(value) * 1000 : undefined;
  if (typeof value !== "string" || value.length > 50) return undefined;
  if (value === "0") return 0;
  if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h|d)((\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h|d))*$/.test(value)) {
    return undefined;
  }
  let ms = 0;
  for (const [, number = "", unit = ""] of value.matchAll(/([\d.]+)([a-z\u00b5]+)/g)) {
    ms += Number(number) * (UNITS[unit] ?? 0);
  }
  return ms;
}

/** `from 1s to 1h`, for messages. */
export function formatDurationRange({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): string {
  return `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
}
