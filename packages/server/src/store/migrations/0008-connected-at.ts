import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function connectedAt(_dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await db.schema.alterTable("agents").addColumn("connected_at", "bigint").execute();
    },
  };
}
