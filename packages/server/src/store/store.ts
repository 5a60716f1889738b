import { type Clock, MusterError } from "@muster/core";
import { type ColumnDefinitionBuilder, Kysely, type Dialect as KyselyDialect, type Transaction } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";

/** What differs between the databases. Differences are told here as capabilities; nobody asks for the name. */
export interface Dialect {
  readonly name: string;
  readonly kysely: KyselyDialect;
  /** Several server processes may use the database at once. */
  readonly shared: boolean;
  /** How many parameters one statement may carry. */
  readonly maxParameters: number;
  /** Words after a table's definition: `keyed` for tables that are always read by their primary key. */
  readonly tableEnd: { readonly keyed: string };
  readonly types: {
    /** Whole numbers that rows are counted with. */
    readonly number: "integer" | "bigint";
    readonly bytes: "blob" | "bytea";
  };
  /** Makes a column count rows up by itself. */
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Words behind a SELECT inside a transaction that keep others away from its rows; none where nobody else is there. */
  readonly locking: boolean;
  /** The transaction met another one: nothing of it is stored, and it may be tried again. */
  isConflict(error: unknown): boolean;
  /** The database is not there: nothing is known of what was under way. */
  isAway(error: unknown): boolean;
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
        if (this.dialect.isAway(error))
          throw new MusterError("unavailable", "the database does not answer", { retryAfterMs: 2000 }, error);
        if (attempt >= MAX_ATTEMPTS || !this.dialect.isConflict(error)) throw error;
      }
    }
  }

  /** Brings the tables to this version. Forward only; safe to call when there is nothing to do. */
  async migrate(): Promise<readonly string[]> {
    const provider = { getMigrations: async () => migrations(this.dialect) };
    const { error, results } = await new Migrator({ db: this.db, provider }).migrateToLatest();
    if (error) throw new MusterError("internal", "the database could not be migrated", {}, error);
    return (results ?? []).filter((result) => result.status === "Success").map((result) => result.migrationName);
  }

  /** Answers when the database does. */
  async ping(): Promise<void> {
    await this.db.selectFrom("commands").select("number").limit(1).execute();
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

/** Cuts a list into pieces that fit one statement when every row needs `perRow` parameters. */
export function* slices<Row>(rows: readonly Row[], perRow: number, dialect: Dialect): Generator<readonly Row[]> {
  const size = Math.max(1, Math.min(500, Math.floor(dialect.maxParameters / Math.max(1, perRow))));
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

/** What the store's parts are given. */
export interface StoreContext {
  readonly store: Store;
  readonly clock: Clock;
}
