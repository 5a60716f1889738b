import { type CountOrShare, type Timestamp, toIso } from "@muster/core";
import type { Rollout, RolloutState } from "@muster/core/resources";
import { type Selectable, sql } from "kysely";
import type { RolloutsTable } from "../store/rollout-tables.ts";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import type { AgentOutcome, Dealt } from "./rollout-engine.ts";

export type RolloutRow = Selectable<RolloutsTable>;

/** A rollout of which something may still come. */
export const OPEN_STATES = ["running", "paused", "halted"] as const satisfies readonly RolloutState[];

/** A group that a rollout gives its revision to, and what that had before; null where it did not have the config. */
export interface RolloutGroup {
  readonly id: string;
  readonly previous: number | null;
}

export function readGroups(row: Pick<RolloutRow, "groups">): RolloutGroup[] {
  return JSON.parse(row.groups) as RolloutGroup[];
}

export function readWaves(row: Pick<RolloutRow, "waves">): CountOrShare[] {
  return JSON.parse(row.waves) as CountOrShare[];
}

export function isOpen(row: Pick<RolloutRow, "state">): boolean {
  return OPEN_STATES.some((state) => state === row.state);
}

/** Changes a rollout unless somebody else has changed it since it was read. False: nothing was written. */
export async function changeRollout(
  queries: Queries,
  row: Pick<RolloutRow, "number" | "version">,
  change: Partial<Pick<RolloutRow, "state" | "reason" | "wave" | "wave_at" | "ended_at">>,
): Promise<boolean> {
  const result = await queries
    .updateTable("rollouts")
    .set({ ...change, version: row.version + 1 })
    .where("number", "=", row.number)
    .where("version", "=", row.version)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) > 0;
}

export async function insertAgents(
  queries: Queries,
  dialect: Dialect,
  { rollout, dealt, now }: { rollout: number; dealt: readonly Dealt[]; now: Timestamp },
): Promise<void> {
  for (const slice of slices(dealt, 5, dialect)) {
    await queries
      .insertInto("rollout_agents")
      .values(
        slice.map(({ number, wave }) => ({
          rollout_number: rollout,
          agent_number: number,
          wave,
          state: "waiting",
          since: now,
        })),
      )
      .onConflict((conflict) => conflict.columns(["rollout_number", "agent_number"]).doNothing())
      .execute();
  }
}

export async function removeAgents(
  queries: Queries,
  dialect: Dialect,
  { rollout, agents }: { rollout: number; agents: readonly number[] },
): Promise<void> {
  for (const slice of slices(agents, 1, dialect)) {
    await queries
      .deleteFrom("rollout_agents")
      .where("rollout_number", "=", rollout)
      .where("agent_number", "in", slice)
      .execute();
  }
}

/** Gives agents the revision, as far as this is stored here. */
export async function beginAgents(
  queries: Queries,
  dialect: Dialect,
  { rollout, agents, now }: { rollout: number; agents: readonly number[]; now: Timestamp },
): Promise<void> {
  for (const slice of slices(agents, 1, dialect)) {
    await queries
      .updateTable("rollout_agents")
      .set({ state: "pending", begun_at: now, since: now })
      .where("rollout_number", "=", rollout)
      .where("agent_number", "in", slice)
      .where("begun_at", "is", null)
      .execute();
  }
}

export async function writeOutcomes(
  queries: Queries,
  dialect: Dialect,
  { rollout, outcomes, now }: { rollout: number; outcomes: readonly AgentOutcome[]; now: Timestamp },
): Promise<void> {
  const alike = Map.groupBy(outcomes, ({ state, error }) => `${state}\n${error}`);
  for (const group of alike.values()) {
    for (const slice of slices(group, 1, dialect)) {
      const [first] = slice;
      if (!first) continue;
      const healed = first.state === "failed" ? {} : { excused: 0 };
      await queries
        .updateTable("rollout_agents")
        .set({ state: first.state, error: first.error, since: now, ...healed })
        .where("rollout_number", "=", rollout)
        .where(
          "agent_number",
          "in",
          slice.map(({ number }) => number),
        )
        .execute();
    }
  }
}

/** How many agents of each wave are how. */
export interface WaveCount {
  readonly wave: number;
  readonly state: string;
  readonly online: boolean;
  readonly count: number;
}

/** Per rollout. */
export async function countWaves(queries: Queries, rollouts: readonly number[]): Promise<Map<number, WaveCount[]>> {
  const counts = new Map<number, WaveCount[]>();
  if (rollouts.length === 0) return counts;
  const online = sql<number>`case when agents.status = 'online' then 1 else 0 end`;
  const rows = await queries
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.number", "rollout_agents.agent_number")
    .select(({ fn }) => ["rollout_number", "wave", "state", online.as("online"), fn.countAll<number>().as("count")])
    .where("rollout_number", "in", [...rollouts])
    .groupBy(["rollout_number", "wave", "state", online])
    .execute();
  for (const row of rows) {
    const list = counts.get(row.rollout_number) ?? [];
    list.push({ wave: row.wave, state: row.state, online: Number(row.online) === 1, count: Number(row.count) });
    counts.set(row.rollout_number, list);
  }
  return counts;
}

/** What a rollout is called by: names as they are now. */
export interface RolloutNames {
  configName(id: string): string;
  groupName(id: string): string;
}

export function toRollout(row: RolloutRow, counts: readonly WaveCount[], names: RolloutNames): Rollout {
  const sum = (wave: number, wanted: (count: WaveCount) => boolean) =>
    counts.filter((count) => count.wave === wave && wanted(count)).reduce((total, { count }) => total + count, 0);
  const isOut = ({ state }: WaveCount) => state === "applied" || state === "healthy";
  const isOpenStill = (count: WaveCount) => !isOut(count) && count.state !== "failed";
  return {
    id: row.id,
    configId: row.config_id,
    configName: names.configName(row.config_id),
    revision: row.revision,
    groups: readGroups(row).map(({ id }) => ({ id, name: names.groupName(id) })),
    state: row.state as RolloutState,
    reason: row.reason,
    wave: row.wave,
    waves: readWaves(row).map((size, index) => ({
      size: String(size),
      agents: sum(index + 1, () => true),
      applied: sum(index + 1, isOut),
      failed: sum(index + 1, ({ state }) => state === "failed"),
      pending: sum(index + 1, (count) => isOpenStill(count) && count.online),
      offline: sum(index + 1, (count) => isOpenStill(count) && !count.online),
    })),
    healthyMs: row.healthy_ms,
    applyTimeoutMs: row.apply_timeout_ms,
    failureBudget: JSON.parse(row.failure_budget) as CountOrShare,
    createdAt: toIso(row.created_at),
    createdBy: row.created_by,
    endedAt: row.ended_at === null ? null : toIso(row.ended_at),
  };
}
