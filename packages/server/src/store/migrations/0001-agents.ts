import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function agents(dialect: Dialect): Migration {
  const { number, text } = dialect.types;
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("agents")
        .addColumn("number", number, dialect.identity)
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("protocol", text, (column) => column.notNull())
        .addColumn("external_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("given_name", text)
        .addColumn("hostname", text, (column) => column.notNull())
        .addColumn("addresses", text, (column) => column.notNull())
        .addColumn("os", text)
        .addColumn("arch", text)
        .addColumn("version", text)
        .addColumn("reported_labels", text, (column) => column.notNull())
        .addColumn("label_overrides", text, (column) => column.notNull())
        .addColumn("capabilities", text, (column) => column.notNull())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("status_reason", text, (column) => column.notNull())
        .addColumn("status_at", "bigint", (column) => column.notNull())
        .addColumn("first_seen_at", "bigint", (column) => column.notNull())
        .addColumn("last_seen_at", "bigint")
        .addColumn("clock_skew_ms", "bigint")
        .addColumn("connections", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("token_id", text)
        .addColumn("search", text, (column) => column.notNull())
        .addColumn("sort_name", text, (column) => column.notNull())
        .addUniqueConstraint("agents_identity", ["protocol", "external_id"])
        .execute();
      await db.schema.createIndex("agents_by_name").on("agents").columns(["sort_name", "number"]).execute();
      await db.schema.createIndex("agents_by_status").on("agents").columns(["status", "number"]).execute();
      await db.schema.createIndex("agents_by_last_seen").on("agents").columns(["last_seen_at", "number"]).execute();

      await db.schema
        .createTable("agent_labels")
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("value", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("agent_labels_key", ["agent_number", "key"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
      await db.schema.createIndex("agent_labels_by_value").on("agent_labels").columns(["key", "value"]).execute();

      await db.schema
        .createTable("groups")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("name", text, (column) => column.notNull().unique())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("selector", text)
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("group_members")
        .addColumn("group_id", text, (column) => column.notNull().references("groups.id").onDelete("cascade"))
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addPrimaryKeyConstraint("group_members_key", ["group_id", "agent_number"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
    },
  };
}
