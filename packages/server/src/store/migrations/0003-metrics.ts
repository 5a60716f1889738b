import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function metrics(dialect: Dialect): Migration {
  const { number, text } = dialect.types;
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("metric_sets")
        .addColumn("number", number, dialect.identity)
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("labels", text, (column) => column.notNull())
        .addColumn("fields", text, (column) => column.notNull())
        .addUniqueConstraint("metric_sets_identity", ["agent_number", "name", "labels"])
        .execute();
      for (const tier of ["metric_10s", "metric_1m", "metric_10m"]) {
        await db.schema
          .createTable(tier)
          .addColumn("set_number", number, (column) =>
            column.notNull().references("metric_sets.number").onDelete("cascade"),
          )
          .addColumn("at", "bigint", (column) => column.notNull())
          .addColumn("packed", dialect.types.bytes, (column) => column.notNull())
          .addPrimaryKeyConstraint(`${tier}_key`, ["set_number", "at"])
          .modifyEnd(sql.raw(dialect.tableEnd.keyed))
          .execute();
      }
    },
  };
}
