import { DATAWAY_LIMITS } from "./limits.ts";

/** What a DataKit says of itself in the address that it dials. Absent and empty ones are undefined. */
export interface ConnectionQuery {
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly os: string | undefined;
  readonly arch: string | undefined;
  /** Never to be logged. */
  readonly token: string | undefined;
  /** The announced interval between heartbeats, in ms, within what the originals allow. */
  readonly heartbeatMs: number | undefined;
  readonly hostname: string | undefined;
  readonly ip: string | undefined;
}

/** The bounds of an announced interval, as the originals clamp it. */
export const HEARTBEAT = { leastMs: 30_000, mostMs: 300_000 } as const;

const NAMES = "id|uuid|version|os|arch|token|heartbeatconf|hostname|ip";
/** A known name starts a new pair; an `&` in front of anything else belongs to the value, since nobody escapes. */
const BOUNDARY = new RegExp(`&(?=(?:${NAMES})=)`, "i");

/** Reads a raw query, with or without `?`. Values come unescaped, so a hostname may hold spaces and `&`. Never throws. */
export function parseConnectionQuery(rawQuery: string): ConnectionQuery {
  const values = new Map<string, string>();
  const query = rawQuery.slice(0, DATAWAY_LIMITS.queryLength).replace(/^\?/, "");
  for (const pair of query.split(BOUNDARY)) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).toLowerCase();
    if (equals > 0 && !values.has(name)) values.set(name, readEscapes(pair.slice(equals + 1)));
  }
  const find = (name: string) => values.get(name)?.slice(0, DATAWAY_LIMITS.wordLength) || undefined;
  return {
    id: find("id") ?? find("uuid"),
    version: find("version"),
    os: find("os"),
    arch: find("arch"),
    token: find("token"),
    heartbeatMs: clampHeartbeat(find("heartbeatconf")),
    hostname: find("hostname"),
    ip: find("ip"),
  };
}

/** The query as DataKits of era B concatenate it: in this order, with nothing escaped but what would end the line. */
export function buildConnectionQuery(query: ConnectionQuery): string {
  const { id, version, os, arch, token, heartbeatMs, hostname, ip } = query;
  const heartbeatconf = heartbeatMs === undefined ? undefined : `${Math.round(heartbeatMs / 1000)}s`;
  const pairs = Object.entries({ id, version, os, arch, token, heartbeatconf, hostname, ip });
  const written = pairs.map(([name, value]) => `${name}=${escapeUnsendable(value ?? "")}`);
  return written.slice(0, heartbeatMs === undefined && !hostname && !ip ? 5 : undefined).join("&");
}

/** An interval as a DataKit announces it, such as `30s`, in ms and within bounds; undefined when there is none. */
export function clampHeartbeat(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : readGoDuration(text);
  return ms === undefined ? undefined : Math.min(HEARTBEAT.mostMs, Math.max(HEARTBEAT.leastMs, ms));
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `1m30s` in ms. Go's durations need a unit. */
function readGoDuration(text: string): number | undefined {
  if (text.length > 50 || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(amount) * (UNITS_MS[unit ?? ""] ?? 0);
  }
  return ms;
}

/** Some escape after all; what is no escape stays as it is. */
function readEscapes(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** An HTTP client refuses spaces and control characters in an address, and `#` ends it. */
function escapeUnsendable(value: string): string {
  return value.replace(/[^!-~]|[#%]/gu, encodeURIComponentSafely);
}

function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
