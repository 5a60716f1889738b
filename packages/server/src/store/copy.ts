import { MusterError } from "@muster/core";
import { RowSum } from "./copy-rows.ts";
import type { CopySource, SourceTable } from "./copy-source.ts";
import { CopyTarget } from "./copy-target.ts";
import { migrations } from "./migrations/index.ts";
import type { Store } from "./store.ts";

/** What a copy tells while it goes. */
export interface CopyEvents {
  onStart(resumed: boolean): void;
  onRows(table: string, rows: number, total: number): void;
  onVerified(table: string, rows: number): void;
}

/**
 * Copies an installation from SQLite into PostgreSQL, and can be killed at any time: the next call goes on where it
 * stopped. At the end both are read whole and compared; only then may a server use the target.
 */
export async function copyDatabase(source: CopySource, store: Store, events: CopyEvents): Promise<void> {
  assertCurrent(source, store);
  const target = new CopyTarget(store);
  events.onStart(await target.prepare(source));
  for (const table of source.tables) await copyTable(source, target, { table, events });
  for (const table of source.tables) {
    const rows = await compare(source, target, table);
    events.onVerified(table.name, rows);
    if (table.columns.includes("number")) await target.setCounter(table.name, source.highestNumber(table));
  }
  await target.finish();
}

async function copyTable(
  source: CopySource,
  target: CopyTarget,
  { table, events }: { table: SourceTable; events: CopyEvents },
): Promise<void> {
  const total = source.count(table);
  let { last, rows, done } = await target.position(table.name);
  events.onRows(table.name, rows, total);
  while (!done) {
    const piece = source.read(table, last);
    rows += piece.rows.length;
    await target.write(table, piece, rows);
    if (piece.rows.length === 0) done = true;
    else {
      last = piece.last;
      events.onRows(table.name, rows, total);
    }
  }
}

/** Throws unless both have the same rows with the same content; answers how many. */
async function compare(source: CopySource, target: CopyTarget, table: SourceTable): Promise<number> {
  const before = new RowSum(table.columns);
  for (let piece = source.read(table, null); piece.rows.length > 0; piece = source.read(table, piece.last))
    before.add(piece.rows);
  const after = new RowSum(table.columns);
  for await (const rows of target.read(table)) after.add(rows);
  if (before.count === after.count && before.digest() === after.digest()) return before.count;
  throw new MusterError(
    "conflict",
    `${table.name} differs (${before.count} and ${after.count} rows): the source was changed after the copy had begun; empty the target and copy again`,
    { table: table.name },
  );
}

function assertCurrent(source: CopySource, store: Store): void {
  const known = Object.keys(migrations(store.dialect));
  const pending = known.filter((name) => !source.migrations.includes(name));
  const unknown = source.migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new MusterError(
      "failed_precondition",
      `the source was changed by a newer version of Muster (${unknown.join(", ")})`,
    );
  if (pending.length > 0)
    throw new MusterError(
      "failed_precondition",
      "the source is older than this program; run `muster db migrate` on it first",
    );
}
