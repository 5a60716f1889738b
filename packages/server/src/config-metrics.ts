import { pair, type Setting, type SettingsResult, type SettingType, text } from "@muster/core/settings";
import { wholeBytes } from "./config-types.ts";
import { isExtraLabel, MAX_EXTRA_LABELS } from "./outbound/series-labels.ts";

/** A store of metrics beside ours, as far as one is configured. */
export interface MetricStoreChoice {
  /** Where steps are sent. */
  readonly writeUrl: string | undefined;
  /** Base of the Prometheus HTTP API that charts are read from. */
  readonly readUrl: string | undefined;
  readonly credentials: {
    readonly token: string | undefined;
    readonly user: string | undefined;
    readonly password: string | undefined;
  };
  /** On every series. */
  readonly labels: Readonly<Record<string, string>>;
  readonly queueBytes: number;
}

const MIB = 1024 * 1024;

/** Credentials have settings of their own, which no list of processes and no log shows. */
const storeUrl: SettingType<string> = {
  hint: "<url>",
  parse(given) {
    const parsed = URL.canParse(given) ? new URL(given) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error("expected http://… or https://…");
    if (parsed.username !== "" || parsed.password !== "")
      throw new Error("put the user into metrics-remote-user and the password into metrics-remote-password");
    return given;
  },
};

const label: SettingType<readonly [string, string]> = {
  hint: "<name>=<value>",
  parse(given) {
    const [name, value] = pair("<name>=<value>").parse(given);
    if (!isExtraLabel(name)) throw new Error("is no name for a label, or the name of one of ours");
    if (value === "" || value.length > 255) throw new Error("expected a value of 1..255 characters");
    return [name, value];
  },
};

/** The history of metrics in a store beside ours. */
export const METRIC_STORE_SETTINGS = {
  "metrics-remote-write": {
    type: storeUrl,
    doc: "Prometheus remote write: where history is sent too",
    mask: hideQuery,
  },
  "metrics-remote-read": {
    type: storeUrl,
    doc: "base of the Prometheus HTTP API (before /api/v1) that charts are read from",
    mask: hideQuery,
  },
  "metrics-remote-token": { type: text("<token>"), secret: true, doc: "bearer token for both" },
  "metrics-remote-user": { type: text("<name>"), doc: "user for both, instead of a token" },
  "metrics-remote-password": { type: text("<password>"), secret: true, doc: "password of that user" },
  "metrics-remote-label": { type: label, repeatable: true, doc: "a label for every series that is sent" },
  "metrics-remote-queue": {
    type: wholeBytes(MIB, 1024 * 1024 * MIB),
    default: 512 * MIB,
    doc: "bytes on the disk for what waits to be sent; beyond, the oldest is dropped",
  },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof METRIC_STORE_SETTINGS;

/** What cannot work together is refused at start, with the reason. */
export function checkMetricStore({ settings }: SettingsResult, mistakes: string[]): void {
  const given = (name: Name) => settings.get(name)?.source !== "default";
  const needing = (["token", "user", "password"] as const).map((name): Name => `metrics-remote-${name}`).filter(given);
  if (needing.length > 0 && !given("metrics-remote-write") && !given("metrics-remote-read"))
    mistakes.push(`${needing.join(", ")}: for which store? give metrics-remote-write or metrics-remote-read`);
  if (given("metrics-remote-token") && given("metrics-remote-user"))
    mistakes.push("metrics-remote-token, metrics-remote-user: give one of them");
  if (given("metrics-remote-password") && !given("metrics-remote-user"))
    mistakes.push("metrics-remote-password: whose? give metrics-remote-user too");
  const labels = settings.get("metrics-remote-label")?.value as unknown[] | undefined;
  if ((labels?.length ?? 0) > MAX_EXTRA_LABELS)
    mistakes.push(`metrics-remote-label: at most ${MAX_EXTRA_LABELS}, since stores limit the labels of a series`);
}

export function readMetricStore({ settings }: SettingsResult): MetricStoreChoice {
  const get = (name: Name) => settings.get(name)?.value as string | undefined;
  return {
    writeUrl: get("metrics-remote-write"),
    readUrl: get("metrics-remote-read"),
    credentials: {
      token: get("metrics-remote-token"),
      user: get("metrics-remote-user"),
      password: get("metrics-remote-password"),
    },
    labels: Object.fromEntries(settings.get("metrics-remote-label")?.value as readonly (readonly [string, string])[]),
    queueBytes: Number(settings.get("metrics-remote-queue")?.value),
  };
}

/** A value as its flag would say it, without secrets. */
export function showMetricSetting(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return (value as [string, string][]).map((parts) => parts.join("="));
  if (name === "metrics-remote-queue") return `${Number(value) / MIB}MiB`;
  return typeof value === "string" ? hideQuery(value) : value;
}

/** Hosted stores take keys there. */
function hideQuery(given: string): string {
  return given.replace(/\?.*$/s, "?********");
}
