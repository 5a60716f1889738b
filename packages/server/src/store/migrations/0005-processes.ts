import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function processes({ types: { text } }: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("processes")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("place", text, (column) => column.notNull())
        .addColumn("started_at", "bigint", (column) => column.notNull())
        .addColumn("beat_at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema.alterTable("agents").addColumn("holder", text).execute();
      await db.schema.createIndex("agents_by_holder").on("agents").column("holder").execute();
    },
  };
}
