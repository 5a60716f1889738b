/** What span of time a page shows. Lives in the URL: `?range=6h`, or `?from=…&to=…` for a custom one. */

export const PRESETS = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
export type Preset = (typeof PRESETS)[number];

export type TimeRange =
  | { readonly kind: "preset"; readonly preset: Preset }
  | { readonly kind: "custom"; readonly from: number; readonly to: number };

const MINUTE = 60_000;
const LENGTHS: Readonly<Record<Preset, number>> = {
  "15m": 15 * MINUTE,
  "1h": 60 * MINUTE,
  "6h": 360 * MINUTE,
  "24h": 1440 * MINUTE,
  "7d": 7 * 1440 * MINUTE,
  "30d": 30 * 1440 * MINUTE,
};

/** Shorter than this there is nothing to see: samples are stored every ten seconds. */
export const SHORTEST_MS = MINUTE;

export const DEFAULT_RANGE: TimeRange = { kind: "preset", preset: "1h" };

/** Anything that makes no sense is the default: a link typed by hand must not break a page. */
export function readTimeRange(parameters: URLSearchParams): TimeRange {
  const from = Date.parse(parameters.get("from") ?? "");
  const to = Date.parse(parameters.get("to") ?? "");
  if (!Number.isNaN(from) && !Number.isNaN(to) && to > from) return customRange(from, to);
  const preset = PRESETS.find((candidate) => candidate === parameters.get("range"));
  return preset ? { kind: "preset", preset } : DEFAULT_RANGE;
}

export function writeTimeRange(parameters: URLSearchParams, range: TimeRange): URLSearchParams {
  const next = new URLSearchParams(parameters);
  for (const name of ["range", "from", "to"]) next.delete(name);
  if (range.kind === "custom") {
    next.set("from", new Date(range.from).toISOString());
    next.set("to", new Date(range.to).toISOString());
  } else next.set("range", range.preset);
  return next;
}

/** A custom range with whole seconds and at least the shortest length. */
export function customRange(from: number, to: number): TimeRange {
  const start = Math.floor(from / 1000) * 1000;
  const end = Math.max(Math.ceil(to / 1000) * 1000, start + SHORTEST_MS);
  return { kind: "custom", from: start, to: end };
}

export function resolveTimeRange(range: TimeRange, now: number): { from: number; to: number } {
  if (range.kind === "custom") return { from: range.from, to: range.to };
  return { from: now - LENGTHS[range.preset], to: now };
}

/** How often a preset is asked again; a custom range in the past does not change. */
export function refreshMs(range: TimeRange): number | false {
  if (range.kind === "custom") return false;
  return Math.min(Math.max(LENGTHS[range.preset] / 180, 10_000), 300_000);
}

/** The span twice as long around the same middle, not reaching into the future. */
export function widen(range: TimeRange, now: number): TimeRange {
  const { from, to } = resolveTimeRange(range, now);
  const half = (to - from) / 2;
  const end = Math.min(to + half, now);
  return customRange(end - (to - from) * 2, end);
}
