import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { CompiledQuery, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { databaseAway, isDatabaseAway } from "./away.ts";
import type { Dialect, PackedRow, PackedTable, Queries } from "./store.ts";

/** Statements kept compiled. Kysely's texts repeat; the batch statements of the hot paths are among them. */
const MAX_STATEMENTS = 500;

/** Primary result codes that say that the file cannot be used now, whatever the query: busy, I/O error, full, cannot open. */
const AWAY: Readonly<Record<number, string>> = {
  5: "the database is used by another program",
  10: "the disk of the database has failed",
  13: "the disk of the database is full",
  14: "the database cannot be opened",
};

/** A prepared statement in the shape that Kysely expects of better-sqlite3. */
class Statement implements SqliteStatement {
  readonly reader: boolean;
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    this.#statement = statement;
    this.reader = statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return watched(() => this.#statement.all(...(parameters as never[])));
  }

  run(parameters: readonly unknown[]) {
    return watched(() => this.#statement.run(...(parameters as never[])));
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.#statement.iterate(...(parameters as never[]));
  }
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};

function watched<Result>(query: () => Result): Result {
  try {
    return query();
  } catch (error) {
    const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
    const why = AWAY[code];
    throw why === undefined ? error : databaseAway(error, why);
  }
}

/** The built-in driver behind the interface of the one that Kysely knows, with a cache of statements. */
class NodeSqlite implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Statement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(sql: string): SqliteStatement {
    // a full disk ends a transaction by itself; a complaint that there is none left to end would hide why
    if (sql === "rollback" && !this.#database.isTransaction) return NOTHING;
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = new Statement(this.#database.prepare(sql));
    if (this.#statements.size >= MAX_STATEMENTS) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

/**
 * SQLite in one file (or `:memory:`), WAL, every commit on disk before it is acknowledged (synchronous=FULL). Other
 * programs may read it (backups); a second server is kept out by the lock in the data directory.
 */
export function sqliteDialect(path: string): Dialect {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (path !== ":memory:") createPrivately(path);
  const database = new DatabaseSync(path);
  database.exec("pragma busy_timeout = 2000");
  database.exec("pragma journal_mode = wal");
  database.exec("pragma synchronous = full");
  database.exec("pragma foreign_keys = on");
  database.exec("pragma cache_size = -32000");
  database.exec("pragma temp_store = memory");
  database.exec("pragma wal_autocheckpoint = 2000");
  return {
    name: "sqlite",
    kysely: new SqliteDialect({ database: new NodeSqlite(database) }),
    shared: false,
    maxParameters: 32_000,
    keepsStatements: true,
    hasArrays: false,
    tableEnd: { keyed: "without rowid" },
    types: { number: "integer", bytes: "blob", text: "text" },
    identity: (column) => column.primaryKey().autoIncrement(),
    locking: false,
    isConflict: () => false,
    isDuplicate: (error) => error instanceof Error && error.message.includes("UNIQUE constraint failed"),
    isAway: isDatabaseAway,
    upsertPacked,
    // one process has the file
    alone: (db, work) => work(db),
  };
}

/** A new file is its owner's alone, since the folder may be open to others; SQLite gives those beside it the same mode. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch {
    // SQLite says better what is wrong
  }
}

const PACKED_ROWS = 256;

/** Many rows in each statement, since calling one costs as much as some rows; powers of two, so that few texts are compiled. */
async function upsertPacked(queries: Queries, table: PackedTable, rows: readonly PackedRow[]): Promise<void> {
  for (let start = 0; start < rows.length; ) {
    const count = Math.min(PACKED_ROWS, 2 ** Math.floor(Math.log2(rows.length - start)));
    const parameters: unknown[] = [];
    for (const row of rows.slice(start, start + count)) parameters.push(row.set_number, row.at, row.packed);
    const values = Array(count).fill("(?,?,?)").join(",");
    const text = `insert into ${table} (set_number, at, packed) values ${values} on conflict (set_number, at) do update set packed = excluded.packed`;
    await queries.executeQuery(CompiledQuery.raw(text, parameters));
    start += count;
  }
}
