import { formatDuration, POINT_CATEGORIES, parseDuration } from "@muster/core";
import { type Setting, type SettingsResult, type SettingType, text } from "@muster/core/settings";
import { wholeBytes } from "./config-types.ts";

/** Where written points go as well. */
export interface ForwardChoice {
  /** Its scheme says how: `http(s)` to a DataWay, `influx+http(s)` to what takes InfluxDB's lines. */
  readonly url: string;
  readonly token: string | undefined;
  readonly queueBytes: number;
}

/** What becomes of the points that agents write. */
export interface PointsChoice {
  /** In ms; of every category that is not named. */
  readonly recordsRetentionMs: number;
  readonly categoryRetentionMs: Readonly<Record<string, number>>;
  readonly forward: ForwardChoice | undefined;
}

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const LEAST_MS = 60_000;
const LONGEST_MS = 3660 * DAY_MS;

type Retention = readonly [category: string, ms: number];

/** `14d` for all, `tracing=3d` for one category. */
const retention: SettingType<Retention> = {
  hint: "[<category>=]<duration>",
  parse(given) {
    const equals = given.indexOf("=");
    const category = equals === -1 ? "" : given.slice(0, equals);
    const ms = parseDuration(given.slice(equals + 1));
    if (ms === undefined || ms < LEAST_MS || ms > LONGEST_MS) throw new Error("expected a duration such as 14d");
    if (category !== "" && (category === "metric" || !POINT_CATEGORIES.some((known) => known === category)))
      throw new Error(`there is no category "${category}" of records`);
    return [category, ms];
  },
};

/** The token has a setting of its own, which no list of processes and no log shows. */
const forwardUrl: SettingType<string> = {
  hint: "<url>",
  parse(given) {
    const plain = given.replace(/^influx\+/, "");
    const parsed = URL.canParse(plain) ? new URL(plain) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol))
      throw new Error("expected http(s)://… of a DataWay or influx+http(s)://… of an InfluxDB");
    if (parsed.username !== "" || parsed.password !== "") throw new Error("put the secret into forward-token");
    return given;
  },
};

/** What agents write: how long it is kept, and where it is sent too. */
export const POINT_SETTINGS = {
  "records-retention": {
    type: retention,
    repeatable: true,
    doc: "logs, objects, events, traces; once for all (default 14d), and for single categories",
  },
  "forward-to": {
    type: forwardUrl,
    doc: "send what agents write to a DataWay (http…) or an InfluxDB (influx+http…) too",
    mask: hideQuery,
  },
  "forward-token": { type: text("<token>"), secret: true, doc: "token for it" },
  "forward-queue": {
    type: wholeBytes(MIB, 1024 * 1024 * MIB),
    default: 512 * MIB,
    doc: "bytes on the disk for what waits to be forwarded; beyond, the oldest is dropped",
  },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof POINT_SETTINGS;

export function checkPoints({ settings }: SettingsResult, mistakes: string[]): void {
  const given = (name: Name) => settings.get(name)?.source !== "default";
  if (given("forward-token") && !given("forward-to")) mistakes.push("forward-token: for what? give forward-to too");
}

export function readPointsChoice({ settings }: SettingsResult): PointsChoice {
  const get = <Value>(name: Name) => settings.get(name)?.value as Value;
  const retentions = new Map(get<readonly Retention[]>("records-retention"));
  const recordsRetentionMs = retentions.get("") ?? 14 * DAY_MS;
  retentions.delete("");
  const url = get<string | undefined>("forward-to");
  const queueBytes = get<number>("forward-queue");
  return {
    recordsRetentionMs,
    categoryRetentionMs: Object.fromEntries(retentions),
    forward: url === undefined ? undefined : { url, token: get("forward-token"), queueBytes },
  };
}

/** A value as its flag would say it, without secrets; undefined for a setting of others. */
export function showPointSetting(name: string, value: unknown): unknown {
  if (name === "records-retention")
    return (value as readonly Retention[]).map(
      ([category, ms]) => `${category === "" ? "" : `${category}=`}${formatDuration(ms)}`,
    );
  if (name === "forward-queue") return `${Number(value) / MIB}MiB`;
  return typeof value === "string" ? hideQuery(value) : value;
}

function hideQuery(given: string): string {
  return given.replace(/\?.*$/s, "?********");
}
