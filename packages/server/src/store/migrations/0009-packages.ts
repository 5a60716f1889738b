import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function packages(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("record_packages")
        .addColumn("id", dialect.types.text, (column) => column.primaryKey())
        .addColumn("at", "bigint", (column) => column.notNull())
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
      await db.schema.createIndex("record_packages_by_time").on("record_packages").column("at").execute();
    },
  };
}
