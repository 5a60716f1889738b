import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { isLabelKey, LABEL_LIMITS, type Labels } from "@muster/core";
import {
  duration,
  integer,
  oneOf,
  pair,
  type ResolvedSetting,
  resolveSettings,
  type Setting,
  type SettingType,
  text,
  url,
} from "@muster/core/settings";
import { LOG_LEVELS, type LogLevel } from "./log.ts";

/** The languages that the agent speaks with a server. */
const PROTOCOLS = ["native", "dataway", "configserver-g0", "configserver-g1", "configserver-g2"] as const;
export type AgentProtocol = (typeof PROTOCOLS)[number];

/** The agent's settings after flags, environment, file and defaults were merged. */
export interface AgentConfig {
  readonly servers: readonly string[];
  readonly token: string;
  readonly protocol: AgentProtocol;
  /** Undefined: derived from the machine (identity.ts). */
  readonly id: string | undefined;
  readonly name: string;
  readonly labels: Labels;
  readonly cloudId: number;
  readonly dataDir: string;
  /** The folder of the inputs' configurations. */
  readonly confDir: string;
  readonly policyPath: string;
  /** A program of this host that is asked after each change of a config. */
  readonly configHook: { readonly program: string; readonly timeoutMs: number } | undefined;
  /** Between two beats of the ConfigServer protocols. */
  readonly configserverIntervalMs: number;
  /** PEM text of additional certificate authorities. */
  readonly ca: string | undefined;
  readonly logLevel: LogLevel;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
}

export interface LoadedConfig {
  readonly config: AgentConfig;
  readonly settings: readonly ResolvedSetting[];
  readonly positionals: readonly string[];
  /** Every mistake at once, a line each; `config` must not be used when there is one. */
  readonly mistakes: readonly string[];
}

const labelType: SettingType<readonly [string, string]> = {
  hint: "<key=value>",
  parse(value) {
    const [key, content] = pair("<key=value>").parse(value);
    if (!isLabelKey(key)) throw new Error("expected a label key of letters, digits, . _ / - (at most 63)");
    if (content.length > LABEL_LIMITS.valueLength) throw new Error("expected a value of at most 255 characters");
    return [key, content];
  },
};

const idType: SettingType<string> = {
  hint: "<id>",
  parse(value) {
    if (!/^[\x21-\x7e]{1,128}$/.test(value)) throw new Error("expected 1 to 128 printable characters without spaces");
    return value;
  },
};

/** Every setting of the agent. One object, so that `--help`, `agent config` and docs/agent.md cannot drift apart. */
export const AGENT_SETTINGS = {
  server: {
    type: url("http", "https", "ws", "wss"),
    repeatable: true,
    doc: "server to join; several are tried in turn",
  },
  token: {
    type: text("<token>"),
    secret: true,
    doc: "enrolment token (better in MUSTER_TOKEN than on a command line)",
  },
  protocol: { type: oneOf(...PROTOCOLS), default: "native", doc: "protocol to speak" },
  id: { type: idType, doc: "external id; default: derived from this machine" },
  name: { type: text("<name>"), doc: "name shown to people; default: the hostname" },
  label: { type: labelType, repeatable: true, doc: "label for selecting this agent" },
  "cloud-id": { type: integer(0, 2 ** 31 - 1), default: 0, doc: "network area, where addresses may repeat" },
  "data-dir": { type: text("<folder>"), doc: "folder for journal, output and samples" },
  "conf-dir": { type: text("<folder>"), doc: "configurations of inputs; default: conf.d in the data folder" },
  policy: { type: text("<file>"), doc: "what this host accepts; default: policy.yaml in the data folder" },
  "config-hook": {
    type: text("<program>"),
    doc: "program to run after each change of a config; it may refuse the change",
  },
  "config-hook-timeout": { type: duration(100, 3_600_000), default: 30_000, doc: "how long it may take" },
  "configserver-interval": {
    type: duration(1000, 3_600_000),
    default: 10_000,
    doc: "between two beats of the ConfigServer protocols",
  },
  "tls-ca": { type: text("<file>"), doc: "PEM file with certificate authorities to trust besides the usual ones" },
  config: { type: text("<file>"), doc: "configuration file; default: muster.yaml in the data folder, when it exists" },
  "log-level": { type: oneOf(...LOG_LEVELS), default: "info", doc: "least level that is logged" },
  "reconnect-min": { type: duration(100, 60_000), default: 5000, doc: "first wait before a new connection" },
  "reconnect-max": { type: duration(100, 3_600_000), default: 60_000, doc: "longest wait before a new connection" },
} as const satisfies Record<string, Setting>;

export interface ConfigInputs {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads the settings. Touches the configuration file and the CA file, nothing else. */
export async function loadAgentConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  // a first pass without the file finds out where the file is; its mistakes come again in the second
  const first = valueReader(resolveSettings(AGENT_SETTINGS, inputs).settings);
  const dataDir = resolve(first.text("data-dir") ?? defaultDataDir(inputs.environment));
  const mistakes: string[] = [];
  const file = await readConfigFile(first.text("config"), join(dataDir, "muster.yaml"), mistakes);
  const result = resolveSettings(AGENT_SETTINGS, { ...inputs, file });
  mistakes.unshift(...result.mistakes);
  const read = valueReader(result.settings);
  const folder = resolve(read.text("data-dir") ?? dataDir);
  const config: AgentConfig = {
    ...pickTokens(read.list<string>("server"), read.text("token")),
    protocol: (read.text("protocol") ?? "native") as AgentProtocol,
    id: read.text("id"),
    name: read.text("name") ?? hostname(),
    labels: Object.fromEntries(read.list<readonly [string, string]>("label")),
    cloudId: read.number("cloud-id"),
    dataDir: folder,
    confDir: resolve(read.text("conf-dir") ?? join(folder, "conf.d")),
    policyPath: resolve(read.text("policy") ?? join(folder, "policy.yaml")),
    configHook: readHook(read.text("config-hook"), read.number("config-hook-timeout")),
    configserverIntervalMs: read.number("configserver-interval"),
    ca: readCa(read.text("tls-ca"), mistakes),
    logLevel: (read.text("log-level") ?? "info") as LogLevel,
    reconnectMinMs: read.number("reconnect-min"),
    reconnectMaxMs: read.number("reconnect-max"),
  };
  checkTogether(config, mistakes);
  return { config, settings: [...result.settings.values()], positionals: result.positionals, mistakes };
}

/** DataKits are given their token in the address; there it would be logged, so it is taken out. */
function pickTokens(servers: readonly string[], token: string | undefined): { servers: string[]; token: string } {
  let found = token ?? "";
  const clean = servers.map((server) => {
    const address = new URL(server);
    const own = address.searchParams.get("token");
    if (own === null) return server;
    if (found === "") found = own;
    address.searchParams.delete("token");
    return address.href;
  });
  return { servers: clean, token: found };
}

/** `/var/lib/muster` as root, else the XDG state folder. */
export function defaultDataDir(environment: ConfigInputs["environment"]): string {
  if (process.getuid?.() === 0) return "/var/lib/muster";
  return join(environment.XDG_STATE_HOME || join(homedir(), ".local", "state"), "muster");
}

/** What no single setting can see. */
function checkTogether(config: AgentConfig, mistakes: string[]): void {
  if (config.servers.length === 0)
    mistakes.push("server: at least one URL is needed, e.g. --server http://10.0.0.1:9999");
  // original ConfigServers know no tokens
  if (config.token === "" && !config.protocol.startsWith("configserver"))
    mistakes.push("token: an enrolment token is needed (--token or MUSTER_TOKEN)");
  if (config.reconnectMinMs > config.reconnectMaxMs) mistakes.push("reconnect-min: expected at most reconnect-max");
  if (Object.keys(config.labels).length > LABEL_LIMITS.count) {
    mistakes.push(`label: expected at most ${LABEL_LIMITS.count} labels`);
  }
}

async function readConfigFile(given: string | undefined, usual: string, mistakes: string[]): Promise<unknown> {
  let content: string;
  try {
    content = readFileSync(given ?? usual, "utf8");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (given !== undefined || !missing) mistakes.push(`config: ${given ?? usual}: cannot be read`);
    return undefined;
  }
  try {
    const { parse } = await import("yaml"); // only hosts with a file pay for the parser
    return pickAgentKeys(parse(content));
  } catch (error) {
    mistakes.push(`config: ${given ?? usual}: ${error instanceof Error ? error.message : "is no YAML"}`);
    return undefined;
  }
}

/** One muster.yaml may serve server and agent on a host: an `agent:` mapping, when there is one, is what counts here. */
function pickAgentKeys(parsed: unknown): unknown {
  if (typeof parsed === "object" && parsed !== null && "agent" in parsed) return parsed.agent;
  return parsed;
}

function readCa(path: string | undefined, mistakes: string[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    mistakes.push(`tls-ca: ${JSON.stringify(path)}: cannot be read`);
    return undefined;
  }
}

function readHook(path: string | undefined, timeoutMs: number): AgentConfig["configHook"] {
  return path === undefined ? undefined : { program: resolve(path), timeoutMs };
}

function valueReader(settings: ReadonlyMap<string, ResolvedSetting>) {
  const value = (name: string) => settings.get(name)?.value;
  return {
    text: (name: string) => value(name) as string | undefined,
    number: (name: string) => Number(value(name)),
    // a repeatable value that failed to parse leaves a hole
    list: <Value>(name: string) => ((value(name) ?? []) as (Value | undefined)[]).filter((part) => part !== undefined),
  };
}
