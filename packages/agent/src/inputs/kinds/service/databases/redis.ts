import type { Point } from "@muster/core";
import type * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, flag, integer, options, text } from "../../shared/options.ts";
import { nowNs, pointOf, present, type RawFields } from "../../shared/values.ts";
import { formatEndpoint } from "../endpoint.ts";
import { ServiceTrouble } from "../failure.ts";
import { loadTls, TLS_OPTIONS, type TlsMaterial } from "../http-options.ts";
import { readServerKept } from "../kept-connection.ts";
import { pickNumbers, readFloat, readNumeric } from "../numbers.ts";
import { openRedis, REDIS_LIMITS, type RedisClient, RedisRefusal } from "./redis-client.ts";
import { REDIS_INFO_FIELDS } from "./redis-fields.ts";

/** Commands, errors or replicas of one server that become points. */
const MAX_ROWS = 500;

const redisOptions = options({
  ...TLS_OPTIONS,
  host: text("127.0.0.1"),
  port: integer(6379, { min: 1, max: 65_535 }),
  unix_socket_path: text(""),
  username: text(""),
  password: text(""),
  tls: flag(false),
  timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
  command_stats: flag(true),
  keyspace: flag(true),
  slowlog: flag(true),
});
type RedisOptions = z.output<typeof redisOptions>;

type Tags = Readonly<Record<string, string>>;

/** Lines `name:value` of INFO, without its headings. */
export function parseInfo(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.slice(0, REDIS_LIMITS.answer).split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) values.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return values;
}

/** `keys=1,expires=0` as names and values. */
function parseParts(value: string): Map<string, string> {
  return new Map(
    value.split(",").map((part) => {
      const equals = part.indexOf("=");
      return [part.slice(0, equals), part.slice(equals + 1)] as const;
    }),
  );
}

interface InfoReading {
  readonly tags: Tags;
  readonly timeNs: bigint;
  readonly wanted: Pick<RedisOptions, "command_stats" | "keyspace">;
  readonly more: RawFields;
}

/** Points of everything that INFO tells and that is wanted. */
export function readInfo(info: ReadonlyMap<string, string>, reading: InfoReading): Point[] {
  const { tags, timeNs, wanted, more } = reading;
  const own = { ...tags, redis_version: info.get("redis_version"), role: info.get("role") };
  const rows: (Point | undefined)[] = [];
  const add = (measurement: string, tag: Tags, fields: RawFields) => {
    if (rows.length < MAX_ROWS) rows.push(pointOf(measurement, { tags: { ...tags, ...tag }, fields, timeNs }));
  };
  for (const [name, value] of info) {
    const [, family = "", rest = ""] = /^(db|cmdstat_|errorstat_|slave)(.+)$/.exec(name) ?? [];
    if (family === "" || !value.includes("=")) continue;
    const parts = parseParts(value);
    if (family === "db" && wanted.keyspace) add("redis_db", { db: rest }, keyspaceFields(parts));
    if (family === "cmdstat_" && wanted.command_stats)
      add("redis_command_stat", { command: rest }, commandFields(parts));
    if (family === "errorstat_" && wanted.command_stats)
      add("redis_error_stat", { error: rest }, { count: readNumeric(parts.get("count")) });
    if (family === "slave") {
      const replica = formatEndpoint({ host: parts.get("ip") ?? "", port: Number(parts.get("port")) });
      add("redis_replica", { replica, state: parts.get("state") ?? "" }, pickNumbers(parts, REPLICA_FIELDS));
    }
  }
  const link = info.get("master_link_status");
  const linkUp = link === undefined ? undefined : link === "up" ? 1n : 0n;
  const fields = { ...pickNumbers(info, REDIS_INFO_FIELDS), master_link_up: linkUp, ...more };
  return present([pointOf("redis_info", { tags: own, fields, timeNs }), ...rows]);
}

function keyspaceFields(parts: ReadonlyMap<string, string>): RawFields {
  const ttl = readFloat(parts.get("avg_ttl"));
  return {
    keys: readNumeric(parts.get("keys")),
    expires: readNumeric(parts.get("expires")),
    avg_ttl: ttl === undefined ? undefined : ttl / 1000,
  };
}

function commandFields(parts: ReadonlyMap<string, string>): RawFields {
  const seconds = (name: string) => {
    const micro = readFloat(parts.get(name));
    return micro === undefined ? undefined : micro / 1e6;
  };
  return {
    calls: readNumeric(parts.get("calls")),
    time: seconds("usec"),
    time_per_call: seconds("usec_per_call"),
    rejected_calls: readNumeric(parts.get("rejected_calls")),
    failed_calls: readNumeric(parts.get("failed_calls")),
  };
}

export function createRedis(wanted: RedisOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;
  const isSocket = wanted.unix_socket_path !== "";
  const place = isSocket ? wanted.unix_socket_path : formatEndpoint(wanted);
  const tags: Tags = { server: place };
  const read = async (client: RedisClient): Promise<Point[]> => {
    const info = parseInfo(String(await client.ask("INFO", "all")));
    if (info.size === 0) throw new ServiceTrouble(`${place} is no Redis: it answered INFO with nothing`);
    const more = wanted.slowlog ? await readSlowlog(client) : {};
    return readInfo(info, { tags, timeNs: nowNs(tools.clock), wanted, more });
  };
  const readings = readServerKept<RedisClient>(tools, {
    timeoutMs: wanted.timeout,
    place,
    secrets: [wanted.password],
    read,
    open: (signal) => logIn({ wanted, tls, place }, signal),
    close: (client) => client.close(),
  });

  return {
    async start() {
      tls = await loadTls(wanted);
    },
    ...readings,
  };
}

/** How much is in the log of slow commands, and how many ever were: their numbers go up by one. */
async function readSlowlog(client: RedisClient): Promise<RawFields> {
  const length = await client.ask("SLOWLOG", "LEN");
  const newest = await client.ask("SLOWLOG", "GET", "1");
  const entry: unknown = Array.isArray(newest) ? newest[0] : undefined;
  const [id, , micro] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const slowest = readFloat(micro);
  return {
    slowlog_length: readNumeric(length),
    slowlog_total: typeof id === "bigint" ? id + 1n : undefined,
    slowlog_last_time: slowest === undefined ? undefined : slowest / 1e6,
  };
}

interface Opening {
  readonly wanted: RedisOptions;
  readonly tls: TlsMaterial;
  readonly place: string;
}

async function logIn({ wanted, tls, place }: Opening, signal: AbortSignal): Promise<RedisClient> {
  const { host, port, unix_socket_path: path, username, password } = wanted;
  const connect = path === "" ? { host, port } : { path };
  const client = await openRedis({ connect, name: place, ...(wanted.tls ? { tls } : {}) }, signal);
  const stop = () => client.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (password !== "") await client.ask("AUTH", ...(username === "" ? [password] : [username, password]));
    await client.ask("PING");
    return client;
  } catch (error) {
    client.close();
    const message = error instanceof RedisRefusal ? error.message : "";
    if (message.startsWith("WRONGPASS")) throw new ServiceTrouble(`${place} refused the user or the password`);
    if (message.startsWith("NOAUTH")) throw new ServiceTrouble(`${place} asks for a password`);
    if (message.startsWith("ERR AUTH")) throw new ServiceTrouble(`${place} knows no password, and one is configured`);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const SERVER_TAG = { server: "host and port of the server, or its socket" };

const REPLICA_FIELDS: Readonly<Record<string, string>> = {
  offset: "how far the replica is in the stream, bytes",
  lag: "since the replica was last heard, seconds",
};

export const redis = defineKind({
  name: "redis",
  catalog: "db",
  summary: "Memory, clients, hits, commands, keys and replication of Redis",
  defaultIntervalMs: 15_000,
  options: redisOptions,
  create: createRedis,
  sample: sampleOf({
    name: "redis",
    about: "Reads INFO of a Redis server.",
    interval: "15s",
    body: `
  host = "127.0.0.1"
  port = 6379
  # Instead of both.
  # unix_socket_path = "/var/run/redis/redis.sock"
  # A user that may run INFO, SLOWLOG and PING; without a username the default one.
  # username = "monitor"
  # password = ""
  timeout = "5s"
  # Calls and times of each command; keys of each database; the log of slow commands.
  command_stats = true
  keyspace = true
  slowlog = true
  # TLS.
  # tls = false
  # tls_ca = "/etc/ssl/own-ca.pem"
  # tls_cert = "/etc/ssl/client.pem"
  # tls_key = "/etc/ssl/client.key"
  # insecure_skip_verify = false`,
  }),
  measurements: [
    {
      name: "redis_info",
      category: "metric",
      about: "The server as a whole. Fields that the server's version does not have are absent.",
      tags: { ...SERVER_TAG, redis_version: "version of the server", role: "master or slave" },
      fields: {
        ...REDIS_INFO_FIELDS,
        master_link_up: "1 when a replica is connected to its master, else 0",
        slowlog_length: "entries in the log of slow commands, a count",
        slowlog_total: "slow commands since the start, a count",
        slowlog_last_time: "what the latest slow command took, seconds",
      },
    },
    {
      name: "redis_db",
      category: "metric",
      about: "One database that has keys.",
      tags: { ...SERVER_TAG, db: "number of the database" },
      fields: {
        keys: "keys, a count",
        expires: "keys that will expire, a count",
        avg_ttl: "mean time that those have left, seconds",
      },
    },
    {
      name: "redis_command_stat",
      category: "metric",
      about: "One command that was called since the start.",
      tags: { ...SERVER_TAG, command: "name of the command" },
      fields: {
        calls: "calls, a count",
        time: "time spent in it, seconds",
        time_per_call: "mean time of a call, seconds",
        rejected_calls: "calls refused before they ran, a count",
        failed_calls: "calls that failed, a count",
      },
    },
    {
      name: "redis_error_stat",
      category: "metric",
      about: "One kind of error that was answered since the start.",
      tags: { ...SERVER_TAG, error: "first word of the error" },
      fields: { count: "how often, a count" },
    },
    {
      name: "redis_replica",
      category: "metric",
      about: "One replica of this server.",
      tags: { ...SERVER_TAG, replica: "host and port of the replica", state: "such as online" },
      fields: REPLICA_FIELDS,
    },
  ],
});
