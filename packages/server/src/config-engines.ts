import { join, resolve } from "node:path";
import { integer, type Setting, type SettingsResult, type SettingType, text } from "@muster/core/settings";
import type { BusChoice } from "./bus/open.ts";
import type { DatabaseChoice } from "./store/open.ts";

const DEFAULT_CONNECTIONS = 10;

/** `sqlite:<file>` or `postgres://user:password@host:port/name?sslmode=…`. */
const database: SettingType<string> = {
  hint: "<sqlite:file|postgres://…>",
  parse(given) {
    if (/^sqlite:./.test(given)) return given;
    if (!/^postgres(ql)?:\/\//.test(given)) throw new Error("expected sqlite:<file> or postgres://<host>/<name>");
    if (!URL.canParse(given) || new URL(given).pathname.length < 2)
      throw new Error("expected postgres://<user>:<password>@<host>:<port>/<name>");
    return given;
  },
};

/** `local`, or the servers of one NATS separated by commas. */
const bus: SettingType<string> = {
  hint: "<local|nats://…>",
  parse(given) {
    if (given === "local") return given;
    for (const server of splitServers(given)) {
      if (!URL.canParse(server) || !/^(nats|tls):\/\//.test(server))
        throw new Error("expected local or nats://<host>:<port>[,…]");
    }
    return given;
  },
};

const prefix: SettingType<string> = {
  hint: "<word>",
  parse(given) {
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(given)) throw new Error("expected letters, digits, - and _");
    return given;
  },
};

/** Where state is kept and how processes reach each other. */
export const ENGINE_SETTINGS = {
  database: {
    type: database,
    doc: "where everything is stored; default: muster.db in the data folder",
    mask: maskUrls,
  },
  "database-connections": {
    type: integer(2, 1000),
    default: DEFAULT_CONNECTIONS,
    doc: "connections to PostgreSQL that this process may hold",
  },
  bus: {
    type: bus,
    default: "local",
    doc: "how server processes reach each other: NATS when there are several",
    mask: maskUrls,
  },
  "nats-prefix": { type: prefix, default: "muster", doc: "first word of all subjects; one per installation" },
  "nats-user": { type: text("<name>"), doc: "user of NATS" },
  "nats-password": { type: text("<password>"), secret: true, doc: "password of that user" },
  "nats-token": { type: text("<token>"), secret: true, doc: "token of NATS, instead of a user" },
  "nats-nkey-file": { type: text("<file>"), doc: "file with an NKey seed, instead of a user" },
  "nats-credentials-file": { type: text("<file>"), doc: "file with a JWT and its NKey, instead of a user" },
  "nats-tls-ca": { type: text("<file>"), doc: "PEM authorities that NATS's certificate must come from; turns TLS on" },
  "nats-tls-cert": { type: text("<file>"), doc: "PEM certificate that is shown to NATS" },
  "nats-tls-key": { type: text("<file>"), doc: "PEM private key of that certificate" },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof ENGINE_SETTINGS;

/** What cannot work together is refused at start, with the reason. */
export function checkEngines({ settings }: SettingsResult, mistakes: string[]): void {
  const given = (name: Name) => settings.get(name)?.source !== "default";
  const value = (name: Name) => settings.get(name)?.value as string | undefined;
  const usesPostgres = /^postgres/.test(value("database") ?? "");
  const usesNats = (value("bus") ?? "local") !== "local";
  if (usesNats && !usesPostgres)
    mistakes.push("bus: NATS joins several server processes, and SQLite is for one; give --database postgres://… too");
  if (given("database-connections") && !usesPostgres)
    mistakes.push("database-connections: SQLite has no connections; it goes with --database postgres://…");
  const natsOnly = (Object.keys(ENGINE_SETTINGS) as Name[]).filter((name) => name.startsWith("nats-") && given(name));
  if (!usesNats && natsOnly.length > 0) mistakes.push(`${natsOnly.join(", ")}: there is no NATS; give --bus nats://…`);
  const logins = (["nats-user", "nats-token", "nats-nkey-file", "nats-credentials-file"] as const).filter(given);
  if (usesNats && hasUser(value("bus") ?? "")) logins.unshift("nats-user");
  if (logins.length > 1) mistakes.push(`${logins.join(", ")}: NATS takes one way to log in`);
  if (given("nats-password") && !given("nats-user")) mistakes.push("nats-password: whose? give nats-user too");
  if (given("nats-tls-cert") !== given("nats-tls-key"))
    mistakes.push("nats-tls-cert and nats-tls-key: give both or neither");
}

/** The engines of a configuration that was checked. */
export function readEngines(result: SettingsResult, dataDir: string): { database: DatabaseChoice; bus: BusChoice } {
  const get = (name: Name) => result.settings.get(name)?.value as string | undefined;
  const connections = Number(get("database-connections"));
  return {
    database: toDatabase(get("database") ?? `sqlite:${join(dataDir, "muster.db")}`, connections),
    bus: toBus(get),
  };
}

/** The same words as in the flag. */
export function toDatabase(given: string, connections = DEFAULT_CONNECTIONS): DatabaseChoice {
  return given.startsWith("sqlite:")
    ? { kind: "sqlite", path: resolve(given.slice("sqlite:".length)) }
    : { kind: "postgres", url: given, connections };
}

/** For people, without secrets: as the flag would say it. */
export function showDatabase(choice: DatabaseChoice): string {
  return choice.kind === "sqlite" ? `sqlite:${choice.path}` : maskUrls(choice.url);
}

function toBus(get: (name: Name) => string | undefined): BusChoice {
  const given = get("bus") ?? "local";
  if (given === "local") return { kind: "local" };
  const urls = splitServers(given).map((server) => new URL(server));
  const named = urls.find((url) => url.username !== "");
  const [caFile, certFile, keyFile] = [get("nats-tls-ca"), get("nats-tls-cert"), get("nats-tls-key")];
  const isSecured = caFile !== undefined || certFile !== undefined || urls.some((url) => url.protocol === "tls:");
  return {
    kind: "nats",
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    prefix: get("nats-prefix") ?? "muster",
    user: get("nats-user") ?? (named && decodeURIComponent(named.username)),
    password: get("nats-password") ?? (named && decodeURIComponent(named.password)),
    token: get("nats-token"),
    nkeyFile: get("nats-nkey-file"),
    credentialsFile: get("nats-credentials-file"),
    tls: isSecured ? { caFile, certFile, keyFile } : undefined,
  };
}

/** Hides passwords in URLs, also in parameters and in what is no valid URL; rather too much than too little. */
export function maskUrls(given: string): string {
  const pieces = splitServers(given);
  const all = pieces.every((piece) => URL.canParse(piece)) ? pieces : [given];
  return all.map(maskUrl).join(",");
}

function maskUrl(url: string): string {
  return url.replace(/(:\/\/[^/:@]*):.*@/s, "$1:********@").replace(/([?&](?:ssl)?password=)[^&]*/gi, "$1********");
}

function hasUser(servers: string): boolean {
  return splitServers(servers).some((server) => URL.canParse(server) && new URL(server).username !== "");
}

function splitServers(given: string): string[] {
  return given.split(",").map((server) => server.trim());
}
