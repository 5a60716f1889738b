import { DatabaseSync } from "node:sqlite";
import type { PackedRow } from "@muster/server/store/store";
import type pg from "pg";

/** The yardstick of SQLite: one prepared statement per row, in one transaction, with the settings of our own file. */
export function openRawSqlite(path: string) {
  const database = new DatabaseSync(path);
  for (const pragma of ["synchronous = full", "foreign_keys = on", "cache_size = -32000", "wal_autocheckpoint = 2000"])
    database.exec(`pragma ${pragma}`);
  const insert = database.prepare("insert into metric_10s (set_number, at, packed) values (?, ?, ?)");
  return {
    async write(rows: readonly PackedRow[]): Promise<void> {
      database.exec("begin immediate");
      for (const row of rows) insert.run(row.set_number, row.at, row.packed);
      database.exec("commit");
    },
    close: () => database.close(),
  };
}

/** What the driver calls while one query of ours is under way. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The yardstick of PostgreSQL: COPY of the text form, into a table with the same keys. */
export function copyRows(client: pg.Client, table: string, rows: readonly PackedRow[]): Promise<void> {
  const lines = rows.map((row) => `${row.set_number}\t${row.at}\t\\\\x${Buffer.from(row.packed).toString("hex")}\n`);
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const copy = {
      submit: (connection: CopyConnection) => connection.query(`copy ${table} (set_number, at, packed) from stdin`),
      handleCopyInResponse(connection: CopyConnection) {
        connection.sendCopyFromChunk(Buffer.from(lines.join("")));
        connection.endCopyFrom();
      },
      handleCommandComplete() {},
      handleError(error: Error) {
        failure = error;
        reject(error);
      },
      handleReadyForQuery() {
        if (!failure) resolve();
      },
    };
    // the driver takes whatever has these methods; its types know queries only
    client.query(copy as never);
  });
}
