import { toIso } from "@muster/core";
import type {
  Page,
  RolloutAgent,
  RolloutAgentListQuery,
  RolloutAgentState,
  RolloutError,
} from "@muster/core/resources";
import { sql } from "kysely";
import type { Queries } from "../store/store.ts";
import { readCursor, writeCursor } from "./agent-query.ts";

/** How many different errors are told of; the most frequent ones. */
const MAX_ERRORS = 100;

/** The agents of a rollout, wave by wave. */
export async function listRolloutAgents(
  db: Queries,
  rollout: number,
  query: RolloutAgentListQuery,
): Promise<Page<RolloutAgent>> {
  const limit = Number(query.limit ?? 100);
  let rows = db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.number", "rollout_agents.agent_number")
    .select(["agents.number", "agents.id", "agents.name", "agents.given_name", "agents.status"])
    .select(["rollout_agents.wave", "rollout_agents.state", "rollout_agents.error", "rollout_agents.since"])
    .where("rollout_number", "=", rollout);
  if (query.wave !== undefined) rows = rows.where("rollout_agents.wave", "=", Number(query.wave));
  if (query.state !== undefined) rows = rows.where("rollout_agents.state", "=", query.state);
  if (query.cursor !== undefined) {
    const [wave, number] = readCursor(query.cursor);
    rows = rows.where(sql<boolean>`(rollout_agents.wave, agents.number) > (${Number(wave)}, ${number})`);
  }
  const found = await rows
    .orderBy("rollout_agents.wave")
    .orderBy("agents.number")
    .limit(limit + 1)
    .execute();
  const last = found.length > limit ? found[limit - 1] : undefined;
  return {
    items: found.slice(0, limit).map((row) => ({
      agentId: row.id,
      agentName: row.given_name ?? row.name,
      online: row.status === "online",
      wave: row.wave,
      state: row.state as RolloutAgentState,
      error: row.error,
      since: toIso(row.since),
    })),
    nextCursor: last ? writeCursor(last.wave, last.number) : null,
  };
}

/** What failed agents say, the same words once, the most frequent first. */
export async function groupErrors(db: Queries, rollout: number): Promise<RolloutError[]> {
  const rows = await db
    .selectFrom("rollout_agents")
    .select(({ fn }) => ["error", fn.countAll<number>().as("agents")])
    .where("rollout_number", "=", rollout)
    .where("state", "=", "failed")
    .groupBy("error")
    .orderBy("agents", "desc")
    .orderBy("error")
    .limit(MAX_ERRORS)
    .execute();
  return rows.map((row) => ({ error: row.error ?? "it failed without a reason", agents: Number(row.agents) }));
}
