import { CompiledQuery, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { isDatabaseAway } from "./away.ts";
import { WatchedPool } from "./postgres-pool.ts";
import type { Dialect, PackedRow, PackedTable, Queries } from "./store.ts";

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
    keepsStatements: false,
    hasArrays: true,
    tableEnd: { keyed: "" },
    // byte order, as in SQLite: names sort alike on both, and no update of the system's locales can break an index
    types: { number: "bigint", bytes: "bytea", text: sql`text collate "C"` },
    identity: (column) => column.generatedByDefaultAsIdentity().primaryKey(),
    locking: true,
    nowMs: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    isDuplicate: (error) => error instanceof Error && "code" in error && error.code === "23505",
    isConflict: (error) => CONFLICTS.has(error instanceof Error && "code" in error ? String(error.code) : ""),
    isAway: isDatabaseAway,
    upsertPacked,
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

/** All rows as one piece of bytes, which travels as it is, and four arrays that tell whose and where in it each one is. */
async function upsertPacked(queries: Queries, table: PackedTable, rows: readonly PackedRow[]): Promise<void> {
  if (rows.length === 0) return;
  let offset = 1; // SQL counts from one
  const offsets = rows.map((row) => {
    const from = offset;
    offset += row.packed.byteLength;
    return from;
  });
  const list = (numbers: readonly number[]) => `{${numbers.join(",")}}`;
  const text = `
    insert into ${table} (set_number, at, packed)
    select given.set_number, given.at, substring($1::bytea from given.start for given.length)
    from unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[]) as given (set_number, at, start, length)
    on conflict (set_number, at) do update set packed = excluded.packed`;
  const parameters = [
    Buffer.concat(rows.map((row) => row.packed)),
    list(rows.map((row) => row.set_number)),
    list(rows.map((row) => row.at)),
    list(offsets),
    list(rows.map((row) => row.packed.byteLength)),
  ];
  await queries.executeQuery(CompiledQuery.raw(text, parameters));
}

function readType(oid: number, format?: "text" | "binary") {
  if (oid === INT8 || oid === NUMERIC) return Number;
  return format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
}
