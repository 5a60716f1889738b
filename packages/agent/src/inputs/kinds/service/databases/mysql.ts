import { connect as connectSocket, type Socket } from "node:net";
import type { Point } from "@muster/core";
import type { Connection, ConnectionOptions, RowDataPacket } from "mysql2/promise";
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
import { withSynonyms } from "../synonyms.ts";
import {
  INNODB_FIELDS,
  INNODB_TIMES,
  REPLICATION_COLUMNS,
  REPLICATION_FIELDS,
  STATUS_FIELDS,
  VARIABLE_FIELDS,
} from "./mysql-fields.ts";
import { MAX_ROWS, names } from "./sql-names.ts";

/** The library holds a certificate against the host that it connects to, and knows no other name. */
const { tls_server_name: _, ...MYSQL_TLS } = TLS_OPTIONS;

const mysqlOptions = withSynonyms(
  options({
    ...MYSQL_TLS,
    host: text("127.0.0.1"),
    port: integer(3306, { min: 1, max: 65_535 }),
    unix_socket_path: text(""),
    user: text("root"),
    password: text(""),
    tls: flag(false),
    timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
    innodb: flag(true),
    processes: flag(true),
    replication: flag(true),
    schema_sizes: flag(false),
    ignored_schemas: names,
  }),
  { pass: { name: "password" }, socket: { name: "unix_socket_path" } },
);
type MysqlOptions = z.output<typeof mysqlOptions>;

type Row = Readonly<Record<string, unknown>>;

/** How many connections do what; idle ones ask for nothing. */
const PROCESSES = `select command as command, coalesce(state, '') as state, count(*) as count, max(time) as longest
from information_schema.processlist group by 1, 2 order by 3 desc limit ${MAX_ROWS}`;

const SCHEMAS = `select table_schema as db, count(*) as tables, sum(data_length) as data, sum(index_length) as indexes
from information_schema.tables
where table_schema not in ('information_schema', 'performance_schema', 'sys') group by 1 limit ${MAX_ROWS}`;

interface Reading {
  readonly client: Connection;
  readonly wanted: MysqlOptions;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
}

async function readServer({ client, wanted, tags, timeNs }: Reading): Promise<Point[]> {
  const rowsOf = async (sql: string): Promise<Row[]> => (await client.query<RowDataPacket[]>(sql))[0].slice(0, 2000);
  const status = toMap(await rowsOf("show global status"));
  const variables = toMap(await rowsOf("show global variables"));
  const point = (measurement: string, own: Readonly<Record<string, string | undefined>>, fields: RawFields) =>
    pointOf(measurement, { tags: { ...tags, ...own }, fields, timeNs });
  const version = variables.get("version");
  const general = { ...pickNumbers(status, STATUS_FIELDS), ...pickNumbers(variables, VARIABLE_FIELDS) };
  const points: (Point | undefined)[] = [point("mysql", { server_version: version }, general)];
  if (wanted.innodb) points.push(point("mysql_innodb", {}, readInnodb(status)));
  if (wanted.processes)
    for (const row of await rowsOf(PROCESSES)) {
      const fields = { count: readNumeric(row.count), longest: readFloat(row.longest) };
      points.push(point("mysql_process", { command: String(row.command), state: String(row.state) }, fields));
    }
  if (wanted.replication)
    for (const row of await readReplicas(rowsOf, version))
      points.push(point("mysql_replication", sourceOf(row), readReplica(row)));
  if (wanted.schema_sizes)
    for (const row of await rowsOf(SCHEMAS)) {
      const db = String(row.db);
      const fields = {
        tables: readNumeric(row.tables),
        data_size: readNumeric(row.data),
        index_size: readNumeric(row.indexes),
      };
      if (!wanted.ignored_schemas.includes(db)) points.push(point("mysql_schema", { db }, fields));
    }
  return present(points);
}

/** Rows of `Variable_name` and `Value`, by name in small letters. */
function toMap(rows: readonly Row[]): Map<string, string> {
  return new Map(rows.map((row) => [String(row.Variable_name).toLowerCase(), String(row.Value)]));
}

function readInnodb(status: ReadonlyMap<string, string>): RawFields {
  const own = new Map(
    [...status].flatMap(([name, value]) => (name.startsWith("innodb_") ? [[name.slice(7), value]] : [])),
  );
  const times = Object.keys(INNODB_TIMES).map((name) => {
    const ms = readFloat(own.get(name));
    return [name, ms === undefined ? undefined : ms / 1000];
  });
  return { ...pickNumbers(own, INNODB_FIELDS), ...Object.fromEntries(times) };
}

/** MariaDB has a statement of its own, MySQL renamed its one in 8.0.22. A user who may not ask does not lose the rest. */
async function readReplicas(rowsOf: (sql: string) => Promise<Row[]>, version = ""): Promise<Row[]> {
  const statements = /mariadb/i.test(version)
    ? ["show all slaves status"]
    : Number.parseInt(version, 10) >= 8
      ? ["show replica status", "show slave status"]
      : ["show slave status"];
  for (const statement of statements) {
    try {
      return (await rowsOf(statement)).slice(0, MAX_ROWS);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === "ER_SPECIFIC_ACCESS_DENIED_ERROR" || code === "ER_ACCESS_DENIED_ERROR") return [];
      if (code !== "ER_PARSE_ERROR") throw error;
    }
  }
  return [];
}

function readReplica(row: Row): RawFields {
  const columns = Object.entries(REPLICATION_COLUMNS).map(([field, [name, former]]) => [
    field,
    readNumeric(row[name] ?? row[former] ?? undefined),
  ]);
  const runs = (name: string, former: string) => (String(row[name] ?? row[former]) === "Yes" ? 1n : 0n);
  return {
    ...Object.fromEntries(columns),
    io_running: runs("Replica_IO_Running", "Slave_IO_Running"),
    sql_running: runs("Replica_SQL_Running", "Slave_SQL_Running"),
  };
}

function sourceOf(row: Row): Record<string, string> {
  const host = String(row.Source_Host ?? row.Master_Host ?? "");
  const port = Number(row.Source_Port ?? row.Master_Port ?? 3306);
  const channel = String(row.Channel_Name ?? row.Connection_name ?? "");
  return { source: formatEndpoint({ host, port }), channel };
}

interface Opened {
  readonly client: Connection;
  readonly socket: Socket;
}

export function createMysql(wanted: MysqlOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;
  let connect: (options: ConnectionOptions) => Promise<Connection>;
  const place = wanted.unix_socket_path === "" ? formatEndpoint(wanted) : wanted.unix_socket_path;
  const tags = { server: place };
  const readings = readServerKept<Opened>(tools, {
    timeoutMs: wanted.timeout,
    place,
    secrets: [wanted.password],
    read: ({ client }) => readServer({ client, wanted, tags, timeNs: nowNs(tools.clock) }),
    open: async (signal, watch) => {
      const { host, port, unix_socket_path: path } = wanted;
      const where = path === "" ? { host, port } : { path };
      const socket = connectSocket({ ...where, keepAlive: true, noDelay: true, signal });
      watch(socket);
      try {
        const client = await connect({ ...configOf(wanted, tls), stream: socket });
        client.on("error", () => {}); // the next query tells
        return { client, socket };
      } catch (error) {
        socket.destroy();
        throw explainLogin(error, place);
      }
    },
    close: ({ client, socket }) => {
      client.destroy();
      socket.destroy(); // the library only says that it is done, and goes on reading
    },
  });
  return {
    async start() {
      tls = await loadTls({ ...wanted, tls_server_name: "" });
      connect = (await import("mysql2/promise")).createConnection;
    },
    ...readings,
  };
}

function configOf(wanted: MysqlOptions, tls: TlsMaterial): ConnectionOptions {
  const { host, port, unix_socket_path, user, password, timeout } = wanted;
  return {
    ...(unix_socket_path === "" ? { host, port } : { socketPath: unix_socket_path }),
    ...{ user, password },
    // also the time for logging in: what we gave up must not stay half open
    connectTimeout: timeout,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    ...(wanted.tls
      ? {
          ssl: { ...pemTexts(tls), rejectUnauthorized: tls.rejectUnauthorized, verifyIdentity: tls.rejectUnauthorized },
        }
      : {}),
  };
}

function pemTexts({ ca, cert, key }: TlsMaterial) {
  return {
    ...(ca ? { ca: ca.toString() } : {}),
    ...(cert ? { cert: cert.toString() } : {}),
    ...(key ? { key: key.toString() } : {}),
  };
}

/** The library's codes; one of its own takes the place of those of TLS, so that only the message still tells them apart. */
function explainLogin(error: unknown, place: string): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "HANDSHAKE_SSL_ERROR") {
    if (/altname|host/i.test(String(message)))
      return new ServiceTrouble(`the certificate of ${place} is for another name`);
    if (/expired/i.test(String(message))) return new ServiceTrouble(`the certificate of ${place} has expired`);
    if (/certificate/i.test(String(message))) return new ServiceTrouble(`the certificate of ${place} is not trusted`);
  }
  if (code === "HANDSHAKE_NO_SSL_SUPPORT") return new ServiceTrouble(`${place} does not speak TLS`);
  if (code === "ER_ACCESS_DENIED_ERROR" || code === "ER_ACCESS_DENIED_NO_PASSWORD_ERROR")
    return new ServiceTrouble(`${place} refused the user or the password`);
  if (code === "ER_CON_COUNT_ERROR") return new ServiceTrouble(`${place} has no connection left for us`);
  if (code === "ER_HOST_NOT_PRIVILEGED") return new ServiceTrouble(`${place} lets nobody in from this host`);
  return error;
}

const SERVER_TAG = { server: "host and port of the server, or its socket" };

export const mysql = defineKind({
  name: "mysql",
  aliases: ["mariadb"],
  catalog: "db",
  summary: "Statements, connections, InnoDB, replication and sizes of MySQL and MariaDB",
  defaultIntervalMs: 10_000,
  options: mysqlOptions,
  create: createMysql,
  sample: sampleOf({
    name: "mysql",
    about: `Reads the status of a MySQL or MariaDB server. A user of its own is enough:
      create user monitor@localhost identified by '...';
      grant process, replication client on *.* to monitor@localhost;  (MariaDB: slave monitor as well)`,
    interval: "10s",
    body: `
  host = "127.0.0.1"
  port = 3306
  # Instead of both.
  # unix_socket_path = "/var/run/mysqld/mysqld.sock"
  user = "monitor"
  # password = ""
  timeout = "5s"
  # InnoDB's counters, connections by what they do, and what a replica says of its source.
  innodb = true
  processes = true
  replication = true
  # Tables and sizes of each schema; on servers with very many tables this takes a while.
  schema_sizes = false
  # ignored_schemas = ["mysql"]
  # TLS. The host must be a name then, one in the server's certificate.
  # tls = false
  # tls_ca = "/etc/ssl/own-ca.pem"
  # tls_cert = "/etc/ssl/client.pem"
  # tls_key = "/etc/ssl/client.key"
  # insecure_skip_verify = false`,
  }),
  measurements: [
    {
      name: "mysql",
      category: "metric",
      about:
        "The server as a whole; counts since its start. Fields that the server's version does not have are absent.",
      tags: { ...SERVER_TAG, server_version: "version of the server" },
      fields: { ...STATUS_FIELDS, ...VARIABLE_FIELDS },
    },
    {
      name: "mysql_innodb",
      category: "metric",
      about: "InnoDB; counts since the start.",
      tags: SERVER_TAG,
      fields: { ...INNODB_FIELDS, ...INNODB_TIMES },
    },
    {
      name: "mysql_process",
      category: "metric",
      about: "The connections that are doing the same.",
      tags: { ...SERVER_TAG, command: "such as Query or Sleep", state: "what it is busy with, in the server's words" },
      fields: { count: "connections, a count", longest: "how long the longest has been at it, seconds" },
    },
    {
      name: "mysql_replication",
      category: "metric",
      about: "One source that this server follows.",
      tags: { ...SERVER_TAG, source: "host and port of the source", channel: "name of the channel" },
      fields: REPLICATION_FIELDS,
    },
    {
      name: "mysql_schema",
      category: "metric",
      about: "One schema; with schema_sizes.",
      tags: { ...SERVER_TAG, db: "name of the schema" },
      fields: { tables: "tables, a count", data_size: "data, bytes", index_size: "indexes, bytes" },
    },
  ],
});
