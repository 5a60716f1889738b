import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function access(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<never>) {
      await createUsers(db, dialect);
      await createTokens(db, dialect);
      await createAudit(db, dialect);
    },
  };
}

async function createUsers(db: Kysely<never>, dialect: Dialect): Promise<void> {
  const { text } = dialect.types;
  await db.schema
    .createTable("users")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("username", text, (column) => column.notNull())
    .addColumn("username_key", text, (column) => column.notNull().unique())
    .addColumn("password_hash", text, (column) => column.notNull())
    .addColumn("role", text, (column) => column.notNull())
    .addColumn("disabled", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_login_at", "bigint")
    .execute();
  await db.schema
    .createTable("user_sessions")
    .addColumn("secret_hash", text, (column) => column.primaryKey())
    .addColumn("id", text, (column) => column.notNull().unique())
    .addColumn("user_id", text, (column) => column.notNull().references("users.id").onDelete("cascade"))
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("used_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .modifyEnd(sql.raw(dialect.tableEnd.keyed))
    .execute();
  await db.schema.createIndex("user_sessions_by_user").on("user_sessions").column("user_id").execute();
}

async function createTokens(db: Kysely<never>, { types: { text } }: Dialect): Promise<void> {
  await db.schema
    .createTable("api_tokens")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("name", text, (column) => column.notNull())
    .addColumn("hint", text, (column) => column.notNull())
    .addColumn("secret_hash", text, (column) => column.notNull().unique())
    .addColumn("scopes", text, (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_by", text, (column) => column.notNull())
    .addColumn("owner_id", text, (column) => column.references("users.id").onDelete("cascade"))
    .addColumn("expires_at", "bigint")
    .addColumn("last_used_at", "bigint")
    .execute();
  await db.schema
    .createTable("enrollment_tokens")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("name", text, (column) => column.notNull())
    .addColumn("hint", text, (column) => column.notNull())
    .addColumn("secret_hash", text, (column) => column.notNull().unique())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_by", text, (column) => column.notNull())
    .addColumn("expires_at", "bigint")
    .addColumn("last_used_at", "bigint")
    .execute();
}

async function createAudit(db: Kysely<never>, { types: { text } }: Dialect): Promise<void> {
  await db.schema
    .createTable("audit")
    .addColumn("id", text, (column) => column.primaryKey())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("actor", text, (column) => column.notNull())
    .addColumn("address", text)
    .addColumn("action", text, (column) => column.notNull())
    .addColumn("target", text)
    .addColumn("outcome", text, (column) => column.notNull())
    .addColumn("details", text, (column) => column.notNull())
    .execute();
  await db.schema.createIndex("audit_by_actor").on("audit").columns(["actor", "id"]).execute();
  await db.schema.createIndex("audit_by_action").on("audit").columns(["action", "id"]).execute();
}
