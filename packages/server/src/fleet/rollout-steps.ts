import type { CountOrShare, Timestamp } from "@muster/core";
import type { RolloutAgentState } from "@muster/core/resources";
import type { Queries, Store } from "../store/store.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { nextEpoch } from "./config-epoch.ts";
import { assignRevision, type Given, listEqual, lockConfig } from "./rollout-configs.ts";
import { type StepAgent, type StepDecision, type StepSnapshot, stepRollout } from "./rollout-engine.ts";
import {
  beginAgents,
  changeRollout,
  insertAgents,
  isOpen,
  type RolloutRow,
  readGroups,
  readWaves,
  removeAgents,
  writeOutcomes,
} from "./rollout-rows.ts";

/** What a step came to. */
export interface StepResult {
  /** Whoever looks at the rollout should look again. */
  readonly changed: boolean;
  /** What agents want from now on; null where they want what they wanted. */
  readonly given: Given | null;
  /** A wave began of which nobody is there: the next one need not wait for the next step. */
  readonly again: boolean;
  /** What it has become, when it stopped in this step. */
  readonly stopped: "halted" | "done" | null;
}

interface StepContext {
  readonly store: Store;
  readonly now: Timestamp;
}

const NOTHING: StepResult = { changed: false, given: null, again: false, stopped: null };

/** Reads a rollout, decides, and writes the decision, unless somebody has changed the rollout in between. */
export async function takeStep(context: StepContext, row: RolloutRow): Promise<StepResult> {
  const snapshot = await readSnapshot(context, row);
  if (!snapshot) return NOTHING;
  const decision = stepRollout(snapshot);
  const { outcomes, begin, wave, state } = decision;
  if (outcomes.length + begin.length === 0 && wave === row.wave && state === row.state) return NOTHING;
  return context.store.transaction((queries) => writeDecision(queries, context, { row, decision }));
}

async function writeDecision(
  queries: Queries,
  { store, now }: StepContext,
  { row, decision }: { row: RolloutRow; decision: StepDecision },
): Promise<StepResult> {
  const { outcomes, begin, wave, state } = decision;
  const isNew = wave > row.wave;
  const epoch = begin.length > 0 || state === "done" ? await nextEpoch(queries) : null;
  const isUnchanged = await changeRollout(queries, row, {
    state,
    wave,
    ...(decision.reason === null ? {} : { reason: decision.reason }),
    ...(isNew ? { wave_at: now } : {}),
    ...(state === "done" ? { ended_at: now } : {}),
  });
  if (!isUnchanged) return NOTHING;
  const rollout = row.number;
  await writeOutcomes(queries, store.dialect, { rollout, outcomes, now });
  await beginAgents(queries, store.dialect, { rollout, agents: begin, now });
  const changes: CatalogChange[] = [];
  if (state === "done") {
    const config = await lockConfig(queries, row.config_id, store.dialect);
    const groups = readGroups(row).map(({ id }) => id);
    const author = { by: row.created_by, now };
    changes.push(...(await assignRevision(queries, config, { revision: row.revision, groups, author })));
  }
  const stopped = state === "done" || (state === "halted" && row.state !== "halted") ? state : null;
  const given = epoch === null ? null : { epoch, changes };
  return { changed: true, given, again: isNew && begin.length === 0, stopped };
}

/** Undefined for a rollout that has ended. */
async function readSnapshot({ store: { db }, now }: StepContext, row: RolloutRow): Promise<StepSnapshot | undefined> {
  if (row.state !== "running" && row.state !== "paused" && row.state !== "halted") return undefined;
  const equal = await listEqual(db, row.config_id, row.revision);
  const agents = await readAgents(db, row, equal);
  const counts = await countAgents(db, row);
  return {
    now,
    state: row.state,
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

/** Those of the waves up to the next one of whom anything may be said: who is healthy, or waits and is away, is not read. */
async function readAgents(db: Queries, row: RolloutRow, equal: ReadonlySet<number>): Promise<StepAgent[]> {
  const rows = await db
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
    .where("rollout_agents.rollout_number", "=", row.number)
    .where("rollout_agents.wave", "<=", row.wave + 1)
    .where((where) =>
      where.or([
        where("rollout_agents.state", "in", ["pending", "applied", "failed"]),
        where.and([where("rollout_agents.state", "=", "waiting"), where("agents.status", "=", "online")]),
        where.and([where("rollout_agents.state", "=", "healthy"), where("agent_configs.status", "=", "failed")]),
      ]),
    )
    .orderBy("agents.number")
    .execute();
  return rows.map((found) => {
    const isApplied = found.told === "applied" && found.applied !== null && equal.has(found.applied);
    const hasFailed =
      found.failed_revision === row.revision || (found.told === "failed" && found.wanted === row.revision);
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
  });
}

async function countAgents(
  db: Queries,
  row: RolloutRow,
): Promise<Pick<StepSnapshot, "total" | "online" | "waveSize" | "healthy">> {
  const counts = await db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.number", "rollout_agents.agent_number")
    .select(({ fn, eb }) => [
      fn.countAll<number>().as("total"),
      fn.sum<number>(eb.case().when("agents.status", "=", "online").then(1).else(0).end()).as("online"),
      fn.sum<number>(eb.case().when("wave", "=", row.wave).then(1).else(0).end()).as("wave_size"),
      fn.sum<number>(eb.case().when("state", "=", "healthy").then(1).else(0).end()).as("healthy"),
    ])
    .where("rollout_number", "=", row.number)
    .executeTakeFirstOrThrow();
  return {
    total: Number(counts.total),
    online: Number(counts.online ?? 0),
    waveSize: Number(counts.wave_size ?? 0),
    healthy: Number(counts.healthy ?? 0),
  };
}

/**
 * Lets those in who have joined the groups, with the last wave, and those out who have left them. Whoever was given the
 * revision and is out wants what its groups have.
 */
export async function syncAgents(
  context: StepContext,
  row: RolloutRow,
  targets: readonly { readonly number: number }[],
): Promise<StepResult | undefined> {
  const { store, now } = context;
  const rows = await store.db
    .selectFrom("rollout_agents")
    .select(["agent_number", "begun_at"])
    .where("rollout_number", "=", row.number)
    .execute();
  const known = new Map(rows.map((found) => [found.agent_number, found.begun_at]));
  const wanted = new Set(targets.map(({ number }) => number));
  const joined = [...wanted].filter((number) => !known.has(number));
  const left = [...known.keys()].filter((number) => !wanted.has(number));
  if (joined.length + left.length === 0) return undefined;
  return store.transaction(async (queries) => {
    const epoch = left.some((number) => known.get(number) !== null) ? await nextEpoch(queries) : null;
    if (!isOpen(row) || !(await changeRollout(queries, row, {}))) return undefined;
    const wave = readWaves(row).length;
    const dealt = joined.map((number) => ({ number, wave }));
    await insertAgents(queries, store.dialect, { rollout: row.number, dealt, now });
    await removeAgents(queries, store.dialect, { rollout: row.number, agents: left });
    return { ...NOTHING, changed: true, given: epoch === null ? null : { epoch, changes: [] } };
  });
}
