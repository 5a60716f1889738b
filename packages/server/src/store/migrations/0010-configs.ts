import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function configs(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await extendGroups(db);
      await extendAgents(db, dialect);
      await createConfigs(db, dialect);
      await createTruth(db, dialect);
    },
  };
}

async function extendGroups(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable("groups")
    .addColumn("tags", "text", (column) => column.notNull().defaultTo("[]"))
    .execute();
  await db.schema
    .alterTable("groups")
    .addColumn("position", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  // from now on this name means everyone
  await sql`update groups set name = 'default (by hand)' where name = 'default'`.execute(db);
  await sql`update groups set position = (select count(*) from groups as before where before.id <= groups.id)`.execute(
    db,
  );
}

async function extendAgents(db: Kysely<never>, { types: { number, text }, tableEnd }: Dialect): Promise<void> {
  await db.schema.alterTable("agents").addColumn("agent_type", text).execute();
  await db.schema
    .alterTable("agents")
    .addColumn("tags", "text", (column) => column.notNull().defaultTo("[]"))
    .execute();
  // when something that its own process has to read again was changed through another one
  await db.schema
    .alterTable("agents")
    .addColumn("touched_epoch", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`create index agents_touched on agents (touched_epoch) where touched_epoch > 0`.execute(db);
  await db.schema
    .createTable("agent_tags")
    .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
    .addColumn("name", text, (column) => column.notNull())
    .addColumn("value", text, (column) => column.notNull())
    .addPrimaryKeyConstraint("agent_tags_key", ["agent_number", "name", "value"])
    .modifyEnd(sql.raw(tableEnd.keyed))
    .execute();
  await db.schema.createIndex("agent_tags_by_value").on("agent_tags").columns(["value", "name"]).execute();
}

async function createConfigs(db: Kysely<never>, { types: { bytes, text }, tableEnd }: Dialect): Promise<void> {
  await db.schema
    .createTable("configs")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("name", text, (column) => column.notNull().unique())
    .addColumn("kind", text, (column) => column.notNull())
    .addColumn("format", text, (column) => column.notNull())
    .addColumn("description", text, (column) => column.notNull())
    .addColumn("agent_type", text, (column) => column.notNull())
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("updated_by", text, (column) => column.notNull())
    .addColumn("deleted_at", "bigint")
    .execute();
  await db.schema
    .createTable("config_revisions")
    .addColumn("config_id", text, (column) => column.notNull().references("configs.id").onDelete("cascade"))
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("text", text, (column) => column.notNull())
    .addColumn("digest", text, (column) => column.notNull())
    .addColumn("message", text, (column) => column.notNull())
    .addColumn("variables", text, (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_by", text, (column) => column.notNull())
    .addPrimaryKeyConstraint("config_revisions_key", ["config_id", "revision"])
    .execute();
  await db.schema
    .createTable("config_assignments")
    .addColumn("config_id", text, (column) => column.notNull().references("configs.id").onDelete("cascade"))
    .addColumn("group_id", text, (column) => column.notNull().references("groups.id").onDelete("cascade"))
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("assigned_at", "bigint", (column) => column.notNull())
    .addColumn("assigned_by", text, (column) => column.notNull())
    .addPrimaryKeyConstraint("config_assignments_key", ["config_id", "group_id"])
    .modifyEnd(sql.raw(tableEnd.keyed))
    .execute();
  await db.schema.createIndex("config_assignments_by_group").on("config_assignments").column("group_id").execute();
  await db.schema
    .createTable("config_secrets")
    .addColumn("name", text, (column) => column.primaryKey())
    .addColumn("description", text, (column) => column.notNull())
    .addColumn("key_id", text, (column) => column.notNull())
    .addColumn("sealed", bytes, (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("updated_by", text, (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("config_epoch")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("epoch", "bigint", (column) => column.notNull())
    .execute();
}

async function createTruth(db: Kysely<never>, { types: { number, text }, tableEnd }: Dialect): Promise<void> {
  await db.schema
    .createTable("agent_configs")
    .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
    .addColumn("config_id", text, (column) => column.notNull().references("configs.id").onDelete("cascade"))
    .addColumn("wanted", "bigint")
    .addColumn("applied", "bigint")
    .addColumn("held", "bigint")
    .addColumn("digest", text)
    .addColumn("status", text, (column) => column.notNull())
    .addColumn("error", text)
    .addColumn("since", "bigint", (column) => column.notNull())
    .addColumn("failed_revision", "bigint")
    .addColumn("drifted", "integer", (column) => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint("agent_configs_key", ["agent_number", "config_id"])
    .modifyEnd(sql.raw(tableEnd.keyed))
    .execute();
  await db.schema
    .createIndex("agent_configs_by_config")
    .on("agent_configs")
    .columns(["config_id", "agent_number"])
    .execute();
}
