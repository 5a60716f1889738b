import { Socket } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Point } from "@muster/core";
import type { Client, ClientConfig } from "pg";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, flag, integer, options, text } from "../../shared/options.ts";
import { nowNs, pointOf, present, type RawFields } from "../../shared/values.ts";
import { formatEndpoint } from "../endpoint.ts";
import { ServiceTrouble } from "../failure.ts";
import { loadTls, TLS_OPTIONS, type TlsMaterial } from "../http-options.ts";
import { readServerKept } from "../kept-connection.ts";
import { pickNumbers, readFloat, readNumeric } from "../numbers.ts";
import {
  BGWRITER_FIELDS,
  BGWRITER_TIMES,
  DATABASE_FIELDS,
  DATABASE_TIMES,
  REPLICATION_FIELDS,
  REPLICATION_TIMES,
  TABLE_FIELDS,
} from "./postgresql-fields.ts";
import * as queries from "./postgresql-queries.ts";
import { isWanted, MAX_ROWS, names } from "./sql-names.ts";

const postgresqlOptions = options({
  ...TLS_OPTIONS,
  host: text("127.0.0.1"),
  port: integer(5432, { min: 1, max: 65_535 }),
  user: text("postgres"),
  password: text(""),
  database: text("postgres"),
  sslmode: z._default(z.enum(["disable", "require", "verify-full"]), "disable"),
  timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
  databases: names,
  ignored_databases: z.prefault(names, ["template0", "template1"]),
  database_sizes: flag(true),
  tables: integer(0, { min: 0, max: MAX_ROWS }),
});
type PostgresqlOptions = z.output<typeof postgresqlOptions>;

type Row = Readonly<Record<string, unknown>>;

/** Columns of milliseconds as fields of seconds. */
function pickTimes(row: Row, meanings: Readonly<Record<string, string>>): RawFields {
  const entries = Object.keys(meanings).map((name) => {
    const ms = readFloat(row[name]);
    return [name, ms === undefined ? undefined : ms / 1000];
  });
  return Object.fromEntries(entries);
}

interface Reading {
  readonly client: Client;
  readonly wanted: PostgresqlOptions;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
}

/**
 * One transaction that cannot write and whose statements the server ends itself. Nothing is set beyond it: behind a pooler
 * the session is another client's the next moment.
 */
async function readServer(reading: Reading): Promise<Point[]> {
  const { client, wanted } = reading;
  await client.query("begin transaction read only");
  await client.query(`set local statement_timeout = ${Math.ceil(wanted.timeout)}`);
  const points = await readStatistics(reading);
  await client.query("commit");
  return points;
}

async function readStatistics({ client, wanted, tags, timeNs }: Reading): Promise<Point[]> {
  const rowsOf = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows.slice(0, MAX_ROWS);
  const point = (measurement: string, row: Row, tagNames: readonly string[], fields: RawFields) => {
    const own = Object.fromEntries(tagNames.map((name) => [name, shown(row[name])]));
    return pointOf(measurement, { tags: { ...tags, ...own }, fields, timeNs });
  };
  const [server = {}] = await rowsOf(queries.SERVER);
  const version = Number(server.version);
  const databases = (await rowsOf(queries.databases(wanted.database_sizes))).filter((row) =>
    isWanted(String(row.db), wanted.databases, wanted.ignored_databases),
  );
  const bgwriter = await rowsOf(version >= 170_000 ? queries.BGWRITER_SINCE_17 : queries.BGWRITER);
  const connections = await rowsOf(queries.CONNECTIONS);
  const replicas = await rowsOf(version >= 100_000 ? queries.REPLICATION : queries.NO_ROWS);
  const slots = await rowsOf(version >= 100_000 ? queries.SLOTS : queries.NO_ROWS);
  const tables = wanted.tables > 0 ? await rowsOf(queries.tables(wanted.tables)) : [];
  const replayDelay = readFloat(server.replay_delay);
  return present([
    point("postgresql_server", server, ["server_version"], {
      max_connections: readNumeric(server.max_connections),
      uptime: readFloat(server.uptime),
      is_replica: server.is_replica === true ? 1n : 0n,
      replay_delay: replayDelay,
    }),
    ...databases.map((row) =>
      point("postgresql", row, ["db"], {
        ...pickNumbers(row, DATABASE_FIELDS),
        ...pickTimes(row, DATABASE_TIMES),
        database_size: readNumeric(row.database_size),
      }),
    ),
    ...bgwriter.map((row) =>
      point("postgresql_bgwriter", row, [], {
        ...pickNumbers(row, BGWRITER_FIELDS),
        ...pickTimes(row, BGWRITER_TIMES),
      }),
    ),
    ...connections.map((row) =>
      point("postgresql_connection", row, ["db", "state"], {
        count: readNumeric(row.count),
        waiting: readNumeric(row.waiting),
        longest: readFloat(row.longest),
      }),
    ),
    ...replicas.map((row) =>
      point("postgresql_replication", row, ["application_name", "client", "state", "sync_state"], {
        ...pickNumbers(row, REPLICATION_FIELDS),
        ...Object.fromEntries(Object.keys(REPLICATION_TIMES).map((name) => [name, readFloat(row[name])])),
      }),
    ),
    ...slots.map((row) =>
      point("postgresql_slot", row, ["slot_name", "slot_type"], {
        active: row.active === true ? 1n : 0n,
        retained_bytes: readNumeric(row.retained_bytes),
      }),
    ),
    ...tables.map((row) => point("postgresql_table", row, ["db", "schema", "table"], pickNumbers(row, TABLE_FIELDS))),
  ]);
}

function shown(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

export function createPostgresql(wanted: PostgresqlOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;
  let ClientClass: typeof Client;
  const place = wanted.host.startsWith("/") ? wanted.host : formatEndpoint(wanted);
  const tags = { server: place };
  const readings = readServerKept<Client>(tools, {
    timeoutMs: wanted.timeout,
    place,
    secrets: [wanted.password],
    read: (client) => readServer({ client, wanted, tags, timeNs: nowNs(tools.clock) }),
    open: (signal, watch) => {
      const socket = new Socket();
      watch(socket);
      const client = new ClientClass({ ...configOf(wanted, tls), stream: () => socket });
      return openPostgres(client, place, signal);
    },
    close: closeNow,
  });
  return {
    async start() {
      tls = await loadTls(wanted);
      ({ Client: ClientClass } = (await import("pg")).default);
    },
    ...readings,
  };
}

function configOf(wanted: PostgresqlOptions, tls: TlsMaterial): ClientConfig {
  const { host, port, user, password, database, sslmode, timeout, tls_server_name: name } = wanted;
  // the library puts the host in the place of the name that we expect
  const named =
    name === "" ? {} : { checkServerIdentity: (_: string, cert: PeerCertificate) => checkServerIdentity(name, cert) };
  return {
    ...{ host, port, user, password, database },
    application_name: "muster-agent",
    connectionTimeoutMillis: timeout,
    ssl:
      sslmode === "disable"
        ? false
        : { ...tls, ...named, rejectUnauthorized: sslmode === "verify-full" && tls.rejectUnauthorized },
  };
}

async function openPostgres(client: Client, place: string, signal: AbortSignal): Promise<Client> {
  client.on("error", () => {}); // the next query tells
  const stop = () => closeNow(client);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await client.connect();
    return client;
  } catch (error) {
    closeNow(client);
    throw explainLogin(error, place);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The socket, not the polite end: the server may not answer. */
function closeNow(client: Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  client.end().catch(() => {});
  connection?.stream?.destroy();
}

/** SQLSTATE (PostgreSQL, appendix A) of what goes wrong at the door. */
function explainLogin(error: unknown, place: string): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "28P01" || code === "28000") return new ServiceTrouble(`${place} refused the user or the password`);
  if (code === "3D000") return new ServiceTrouble(`${place} has no such database`);
  if (code === "53300") return new ServiceTrouble(`${place} has no connection left for us`);
  if (code === "57P03") return new ServiceTrouble(`${place} is starting or stopping`);
  if (String(message).includes("password must be a string") || String(message).includes("empty password"))
    return new ServiceTrouble(`${place} asks for a password`);
  return error;
}

const SERVER_TAG = { server: "host and port of the server, or the folder of its socket" };

export const postgresql = defineKind({
  name: "postgresql",
  catalog: "db",
  summary: "Databases, connections, checkpoints, replication and table sizes of PostgreSQL",
  defaultIntervalMs: 10_000,
  options: postgresqlOptions,
  create: createPostgresql,
  sample: sampleOf({
    name: "postgresql",
    about: `Reads the statistics of a PostgreSQL server. A user of its own is enough:
      create user monitor password '...'; grant pg_monitor to monitor;`,
    interval: "10s",
    body: `
  # A host, or the folder of its socket such as /var/run/postgresql.
  host = "127.0.0.1"
  port = 5432
  user = "monitor"
  # password = ""
  # Where to log in; the statistics are of all databases.
  database = "postgres"
  # "disable", "require" (TLS, whoever it is) or "verify-full" (its certificate is checked).
  sslmode = "disable"
  # tls_ca = "/etc/ssl/own-ca.pem"
  # tls_cert = "/etc/ssl/client.pem"
  # tls_key = "/etc/ssl/client.key"
  timeout = "5s"
  # Databases to tell of (none: all) and to leave out.
  databases = []
  ignored_databases = ["template0", "template1"]
  # The size of each database is asked for; a server with very many files takes a while.
  database_sizes = true
  # So many of the largest tables of the database above, 0 for none.
  tables = 0`,
  }),
  measurements: [
    {
      name: "postgresql",
      category: "metric",
      about: "One database; counts since its statistics were last reset.",
      tags: { ...SERVER_TAG, db: "name of the database" },
      fields: { ...DATABASE_FIELDS, ...DATABASE_TIMES, database_size: "size on the disk, bytes; with database_sizes" },
    },
    {
      name: "postgresql_server",
      category: "metric",
      about: "The server as a whole.",
      tags: { ...SERVER_TAG, server_version: "version of the server" },
      fields: {
        max_connections: "connections allowed, a count",
        uptime: "since the start, seconds",
        is_replica: "1 when it follows another server, else 0",
        replay_delay: "age of the last change that a replica made, seconds",
      },
    },
    {
      name: "postgresql_bgwriter",
      category: "metric",
      about: "Checkpoints and the background writer, since the statistics were last reset.",
      tags: SERVER_TAG,
      fields: { ...BGWRITER_FIELDS, ...BGWRITER_TIMES },
    },
    {
      name: "postgresql_connection",
      category: "metric",
      about: "The clients of a database that are in one state.",
      tags: { ...SERVER_TAG, db: "name of the database", state: "such as active, idle or idle in transaction" },
      fields: {
        count: "connections, a count",
        waiting: "those that wait for a lock, a count",
        longest: "how long the longest has been in this state, seconds",
      },
    },
    {
      name: "postgresql_replication",
      category: "metric",
      about: "One server that follows this one.",
      tags: {
        ...SERVER_TAG,
        application_name: "what the follower calls itself",
        client: "its address",
        state: "such as streaming",
        sync_state: "async, sync or quorum",
      },
      fields: { ...REPLICATION_FIELDS, ...REPLICATION_TIMES },
    },
    {
      name: "postgresql_slot",
      category: "metric",
      about: "One replication slot.",
      tags: { ...SERVER_TAG, slot_name: "name of the slot", slot_type: "physical or logical" },
      fields: {
        active: "1 when somebody reads from it, else 0",
        retained_bytes: "kept on the disk for it, bytes",
      },
    },
    {
      name: "postgresql_table",
      category: "metric",
      about: "One of the largest tables; with the option tables.",
      tags: { ...SERVER_TAG, db: "the database", schema: "the schema", table: "name of the table" },
      fields: TABLE_FIELDS,
    },
  ],
});
