import type { Clock } from "@muster/core";
import {
  type ColumnDefinitionBuilder,
  Kysely,
  type Dialect as KyselyDialect,
  type RawBuilder,
  sql,
  type Transaction,
} from "kysely";
import { migrate } from "./migrate.ts";
import type { Schema } from "./schema.ts";

/** Tables of history, which all have these columns. */
export type PackedTable = "metric_10s" | "metric_1m" | "metric_10m";

export interface PackedRow {
  readonly set_number: number;
  readonly at: number;
  readonly packed: Uint8Array;
}

/** What differs between the databases. Differences are told here as capabilities; nobody asks for the name. */
export interface Dialect {
  readonly name: string;
  readonly kysely: KyselyDialect;
  /** Several server processes may use the database at once. */
  readonly shared: boolean;
  /** How many parameters one statement may carry. */
  readonly maxParameters: number;
  /** Statements are kept compiled by their text, and each takes memory: texts should repeat. */
  readonly keepsStatements: boolean;
  /** A parameter may be an array. */
  readonly hasArrays: boolean;
  /** Words after a table's definition: `keyed` for tables that are always read by their primary key. */
  readonly tableEnd: { readonly keyed: string };
  readonly types: {
    /** Whole numbers that rows are counted with. */
    readonly number: "integer" | "bigint";
    readonly bytes: "blob" | "bytea";
    /** Text that is compared and sorted by its bytes. */
    readonly text: "text" | RawBuilder<unknown>;
  };
  /** Makes a column count rows up by itself. */
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** A SELECT that is followed by a change has to lock its rows, since other transactions run at the same time. */
  readonly locking: boolean;
  /** The database's own clock, in ms; absent where it is this machine's anyway. */
  readonly nowMs?: RawBuilder<number>;
  /** The transaction met another one: nothing of it is stored, and it may be tried again. */
  isConflict(error: unknown): boolean;
  /** A row with the same unique value is there already. */
  isDuplicate(error: unknown): boolean;
  /** The database is not there or cannot write; every query then rejects with `unavailable` and a time to wait. */
  isAway(error: unknown): boolean;
  /**
   * Writes packed rows the quickest way there is, replacing those of the same time; no time comes twice in `rows`. For the
   * one statement that runs thousands of times a minute: a query builder takes longer than the database.
   */
  upsertPacked(queries: Queries, table: PackedTable, rows: readonly PackedRow[]): Promise<void>;
  /** Runs `work` while no other process runs its own; `db` is the connection to use. */
  alone<Result>(db: Queries, work: (db: Queries) => Promise<Result>): Promise<Result>;
}

/** Where a query runs: the store itself or a transaction of it. */
export type Queries = Kysely<Schema>;

/** A transaction that keeps meeting others is given up after this many attempts. */
const MAX_ATTEMPTS = 8;

/** The database. It holds the truth; everything else is a cache or a doorbell. */
export class Store {
  readonly db: Queries;
  readonly dialect: Dialect;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
    this.db = new Kysely<Schema>({ dialect: dialect.kysely });
  }

  /**
   * Runs `work` in one transaction: all of it is stored when the promise resolves, or nothing when it rejects. Where
   * transactions can meet, `work` may be called again from the start, so it changes nothing but what it was given.
   */
  async transaction<Result>(work: (queries: Transaction<Schema>) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.db.transaction().execute(work);
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !this.dialect.isConflict(error)) throw error;
      }
    }
  }

  /** Brings the tables to this version and answers what was done. Forward only; safe when several processes start at once. */
  migrate(): Promise<readonly string[]> {
    return migrate(this.db, this.dialect);
  }

  /** Answers when the database does. */
  async ping(): Promise<void> {
    await this.db.selectFrom("commands").select("number").limit(1).execute();
  }

  /** How many rows a table has. For an operator: it reads all of them. */
  async countRows(table: string): Promise<number> {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(this.db);
    return rows[0]?.count ?? 0;
  }

  /** The database's own time; undefined where it has none but this machine's. */
  async readClock(): Promise<number | undefined> {
    const { nowMs } = this.dialect;
    if (!nowMs) return undefined;
    const { rows } = await sql<{ now: number }>`select ${nowMs} as now`.execute(this.db);
    return rows[0]?.now;
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

/**
 * Cuts a list into pieces that fit one statement when every row needs `perRow` parameters. Where statements are kept the
 * lengths are powers of two: a storm brings batches of every length, and 500 texts with as many rows take 200 MB.
 */
export function* slices<Row>(rows: readonly Row[], perRow: number, dialect: Dialect): Generator<readonly Row[]> {
  const fitting = Math.max(1, Math.min(500, Math.floor(dialect.maxParameters / Math.max(1, perRow))));
  for (let start = 0; start < rows.length; ) {
    const size = Math.min(fitting, rows.length - start);
    const length = dialect.keepsStatements ? 2 ** Math.floor(Math.log2(size)) : size;
    yield rows.slice(start, start + length);
    start += length;
  }
}

/** What the store's parts are given. */
export interface StoreContext {
  readonly store: Store;
  readonly clock: Clock;
}
