import { PostgresDialect } from "kysely";
import pg from "pg";
import type { Dialect } from "./store.ts";

/** Types that the driver would hand over as text since they can be larger than a number; ours never are. */
const INT8 = 20;
const NUMERIC = 1700;

/** Two transactions met: serialization failure, deadlock. Nothing is stored. */
const CONFLICTS = new Set(["40001", "40P01"]);
/** Classes 08 (connection), 53 (resources) and 57P (the server stops or starts). */
const AWAY = /^(08|53|57P)/;
const AWAY_SYSTEM = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOTFOUND",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ENOENT",
]);
const AWAY_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/;

export interface PostgresOptions {
  /** How many connections this process may hold. */
  readonly connections?: number;
  /** Told of connections that break while nobody uses them. */
  readonly onFailure?: (error: Error) => void;
}

/** PostgreSQL 15 or later, reached by a `postgres://` URL. Every commit is on disk before it is acknowledged, as the server is set. */
export function postgresDialect(url: string, options: PostgresOptions = {}): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 10,
    application_name: "muster",
    connectionTimeoutMillis: 3000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // a query that nobody waits for any more must not hold its locks
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    types: { getTypeParser: readType },
  });
  pool.on("error", (error) => options.onFailure?.(error));
  return {
    name: "postgres",
    kysely: new PostgresDialect({ pool }),
    shared: true,
    maxParameters: 60_000,
    tableEnd: { keyed: "" },
    types: { number: "bigint", bytes: "bytea" },
    identity: (column) => column.generatedByDefaultAsIdentity().primaryKey(),
    locking: true,
    isConflict: (error) => CONFLICTS.has(codeOf(error)),
    isAway,
  };
}

/** One unusable answer must not make a server forget numbers: what is too large is an error, not a rounded value. */
function readWhole(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    throw new RangeError("a number of the database is too large");
  return value;
}

function readType(oid: number, format?: "text" | "binary") {
  if (oid === INT8 || oid === NUMERIC) return readWhole;
  return format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return AWAY.test(code) || AWAY_SYSTEM.has(code) || AWAY_WORDS.test(error.message);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
