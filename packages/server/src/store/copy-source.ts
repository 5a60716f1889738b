import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { MusterError } from "@muster/core";
import { type CopiedRow, type Key, type Piece, sizeOf } from "./copy-rows.ts";

/** A table to copy, with what identifies its rows. */
export interface SourceTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns of its primary key, in order; rows are read in this order. */
  readonly key: readonly string[];
}

/** What only one installation's own processes mean, and SQLite's and Kysely's own tables. */
const NOT_COPIED = /^(processes|sqlite_.*|kysely_.*)$/;

const PIECE_ROWS = 500;
const PIECE_BYTES = 4 * 1024 * 1024;

/** An SQLite database of a stopped installation. While it is open here, no server can use it. */
export class CopySource {
  readonly tables: readonly SourceTable[];
  /** Tells this installation's database from any other one. */
  readonly fingerprint: string;
  /** The migrations that it has. */
  readonly migrations: readonly string[];
  readonly #database: DatabaseSync;

  constructor(path: string) {
    if (!existsSync(path)) throw new MusterError("not_found", `there is no ${path}`, { path });
    this.#database = openAlone(path);
    try {
      const applied = this.#all("select name, timestamp from kysely_migration order by name");
      this.migrations = applied.map((row) => String(row.name));
      this.fingerprint = createHash("sha256").update(JSON.stringify(applied)).digest("hex");
      this.tables = this.#listTables();
    } catch (error) {
      this.#database.close();
      throw new MusterError("failed_precondition", `${path} is no database of Muster`, { path }, error);
    }
  }

  count(table: SourceTable): number {
    return Number(this.#all(`select count(*) as count from ${quote(table.name)}`)[0]?.count);
  }

  /** The next rows behind `after`, few enough to be held in memory; empty at the end. */
  read(table: SourceTable, after: Key | null): Piece {
    const names = table.key.map(quote).join(", ");
    const behind = after === null ? "" : `where (${names}) > (${after.map(() => "?").join(", ")})`;
    const text = `select ${table.columns.map(quote).join(", ")} from ${quote(table.name)} ${behind} order by ${names}`;
    const rows: CopiedRow[] = [];
    let bytes = 0;
    for (const row of this.#database.prepare(`${text} limit ${PIECE_ROWS}`).iterate(...((after ?? []) as never[]))) {
      rows.push(row as CopiedRow);
      bytes += sizeOf(row as CopiedRow);
      if (bytes >= PIECE_BYTES) break;
    }
    return { rows, last: table.key.map((name) => rows.at(-1)?.[name]) as Key };
  }

  /** The highest number that a table ever gave, also to rows that are gone. */
  highestNumber(table: SourceTable): number {
    const sequences = this.#all("select name from sqlite_master where name = 'sqlite_sequence'");
    if (sequences.length === 0) return 0;
    const [row] = this.#database.prepare("select seq from sqlite_sequence where name = ?").all(table.name);
    return Number(row?.seq ?? 0);
  }

  close(): void {
    this.#database.close();
  }

  /** Those that others refer to come first. */
  #listTables(): SourceTable[] {
    const names = this.#all("select name from sqlite_master where type = 'table' order by name")
      .map((row) => String(row.name))
      .filter((name) => !NOT_COPIED.test(name));
    const sorted: string[] = [];
    const visit = (name: string) => {
      if (sorted.includes(name) || !names.includes(name)) return;
      for (const row of this.#all(`pragma foreign_key_list(${quote(name)})`))
        if (row.table !== name) visit(String(row.table));
      sorted.push(name);
    };
    names.forEach(visit);
    return sorted.map((name) => this.#describe(name));
  }

  #describe(name: string): SourceTable {
    const columns = this.#all(`pragma table_info(${quote(name)})`);
    const key = columns.filter((column) => Number(column.pk) > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
    return {
      name,
      columns: columns.map((column) => String(column.name)),
      key: key.map((column) => String(column.name)),
    };
  }

  #all(text: string): Record<string, unknown>[] {
    return this.#database.prepare(text).all();
  }
}

/** In WAL mode everybody who has the file open holds a lock, so that an exclusive one shows that nobody has. */
function openAlone(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec("pragma busy_timeout = 500");
    database.exec("pragma locking_mode = exclusive");
    database.exec("begin immediate");
    database.exec("commit");
    return database;
  } catch (error) {
    database.close();
    throw new MusterError("failed_precondition", `${path} is in use: stop its server first`, { path }, error);
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
