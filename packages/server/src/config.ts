import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { formatDuration, MusterError } from "@muster/core";
import {
  assertNoMistakes,
  describeSettings,
  duration,
  flag,
  integer,
  oneOf,
  pair,
  type ResolvedSetting,
  resolveSettings,
  type Setting,
  type SettingsResult,
  showSettings,
  text,
} from "@muster/core/settings";
import { parse as parseYaml } from "yaml";
import type { BusChoice } from "./bus/open.ts";
import {
  CONFIGSERVER_CLASSIC_PORTS,
  CONFIGSERVER_DOORS,
  CONFIGSERVER_SETTINGS,
  type ConfigServerChoice,
  readConfigServer,
} from "./config-configserver.ts";
import {
  CLASSIC_PORTS,
  checkDataway,
  DATAWAY_SETTINGS,
  type DatawayBackendChoice,
  readDataway,
} from "./config-dataway.ts";
import { checkEngines, ENGINE_SETTINGS, maskUrls, readEngines, showDatabase } from "./config-engines.ts";
import {
  checkMetricStore,
  METRIC_STORE_SETTINGS,
  type MetricStoreChoice,
  readMetricStore,
  showMetricSetting,
} from "./config-metrics.ts";
import { checkPoints, POINT_SETTINGS, type PointsChoice, readPointsChoice, showPointSetting } from "./config-points.ts";
import {
  commaList,
  doorPolicy,
  hostPort,
  listenTarget,
  origin,
  publicUrl,
  range,
  secret,
  wholeBytes,
} from "./config-types.ts";
import type { DoorPolicy } from "./listeners/door-policy.ts";
import type { DatabaseChoice } from "./store/open.ts";

/** The doors that exist, and whether their peers can show a token. */
export const DOORS = {
  node: { peersSendToken: true },
  dataway: { peersSendToken: true },
  ...CONFIGSERVER_DOORS,
} as const;
export type DoorName = keyof typeof DOORS;

const DAY_MS = 86_400_000;

/** Every setting of the server: the flag, `MUSTER_…` and the key of muster.yaml are one name. */
export const SERVER_SETTINGS = {
  host: { type: hostPort.host, default: "127.0.0.1", doc: "address to listen on; 0.0.0.0 opens it to the network" },
  port: { type: integer(0, 65_535, "<port>"), default: 9999, doc: "main port: API, console and every door" },
  "data-dir": { type: text("<folder>"), doc: "where the database and keys are kept" },
  ...ENGINE_SETTINGS,
  "admin-password": { type: secret.password, secret: true, doc: "password of `admin`, set at first start" },
  "enrollment-token": { type: secret.enrollmentToken, secret: true, doc: "token for agents, set at first start" },
  "api-token": { type: secret.apiToken, secret: true, doc: "token for programs (admin), set at first start" },
  "tls-cert": { type: text("<file>"), doc: "PEM certificate chain, for every listener" },
  "tls-key": { type: text("<file>"), doc: "PEM private key" },
  listen: { type: listenTarget(Object.keys(DOORS)), repeatable: true, doc: "a listener of its own for a door" },
  "classic-ports": {
    type: flag,
    default: false,
    doc: "listen on the originals' ports too: 9528 and 9530 for dataway, 8899 for configserver-g0",
  },
  door: { type: pair("<door>=off|token|loopback|<cidr,…>"), repeatable: true, doc: "who may use a door" },
  "door-origins": { type: commaList("<origin,…>", origin), doc: "the only browser origins that doors accept" },
  "trusted-proxies": { type: commaList("<cidr,…>", range), doc: "proxies whose forwarding headers count" },
  "public-url": { type: publicUrl, doc: "how others reach this server; used in copied lines" },
  "admit-rate": {
    type: integer(1, 1_000_000, "<per second>"),
    default: 500,
    doc: "connects of agents that are let in per second; the others are told when to come back",
  },
  "allow-default-token": { type: flag, default: false, doc: "let agents in with the published `default-token`" },
  "metrics-retention-10s": { type: duration(60_000, 3660 * DAY_MS), default: DAY_MS, doc: "history in 10 s steps" },
  "metrics-retention-1m": { type: duration(60_000, 3660 * DAY_MS), default: 7 * DAY_MS, doc: "history in 1 min steps" },
  "metrics-retention-10m": {
    type: duration(60_000, 3660 * DAY_MS),
    default: 90 * DAY_MS,
    doc: "history in 10 min steps",
  },
  ...METRIC_STORE_SETTINGS,
  ...POINT_SETTINGS,
  ...DATAWAY_SETTINGS,
  ...CONFIGSERVER_SETTINGS,
  "secrets-key-file": {
    type: text("<file>"),
    doc: "key of the secrets in configs, the same for every process; default: secrets.key in the data folder",
  },
  "commands-retention": {
    type: duration(3_600_000, 3660 * DAY_MS),
    default: 90 * DAY_MS,
    doc: "ended commands with their runs and output",
  },
  "output-limit": {
    type: wholeBytes(1024, 64 * 1024 * 1024),
    default: 1024 * 1024,
    doc: "bytes kept per stream of a run",
  },
  "log-level": {
    type: oneOf("trace", "debug", "info", "warn", "error", "silent"),
    default: "info",
    doc: "least level",
  },
  config: { type: text("<file>"), doc: "muster.yaml; default: in the data folder, when it exists" },
} as const satisfies Record<string, Setting>;

/** What the server was told, checked and complete. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly database: DatabaseChoice;
  readonly bus: BusChoice;
  readonly adminPassword: string | undefined;
  readonly enrollmentToken: string | undefined;
  readonly apiToken: string | undefined;
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  readonly doorListeners: readonly { readonly door: DoorName; readonly host: string; readonly port: number }[];
  readonly doorPolicies: Readonly<Record<DoorName, DoorPolicy>>;
  readonly doorOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly publicUrl: string | undefined;
  /** Per second. */
  readonly admitRate: number;
  readonly allowDefaultToken: boolean;
  readonly metricsRetentionMs: { readonly "10s": number; readonly "1m": number; readonly "10m": number };
  readonly metricStore: MetricStoreChoice;
  readonly points: PointsChoice;
  readonly datawayBackend: DatawayBackendChoice | undefined;
  readonly configServer: ConfigServerChoice;
  readonly secretsKeyFile: string;
  readonly commandsRetentionMs: number;
  readonly outputLimitBytes: number;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** For `muster server config`. */
  readonly settings: readonly ResolvedSetting[];
  /** Arguments that are no flags. */
  readonly positionals: readonly string[];
}

export interface ConfigInputs {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads and checks everything; throws one invalid_argument that lists all mistakes. */
export function readServerConfig(inputs: ConfigInputs): ServerConfig {
  const file = readConfigFile(inputs);
  const result = resolveSettings(SERVER_SETTINGS, { ...inputs, file: file.content });
  const mistakes = [...file.mistakes, ...result.mistakes];
  const policies = readPolicies(result, mistakes);
  checkTogether(result, mistakes);
  assertNoMistakes({ ...result, mistakes });
  return toConfig(result, policies, inputs.environment);
}

/** The text of `muster server --help`. */
export function describeServerSettings(): string {
  return [
    "muster server [config | reset-password [user]] [flags]",
    "",
    "  Runs the control plane. `config` prints the effective configuration; `reset-password` sets a new password for a",
    "  person (default: admin), whether the server runs or not. Each flag --a-b is also the variable MUSTER_A_B and the",
    "  key a-b of muster.yaml.",
    "",
    describeSettings(withReadableDefaults()),
  ].join("\n");
}

/** The lines of `muster server config`. */
export function showServerConfig(config: ServerConfig): string {
  return showSettings(config.settings.map((setting) => ({ ...setting, value: readable(setting.name, setting.value) })));
}

/** Values as they would be written in a flag. */
function readable(name: string, value: unknown): unknown {
  if (Object.hasOwn(POINT_SETTINGS, name)) return showPointSetting(name, value);
  if (name === "configserver-agent-expiry") return value === undefined ? "never" : formatDuration(Number(value));
  if (name.endsWith("-retention") || name.startsWith("metrics-retention")) return formatDuration(Number(value));
  if (name === "bus") return maskUrls(String(value));
  if (name === "dataway-backend-queue") return `${Number(value) / (1024 * 1024)}MiB`;
  if (name.startsWith("metrics-remote-")) return showMetricSetting(name, value);
  if (name === "door") return (value as [string, string][]).map((parts) => parts.join("="));
  if (name !== "listen") return value;
  return (value as ServerConfig["doorListeners"]).map(({ door, host, port }) => `${door}=${host}:${port}`);
}

function withReadableDefaults(): Record<string, Setting> {
  const settings: [string, Setting][] = Object.entries(SERVER_SETTINGS);
  return Object.fromEntries(
    settings.map(([name, setting]) => {
      const shown = setting.default !== undefined && { default: readable(name, setting.default) };
      return [name, { ...setting, ...shown }];
    }),
  );
}

function toConfig(
  result: SettingsResult,
  doorPolicies: Record<DoorName, DoorPolicy>,
  environment: ConfigInputs["environment"],
): ServerConfig {
  const get = <Value>(name: keyof typeof SERVER_SETTINGS) => result.settings.get(name)?.value as Value;
  const dataDir = resolve(get<string | undefined>("data-dir") ?? defaultDataDir(environment));
  const engines = readEngines(result, dataDir);
  const certPath = get<string | undefined>("tls-cert");
  const keyPath = get<string | undefined>("tls-key");
  const shown = new Map(result.settings);
  fillIn(shown, "data-dir", dataDir);
  fillIn(shown, "database", showDatabase(engines.database));
  return {
    host: get("host"),
    port: get("port"),
    dataDir,
    ...engines,
    adminPassword: get("admin-password"),
    enrollmentToken: get("enrollment-token"),
    apiToken: get("api-token"),
    tls: certPath !== undefined && keyPath !== undefined ? { certPath, keyPath } : undefined,
    doorListeners: [
      ...get<ServerConfig["doorListeners"]>("listen"),
      ...(get<boolean>("classic-ports")
        ? [...CLASSIC_PORTS, ...CONFIGSERVER_CLASSIC_PORTS].map((one) => ({ ...one, host: get<string>("host") }))
        : []),
    ],
    doorPolicies,
    doorOrigins: get<string[] | undefined>("door-origins") ?? [],
    trustedProxies: get<string[] | undefined>("trusted-proxies") ?? [],
    publicUrl: get("public-url"),
    admitRate: get("admit-rate"),
    allowDefaultToken: get("allow-default-token"),
    metricsRetentionMs: {
      "10s": get("metrics-retention-10s"),
      "1m": get("metrics-retention-1m"),
      "10m": get("metrics-retention-10m"),
    },
    metricStore: readMetricStore(result),
    points: readPointsChoice(result),
    datawayBackend: readDataway(result),
    configServer: readConfigServer(result),
    secretsKeyFile: resolve(get<string | undefined>("secrets-key-file") ?? join(dataDir, "secrets.key")),
    commandsRetentionMs: get("commands-retention"),
    outputLimitBytes: get("output-limit"),
    logLevel: get("log-level"),
    settings: [...shown.values()],
    positionals: result.positionals,
  };
}

function fillIn(settings: Map<string, ResolvedSetting>, name: string, value: string): void {
  const known = settings.get(name);
  if (known) settings.set(name, { ...known, value });
}

/** The file is named by flag or variable, or lies in the data folder; a file that was named must exist. */
function readConfigFile(inputs: ConfigInputs): { content: unknown; mistakes: string[] } {
  const first = resolveSettings(SERVER_SETTINGS, inputs).settings;
  const named = first.get("config")?.value as string | undefined;
  const dataDir = (first.get("data-dir")?.value as string | undefined) ?? defaultDataDir(inputs.environment);
  const path = named ?? join(dataDir, "muster.yaml");
  if (named === undefined && !existsSync(path)) return { content: undefined, mistakes: [] };
  try {
    return { content: parseYaml(readFileSync(path, "utf8")), mistakes: [] };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "cannot be read";
    return { content: undefined, mistakes: [`${path}: ${why}`] };
  }
}

function readPolicies(result: SettingsResult, mistakes: string[]): Record<DoorName, DoorPolicy> {
  const policies = Object.fromEntries(
    Object.entries(DOORS).map(([name, { peersSendToken }]) => [name, { kind: peersSendToken ? "token" : "loopback" }]),
  ) as Record<DoorName, DoorPolicy>;
  const given = result.settings.get("door")?.value as (readonly [string, string] | undefined)[];
  // what is said of all generations holds for each of which nothing is said
  const sorted = given.filter((one) => one !== undefined).sort(([a], [b]) => a.length - b.length);
  for (const [name, policy] of sorted) {
    if (!isDoorName(name)) {
      mistakes.push(`door: "${name}": expected one of ${Object.keys(DOORS).join(", ")}`);
      continue;
    }
    try {
      const read = doorPolicy(policy, DOORS[name].peersSendToken);
      for (const covered of name === "configserver" ? CONFIGSERVER_NAMES : [name]) policies[covered] = read;
    } catch (error) {
      mistakes.push(`door: ${name}=${policy}: ${error instanceof Error ? error.message : "is not valid"}`);
    }
  }
  return policies;
}

const CONFIGSERVER_NAMES = Object.keys(CONFIGSERVER_DOORS) as (keyof typeof CONFIGSERVER_DOORS)[];

function isDoorName(name: string): name is DoorName {
  return Object.hasOwn(DOORS, name);
}

function checkTogether(result: SettingsResult, mistakes: string[]): void {
  checkEngines(result, mistakes);
  checkMetricStore(result, mistakes);
  checkPoints(result, mistakes);
  checkDataway(result, mistakes);
  const value = (name: keyof typeof SERVER_SETTINGS) => result.settings.get(name)?.value;
  if ((value("tls-cert") === undefined) !== (value("tls-key") === undefined)) {
    mistakes.push("tls-cert and tls-key: give both or neither");
  }
  const tiers = ["metrics-retention-10s", "metrics-retention-1m", "metrics-retention-10m"] as const;
  const [fine, middle, coarse] = tiers.map((name) => Number(value(name)));
  if (Number(fine) > Number(middle) || Number(middle) > Number(coarse)) {
    mistakes.push("metrics-retention: finer steps cannot be kept longer than coarser ones");
  }
}

/** `/var/lib/muster` for root, else the state folder of the XDG specification. */
export function defaultDataDir(environment: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return "/var/lib/muster";
  const state = environment.XDG_STATE_HOME;
  return join(state?.startsWith("/") ? state : join(homedir(), ".local", "state"), "muster");
}

/** True for a mistake in the configuration, which ends the process with status 2. */
export function isConfigMistake(error: unknown): boolean {
  return error instanceof MusterError && Array.isArray(error.details.mistakes);
}
