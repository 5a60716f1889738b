import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function commands(dialect: Dialect): Migration {
  const { number, text } = dialect.types;
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("commands")
        .addColumn("number", number, dialect.identity)
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("status_reason", text)
        .addColumn("text", text)
        .addColumn("argv", text)
        .addColumn("env", text, (column) => column.notNull())
        .addColumn("env_names", text, (column) => column.notNull())
        .addColumn("cwd", text)
        .addColumn("run_as", text)
        .addColumn("targets", text, (column) => column.notNull())
        .addColumn("timeout_ms", "bigint", (column) => column.notNull())
        .addColumn("expires_at", "bigint", (column) => column.notNull())
        .addColumn("concurrency", text)
        .addColumn("failure_budget", text)
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("created_by", text, (column) => column.notNull())
        .addColumn("finished_at", "bigint")
        .addColumn("total", "integer", (column) => column.notNull())
        .addColumn("final_counts", text)
        .addColumn("idempotency_key", text)
        .addColumn("request_hash", text)
        .addUniqueConstraint("commands_once", ["created_by", "idempotency_key"])
        .execute();
      await db.schema.createIndex("commands_by_status").on("commands").columns(["status", "number"]).execute();

      await db.schema
        .createTable("runs")
        .addColumn("number", number, dialect.identity)
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("command_number", number, (column) =>
          column.notNull().references("commands.number").onDelete("cascade"),
        )
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("reason", text)
        .addColumn("exit_code", "bigint")
        .addColumn("queued_at", "bigint", (column) => column.notNull())
        .addColumn("delivered_at", "bigint")
        .addColumn("started_at", "bigint")
        .addColumn("finished_at", "bigint")
        .addColumn("expires_at", "bigint", (column) => column.notNull())
        .addColumn("deadline_at", "bigint")
        .addColumn("execution_ms", "bigint")
        .addColumn("journaled", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("late", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("reported", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("cancel_requested_at", "bigint")
        .addColumn("stdout_bytes", "bigint", (column) => column.notNull().defaultTo(0))
        .addColumn("stderr_bytes", "bigint", (column) => column.notNull().defaultTo(0))
        .addColumn("cut_bytes", "bigint", (column) => column.notNull().defaultTo(0))
        .addColumn("last_seq", "bigint", (column) => column.notNull().defaultTo(-1))
        .addColumn("output_digest", text)
        .execute();
      await db.schema
        .createIndex("runs_by_command")
        .on("runs")
        .columns(["command_number", "status", "number"])
        .execute();
      await db.schema.createIndex("runs_by_agent").on("runs").columns(["agent_number", "number"]).execute();
      // the open runs are few among millions of ended ones: partial indexes keep every sweep small
      await sql`create index runs_open on runs (agent_number, status, number) where status in ('queued', 'delivered', 'started')`.execute(
        db,
      );
      await sql`create index runs_expiry on runs (expires_at) where status in ('queued', 'delivered')`.execute(db);
      await sql`create index runs_deadline on runs (deadline_at) where status in ('delivered', 'started')`.execute(db);

      await db.schema
        .createTable("run_output")
        .addColumn("run_number", number, (column) => column.notNull().references("runs.number").onDelete("cascade"))
        .addColumn("seq", "bigint", (column) => column.notNull())
        .addColumn("stream", "integer", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("bytes", dialect.types.bytes, (column) => column.notNull())
        .addColumn("cut_bytes", "bigint", (column) => column.notNull().defaultTo(0))
        .addPrimaryKeyConstraint("run_output_key", ["run_number", "seq"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
    },
  };
}
