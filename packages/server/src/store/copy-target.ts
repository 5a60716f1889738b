import { MusterError } from "@muster/core";
import { type Kysely, sql } from "kysely";
import { type CopiedRow, type Key, type Piece, toPostgres } from "./copy-rows.ts";
import type { SourceTable } from "./copy-source.ts";
import { COPY_TABLE, isNewer, readMigrations } from "./migrate.ts";
import { type Store, slices } from "./store.ts";

/** Where a copy stands in one table. */
export interface CopyPosition {
  readonly last: Key | null;
  readonly rows: number;
  readonly done: boolean;
}

/** Rows are read back in pieces of this many. */
const READ_ROWS = 200;

interface CopyRow {
  table_name: string;
  source: string;
  last: string | null;
  rows: number;
  done: number;
}

/** The database that is filled. How far a copy came is kept in a table of its own, written with the rows. */
export class CopyTarget {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Makes the database ready for the copy of this source: one that is empty, or holds what an earlier attempt brought.
   * Anything else is refused. Answers true when it goes on with an earlier attempt.
   */
  async prepare(source: { readonly fingerprint: string; readonly tables: readonly SourceTable[] }): Promise<boolean> {
    if (await this.#isUnfinished()) {
      const [first] = await this.#copies.selectFrom(COPY_TABLE).select("source").limit(1).execute();
      if (first && first.source !== source.fingerprint)
        throw refused("it holds an unfinished copy of another installation; empty it first");
      const state = await readMigrations(this.#store.db, this.#store.dialect);
      if (state.unknown.length > 0) throw isNewer(state.unknown);
      if (state.pending.length > 0) throw refused("an older program began this copy; finish it with that, or empty it");
      return true;
    }
    await this.#store.migrate();
    for (const { name } of source.tables)
      if ((await this.#store.countRows(name)) > 0) throw refused(`it is not empty: there are rows in ${name}`);
    await sql`create table ${sql.table(COPY_TABLE)}
      (table_name text primary key, source text not null, last text, rows bigint not null, done integer not null)`.execute(
      this.#store.db,
    );
    await this.#copies
      .insertInto(COPY_TABLE)
      .values(
        source.tables.map(({ name }) => ({
          table_name: name,
          source: source.fingerprint,
          last: null,
          rows: 0,
          done: 0,
        })),
      )
      .execute();
    return false;
  }

  async position(table: string): Promise<CopyPosition> {
    const row = await this.#copies
      .selectFrom(COPY_TABLE)
      .selectAll()
      .where("table_name", "=", table)
      .executeTakeFirst();
    if (!row) throw refused(`its unfinished copy knows no ${table}; empty it first`);
    return { last: row.last === null ? null : (JSON.parse(row.last) as Key), rows: row.rows, done: row.done === 1 };
  }

  /** Stores rows and the new position in one transaction; no rows mean that the table is done. */
  async write(table: SourceTable, piece: Piece, rows: number): Promise<void> {
    await this.#store.transaction(async (queries) => {
      for (const slice of slices(piece.rows, table.columns.length, this.#store.dialect))
        await queries
          .insertInto(table.name as "agents")
          .values(slice.map(convert) as never)
          .execute();
      await (queries as unknown as Kysely<Copies>)
        .updateTable(COPY_TABLE)
        .set(piece.rows.length === 0 ? { done: 1 } : { last: JSON.stringify(piece.last), rows })
        .where("table_name", "=", table.name)
        .execute();
    });
  }

  /** Makes a table count on behind `highest`. */
  async setCounter(table: string, highest: number): Promise<void> {
    if (highest === 0) return;
    await sql`select setval(pg_get_serial_sequence(${table}, 'number'), greatest(${sql.lit(highest)}::bigint,
      (select coalesce(max(number), 1) from ${sql.table(table)})))`.execute(this.#store.db);
  }

  /** All rows in the order of their key. */
  async *read(table: SourceTable): AsyncGenerator<readonly CopiedRow[]> {
    const key = sql.join(table.key.map((name) => sql.ref(name)));
    let last: Key | undefined;
    for (;;) {
      const behind = last === undefined ? sql`` : sql`where (${key}) > (${sql.join([...last])})`;
      const { rows } = await sql<CopiedRow>`select * from ${sql.table(table.name)} ${behind} order by ${key}
        limit ${sql.lit(READ_ROWS)}`.execute(this.#store.db);
      if (rows.length === 0) return;
      yield rows;
      last = table.key.map((name) => rows.at(-1)?.[name]) as Key;
    }
  }

  /** The copy is whole: a server may start. */
  async finish(): Promise<void> {
    await this.#store.db.schema.dropTable(COPY_TABLE).execute();
  }

  async #isUnfinished(): Promise<boolean> {
    return (await readMigrations(this.#store.db, this.#store.dialect)).isCopying;
  }

  get #copies(): Kysely<Copies> {
    return this.#store.db as unknown as Kysely<Copies>;
  }
}

interface Copies {
  [COPY_TABLE]: CopyRow;
}

function convert(row: CopiedRow): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toPostgres(value)]));
}

function refused(why: string): MusterError {
  return new MusterError("failed_precondition", `the target is refused: ${why}`);
}
