import { PostgresDialect, sql } from "kysely";
import pg from "pg";
import { isDatabaseAway } from "./away.ts";
import { WatchedPool } from "./postgres-pool.ts";
import type { Dialect } from "./store.ts";

/** Types that the driver would hand over as text since they can be larger than a number. Ours are counts and instants; none is. */
const INT8 = 20;
const NUMERIC = 1700;

/** Two transactions met: serialization failure, deadlock. Nothing is stored. */
const CONFLICTS = new Set(["40001", "40P01"]);

/** Who migrates holds this lock. Any number that nobody else uses in this database. */
const MIGRATION_LOCK = 7_303_190_651;

export interface PostgresOptions {
  /** How many connections this process may hold. */
  readonly connections?: number;
  /** Told of connections that break while nobody uses them. */
  readonly onFailure?: ((error: Error) => void) | undefined;
  /** A query may take as long as it needs. */
  readonly isPatient?: boolean;
}

/** PostgreSQL 15 or later, reached by a `postgres://` URL. Every commit is on disk before it is acknowledged, as the server is set. */
export function postgresDialect(url: string, options: PostgresOptions = {}): Dialect {
  const config: pg.PoolConfig = {
    connectionString: url,
    max: options.connections ?? 10,
    application_name: "muster",
    connectionTimeoutMillis: 3000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // a query that nobody waits for any more must not hold its locks
    statement_timeout: options.isPatient ? 0 : 30_000,
    idle_in_transaction_session_timeout: 30_000,
    types: { getTypeParser: readType },
  };
  return {
    name: "postgres",
    kysely: new PostgresDialect({ pool: () => Promise.resolve(new WatchedPool(config, options.onFailure)) }),
    shared: true,
    maxParameters: 60_000,
    tableEnd: { keyed: "" },
    // byte order, as in SQLite: names sort alike on both, and no update of the system's locales can break an index
    types: { number: "bigint", bytes: "bytea", text: sql`text collate "C"` },
    identity: (column) => column.generatedByDefaultAsIdentity().primaryKey(),
    locking: true,
    nowMs: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    isDuplicate: (error) => error instanceof Error && "code" in error && error.code === "23505",
    isConflict: (error) => CONFLICTS.has(error instanceof Error && "code" in error ? String(error.code) : ""),
    isAway: isDatabaseAway,
    alone: (db, work) =>
      db.connection().execute(async (connection) => {
        // others may wait longer than a query should
        await sql`set statement_timeout = 0`.execute(connection);
        await sql`select pg_advisory_lock(${sql.lit(MIGRATION_LOCK)})`.execute(connection);
        try {
          return await work(connection);
        } finally {
          await sql`select pg_advisory_unlock(${sql.lit(MIGRATION_LOCK)})`.execute(connection);
          await sql`reset statement_timeout`.execute(connection);
        }
      }),
  };
}

function readType(oid: number, format?: "text" | "binary") {
  if (oid === INT8 || oid === NUMERIC) return Number;
  return format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
}
