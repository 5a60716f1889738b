import type { CountOrShare, Timestamp } from "@muster/core";
import type { RolloutAgentState } from "@muster/core/resources";
import { sql } from "kysely";
import type { Queries } from "../store/store.ts";
import { listEqual } from "./rollout-configs.ts";
import type { StepAgent, StepSnapshot } from "./rollout-engine.ts";
import { type RolloutRow, readWaves } from "./rollout-rows.ts";

/** Everything that a step of an open rollout is decided by, with the agents of the waves up to `through`. */
export async function readSnapshot(
  db: Queries,
  row: RolloutRow,
  { now, through }: { now: Timestamp; through: number },
): Promise<StepSnapshot> {
  const equal = await listEqual(db, row.config_id, row.revision);
  const found = [
    ...(await findOpen(db, row)),
    ...(await findWaiting(db, row, through)),
    ...(await findRegrets(db, row)),
  ];
  const counts = await countAgents(db, row);
  const agents = found.map((each) => toStepAgent(each, row.revision, equal));
  return {
    now,
    state: row.state as StepSnapshot["state"],
    wave: row.wave,
    waveAt: row.wave_at,
    waves: readWaves(row).length,
    healthyMs: row.healthy_ms,
    applyTimeoutMs: row.apply_timeout_ms,
    failureBudget: JSON.parse(row.failure_budget) as CountOrShare,
    ...counts,
    healthy: counts.healthy - agents.filter(({ state }) => state === "healthy").length,
    agents,
  };
}

type FoundAgent = Awaited<ReturnType<typeof findOpen>>[number];

/** Those that were given the revision and are not healthy. */
function findOpen(db: Queries, row: RolloutRow) {
  return selectAgents(db, row).where("rollout_agents.state", "in", ["pending", "applied", "failed"]).execute();
}

/** Those that wait although their wave has begun, or is about to, and are there. */
function findWaiting(db: Queries, row: RolloutRow, through: number): Promise<FoundAgent[]> {
  return selectAgents(db, row)
    .where("rollout_agents.state", "=", "waiting")
    .where("rollout_agents.wave", "<=", through)
    .where("agents.status", "=", "online")
    .execute();
}

/** Those that were healthy and say now that it failed. Asked for by what failed: that is few, and the healthy are many. */
function findRegrets(db: Queries, row: RolloutRow): Promise<FoundAgent[]> {
  return selectAgents(db, row)
    .where("rollout_agents.state", "=", "healthy")
    .where("rollout_agents.agent_number", "in", (failed) =>
      failed
        .selectFrom("agent_configs as failed")
        .select("failed.agent_number")
        .where("failed.config_id", "=", row.config_id)
        .where("failed.status", "=", sql.lit("failed")),
    )
    .execute();
}

function selectAgents(db: Queries, row: RolloutRow) {
  return db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.number", "rollout_agents.agent_number")
    .leftJoin("agent_configs", (join) =>
      join
        .onRef("agent_configs.agent_number", "=", "rollout_agents.agent_number")
        .on("agent_configs.config_id", "=", row.config_id),
    )
    .select(["agents.number", "agents.status", "agents.status_at"])
    .select(["rollout_agents.wave", "rollout_agents.state", "rollout_agents.begun_at", "rollout_agents.excused"])
    .select("rollout_agents.error as known_error")
    .select(["agent_configs.applied", "agent_configs.status as told", "agent_configs.since as told_at"])
    .select(["agent_configs.wanted", "agent_configs.failed_revision", "agent_configs.error"])
    .where("rollout_agents.rollout_number", "=", row.number);
}

function toStepAgent(found: FoundAgent, revision: number, equal: ReadonlySet<number>): StepAgent {
  const isApplied = found.told === "applied" && found.applied !== null && equal.has(found.applied);
  const hasFailed = found.failed_revision === revision || (found.told === "failed" && found.wanted === revision);
  return {
    number: found.number,
    wave: found.wave,
    state: found.state as RolloutAgentState,
    begunAt: found.begun_at,
    excused: found.excused === 1,
    online: found.status === "online",
    presentSince: found.status_at,
    told: isApplied ? "applied" : hasFailed ? "failed" : "nothing",
    toldAt: found.told_at ?? 0,
    error: hasFailed && !isApplied ? found.error : found.known_error,
  };
}

async function countAgents(
  db: Queries,
  row: RolloutRow,
): Promise<Pick<StepSnapshot, "total" | "isAnyoneOnline" | "waveSize" | "healthy">> {
  const counts = await db
    .selectFrom("rollout_agents")
    .select(({ fn }) => ["wave", "state", fn.countAll<number>().as("count")])
    .where("rollout_number", "=", row.number)
    .groupBy(["state", "wave"])
    .execute();
  const sum = (wanted: (group: (typeof counts)[number]) => boolean) =>
    counts.filter(wanted).reduce((total, { count }) => total + Number(count), 0);
  const online = await db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.number", "rollout_agents.agent_number")
    .select("agents.number")
    .where("rollout_number", "=", row.number)
    .where("agents.status", "=", "online")
    .limit(1)
    .executeTakeFirst();
  return {
    total: sum(() => true),
    isAnyoneOnline: online !== undefined,
    waveSize: sum(({ wave }) => wave === row.wave),
    healthy: sum(({ state }) => state === "healthy"),
  };
}
