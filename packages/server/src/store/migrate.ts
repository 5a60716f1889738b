import { MusterError } from "@muster/core";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { isDatabaseAway } from "./away.ts";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";
import type { Dialect, Queries } from "./store.ts";

/** Is there while a copy of another database is unfinished (store/copy.ts). */
export const COPY_TABLE = "muster_copy";

/** What a database has of the migrations that this program knows. */
export interface MigrationState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Applied by a newer program than this one. */
  readonly unknown: readonly string[];
  /** A copy into it is unfinished, so that it is of no use yet. */
  readonly isCopying: boolean;
}

/** Reads without changing anything, also where there are no tables yet. */
export async function readMigrations(db: Queries, dialect: Dialect): Promise<MigrationState> {
  const known = Object.keys(migrations(dialect)).sort();
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const has = (name: string) => tables.some((table) => table.name === name);
  const applied = has("kysely_migration") ? await listApplied(db) : [];
  return {
    isCopying: has(COPY_TABLE),
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

/**
 * Brings the tables to this version and answers what was done. Forward only; processes that start together wait for each
 * other. A database that a newer program has changed is refused, since nobody can know what it means.
 */
export async function migrate(db: Queries, dialect: Dialect): Promise<readonly string[]> {
  return dialect.alone(db, async (connection) => {
    const { pending, unknown, isCopying } = await readMigrations(connection, dialect);
    if (isCopying)
      throw new MusterError(
        "failed_precondition",
        "a copy into this database is unfinished: run `muster db copy` again",
      );
    if (unknown.length > 0) throw isNewer(unknown);
    if (pending.length === 0) return [];
    const provider = { getMigrations: async () => migrations(dialect) };
    const { error, results } = await new Migrator({ db: connection, provider }).migrateToLatest();
    if (isDatabaseAway(error)) throw error;
    if (error) throw new MusterError("internal", "the database could not be migrated", {}, error);
    return (results ?? []).filter((result) => result.status === "Success").map((result) => result.migrationName);
  });
}

export function isNewer(unknown: readonly string[]): MusterError {
  return new MusterError(
    "failed_precondition",
    `the database was changed by a newer version of Muster (${unknown.join(", ")}); run that version, or restore a backup`,
    { migrations: unknown },
  );
}

/** Kysely's own table, which is there once anything was migrated. */
interface WithMigrations extends Schema {
  kysely_migration: { name: string };
}

async function listApplied(db: Queries): Promise<string[]> {
  const rows = await (db as unknown as Kysely<WithMigrations>)
    .selectFrom("kysely_migration")
    .select("name")
    .orderBy("name")
    .execute();
  return rows.map((row) => row.name);
}
