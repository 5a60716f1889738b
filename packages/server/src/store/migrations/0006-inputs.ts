import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function inputs(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await createInputs(db, dialect);
      await createInventories(db, dialect);
    },
  };
}

async function createInputs(db: Kysely<never>, dialect: Dialect): Promise<void> {
  const { number, text } = dialect.types;
  await db.schema
    .createTable("inputs")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
    .addColumn("input", text, (column) => column.notNull())
    .addColumn("input_type", text, (column) => column.notNull())
    .addColumn("digest", text)
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("applied_revision", "bigint")
    .addColumn("removed", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("busy_until", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("unsettled", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("updated_by", text, (column) => column.notNull())
    .execute();
  await db.schema.createIndex("inputs_by_agent").on("inputs").column("agent_number").execute();
  await sql`create index inputs_unsettled on inputs (agent_number) where unsettled = 1`.execute(db);

  await db.schema
    .createTable("input_digests")
    .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
    .addColumn("input", text, (column) => column.notNull())
    .addColumn("digest", text, (column) => column.notNull())
    .addColumn("input_id", text, (column) => column.notNull())
    .addPrimaryKeyConstraint("input_digests_key", ["agent_number", "input", "digest"])
    .modifyEnd(sql.raw(dialect.tableEnd.keyed))
    .execute();
  await db.schema.createIndex("input_digests_by_input").on("input_digests").column("input_id").execute();

  await db.schema
    .createTable("input_revisions")
    .addColumn("input_id", text, (column) => column.notNull())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
    .addColumn("kind", text, (column) => column.notNull())
    .addColumn("toml", text)
    .addColumn("digest", text)
    .addColumn("message", text, (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_by", text, (column) => column.notNull())
    .addColumn("outcome", text, (column) => column.notNull())
    .addColumn("reason", text)
    .addPrimaryKeyConstraint("input_revisions_key", ["input_id", "revision"])
    .execute();
  await db.schema.createIndex("input_revisions_by_agent").on("input_revisions").column("agent_number").execute();
}

async function createInventories(db: Kysely<never>, { types: { number, text } }: Dialect): Promise<void> {
  await db.schema
    .createTable("input_catalogs")
    .addColumn("digest", text, (column) => column.primaryKey())
    .addColumn("available", text, (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("inventories")
    .addColumn("agent_number", number, (column) => column.primaryKey().references("agents.number").onDelete("cascade"))
    .addColumn("reported_at", "bigint", (column) => column.notNull())
    .addColumn("catalog", text, (column) => column.notNull().references("input_catalogs.digest"))
    .addColumn("inputs", text, (column) => column.notNull())
    .execute();
  await db.schema.createIndex("inventories_by_catalog").on("inventories").column("catalog").execute();
}
