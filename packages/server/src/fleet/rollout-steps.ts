import type { Timestamp } from "@muster/core";
import type { Queries, Store } from "../store/store.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { nextEpoch } from "./config-epoch.ts";
import { assignRevision, type Given, lockConfig, readAssigned } from "./rollout-configs.ts";
import { type StepDecision, stepRollout } from "./rollout-engine.ts";
import {
  beginAgents,
  changeRollout,
  insertAgents,
  isOpen,
  type RolloutGroup,
  type RolloutRow,
  readGroups,
  readWaves,
  removeAgents,
  writeOutcomes,
} from "./rollout-rows.ts";
import { readSnapshot } from "./rollout-snapshot.ts";

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
  if (!isOpen(row)) return NOTHING;
  const { db } = context.store;
  let decision = stepRollout(await readSnapshot(db, row, { now: context.now, through: row.wave }));
  // who waits for the next wave is not looked at before it begins: that may be half of the fleet
  if (decision.wave > row.wave)
    decision = stepRollout(await readSnapshot(db, row, { now: context.now, through: row.wave + 1 }));
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
    const groups = await listOutdated(queries, row);
    const author = { by: row.created_by, now };
    changes.push(...(await assignRevision(queries, config, { revision: row.revision, groups, author })));
  }
  const stopped = state === "done" || (state === "halted" && row.state !== "halted") ? state : null;
  const given = epoch === null ? null : { epoch, changes };
  return { changed: true, given, again: isNew && begin.length === 0, stopped };
}

/** Its groups that should have its revision: not those that somebody has given a newer one since, or taken the config from. */
async function listOutdated(queries: Queries, row: RolloutRow): Promise<string[]> {
  const groups = new Map(readGroups(row).map(({ id, previous }) => [id, previous]));
  const now = await readAssigned(queries, row.config_id, [...groups.keys()]);
  const isOutdated = ({ id, previous }: RolloutGroup) =>
    previous === null ? groups.get(id) === null : previous < row.revision;
  return now.filter(isOutdated).map(({ id }) => id);
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
