import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function records(dialect: Dialect): Migration {
  const { number, text } = dialect.types;
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("records")
        .addColumn("number", number, dialect.identity)
        .addColumn("category", text, (column) => column.notNull())
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("sub_ns", "integer", (column) => column.notNull())
        .addColumn("received_at", "bigint", (column) => column.notNull())
        .addColumn("measurement", text, (column) => column.notNull())
        .addColumn("status", text)
        .addColumn("message", text, (column) => column.notNull())
        .addColumn("content", text, (column) => column.notNull())
        .execute();
      const index = (name: string, columns: ("category" | "agent_number" | "at" | "number")[]) =>
        db.schema.createIndex(name).on("records").columns(columns).execute();
      await index("records_by_time", ["at", "number"]);
      await index("records_by_category", ["category", "at", "number"]);
      await index("records_by_agent", ["agent_number", "at", "number"]);

      // whoever writes names a host by what it calls itself
      await db.schema.createIndex("agents_by_external_id").on("agents").column("external_id").execute();
      await db.schema.createIndex("agents_by_hostname").on("agents").column("hostname").execute();

      await db.schema
        .createTable("record_objects")
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("category", text, (column) => column.notNull())
        .addColumn("class", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("sub_ns", "integer", (column) => column.notNull())
        .addColumn("received_at", "bigint", (column) => column.notNull())
        .addColumn("status", text)
        .addColumn("message", text, (column) => column.notNull())
        .addColumn("content", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("record_objects_key", ["agent_number", "category", "class", "name"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();

      await db.schema
        .createTable("elections")
        .addColumn("realm", text, (column) => column.notNull())
        .addColumn("namespace", text, (column) => column.notNull())
        .addColumn("holder", text, (column) => column.notNull())
        .addColumn("until", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("elections_key", ["realm", "namespace"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
    },
  };
}
