import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function agentDetails(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      const { text } = dialect.types;
      await db.schema
        .alterTable("agents")
        .addColumn("details", text, (column) => column.notNull().defaultTo("{}"))
        .execute();
    },
  };
}
