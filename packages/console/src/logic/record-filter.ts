import { POINT_CATEGORIES, toIso } from "@muster/core";
import type { RecordQuery } from "@muster/sdk";
import { resolveTimeRange, type TimeRange } from "./time-range.ts";

/** Everything that is written but measurements, which are charts. */
export const RECORD_CATEGORIES = POINT_CATEGORIES.filter((category) => category !== "metric");

/** Which records are shown. Lives in the URL, beside the span of time. */
export interface RecordFilter {
  /** Undefined: of every kind. */
  readonly category: string | undefined;
  readonly agentId: string | undefined;
  readonly source: string;
  readonly status: string;
  readonly text: string;
}

/** What one looks for most; `?category=all` is every kind. */
const DEFAULT_CATEGORY = "logging";
const ALL = "all";

export function readRecordFilter(parameters: URLSearchParams): RecordFilter {
  const read = (name: string, length: number) => (parameters.get(name) ?? "").slice(0, length);
  const category = parameters.get("category") ?? DEFAULT_CATEGORY;
  return {
    category:
      category === ALL ? undefined : (RECORD_CATEGORIES.find((known) => known === category) ?? DEFAULT_CATEGORY),
    agentId: parameters.get("agent") ?? undefined,
    source: read("source", 1024),
    status: read("status", 64),
    text: read("q", 500),
  };
}

export function writeRecordFilter(parameters: URLSearchParams, change: Partial<RecordFilter>): URLSearchParams {
  const next = new URLSearchParams(parameters);
  const merged = { ...readRecordFilter(parameters), ...change };
  const write = (name: string, value: string | undefined) => (value ? next.set(name, value) : next.delete(name));
  write("category", merged.category === DEFAULT_CATEGORY ? undefined : (merged.category ?? ALL));
  write("agent", merged.agentId);
  write("source", merged.source);
  write("status", merged.status);
  write("q", merged.text);
  return next;
}

export function toRecordQuery({ category, agentId, source, status, text }: RecordFilter): RecordQuery {
  return {
    ...(category !== undefined && { category }),
    ...(agentId !== undefined && { agentId }),
    ...(source !== "" && { measurement: source }),
    ...(status !== "" && { status: status.toLowerCase() }),
    ...(text !== "" && { contains: text }),
  };
}

/** A preset has no end: what comes next belongs to it. */
export function toRecordSpan(range: TimeRange, now: number): { from: string; to?: string } {
  const { from, to } = resolveTimeRange(range, now);
  return { from: toIso(from), ...(range.kind === "custom" && { to: toIso(to) }) };
}

export function isRecordFiltered({ category, agentId, source, status, text }: RecordFilter): boolean {
  return category !== DEFAULT_CATEGORY || agentId !== undefined || source !== "" || status !== "" || text !== "";
}

export type RecordTone = "ok" | "attention" | "wrong" | "unknown";

const TONES: readonly (readonly [RecordTone, RegExp])[] = [
  ["wrong", /^(f|fatal|emerg|emergency|alert|c|crit|critical|e|err|error|failed)$/],
  ["attention", /^(w|warn|warning)$/],
  ["ok", /^(ok|success|o|s)$/],
];

/** What a status of any logger means. */
export function toneOfStatus(status: string): RecordTone {
  return TONES.find(([, words]) => words.test(status.toLowerCase()))?.[0] ?? "unknown";
}
