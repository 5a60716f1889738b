import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";

export function rollouts(dialect: Dialect): Migration {
  const { number, text } = dialect.types;
  return {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable("rollouts")
        .addColumn("number", number, dialect.identity)
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("config_id", text, (column) => column.notNull())
        .addColumn("revision", "bigint", (column) => column.notNull())
        .addColumn("groups", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("reason", text, (column) => column.notNull())
        .addColumn("wave", "integer", (column) => column.notNull())
        .addColumn("wave_at", "bigint", (column) => column.notNull())
        .addColumn("waves", text, (column) => column.notNull())
        .addColumn("healthy_ms", "bigint", (column) => column.notNull())
        .addColumn("apply_timeout_ms", "bigint", (column) => column.notNull())
        .addColumn("failure_budget", text, (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("created_by", text, (column) => column.notNull())
        .addColumn("ended_at", "bigint")
        .addColumn("version", "bigint", (column) => column.notNull())
        .execute();
      // of two that begin at once one is first, and the other supersedes it
      await sql`create unique index rollouts_open on rollouts (config_id)
        where state in ('running', 'paused', 'halted')`.execute(db);
      await db.schema.createIndex("rollouts_by_config").on("rollouts").columns(["config_id", "number"]).execute();

      await db.schema
        .createTable("rollout_agents")
        .addColumn("rollout_number", number, (column) =>
          column.notNull().references("rollouts.number").onDelete("cascade"),
        )
        .addColumn("agent_number", number, (column) => column.notNull().references("agents.number").onDelete("cascade"))
        .addColumn("wave", "integer", (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("begun_at", "bigint")
        .addColumn("error", text)
        .addColumn("excused", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("since", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("rollout_agents_key", ["rollout_number", "agent_number"])
        .modifyEnd(sql.raw(dialect.tableEnd.keyed))
        .execute();
      await db.schema.createIndex("rollout_agents_by_agent").on("rollout_agents").column("agent_number").execute();
      await db.schema
        .createIndex("rollout_agents_by_state")
        .on("rollout_agents")
        .columns(["rollout_number", "state", "wave"])
        .execute();
      // what failed is few among what is applied, and is asked for each second
      await sql`create index agent_configs_failed on agent_configs (config_id, agent_number) where status = 'failed'`.execute(
        db,
      );
    },
  };
}
