import { type CountOrShare, MusterError, newId, type Timestamp } from "@muster/core";
import type { RolloutSpec } from "@muster/core/resources";
import type { Dialect, Queries } from "../store/store.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { nextEpoch } from "./config-epoch.ts";
import { getRevision } from "./config-rows.ts";
import { assignRevision, type Given, lockConfig, readAssigned, repeatRevision, unassign } from "./rollout-configs.ts";
import { dealWaves } from "./rollout-engine.ts";
import { changeRollout, insertAgents, isOpen, OPEN_STATES, type RolloutRow, readGroups } from "./rollout-rows.ts";

/** Who does something with which rollout. */
export interface RolloutAct {
  readonly id: string;
  readonly by: string;
  readonly now: Timestamp;
}

export interface RolloutOrder {
  readonly spec: RolloutSpec;
  /** Ids. */
  readonly groups: readonly string[];
  readonly targets: readonly { readonly number: number; readonly online: boolean }[];
  readonly by: string;
  readonly now: Timestamp;
}

/** What an act came to; `given` where agents may want something else than before. */
export interface Acted {
  readonly number: number;
  readonly given: Given | null;
}

/** Writes a rollout of which nothing has begun yet. Answers whom it supersedes as well. */
export async function startRollout(
  queries: Queries,
  dialect: Dialect,
  { spec, groups, targets, by, now }: RolloutOrder,
): Promise<Acted & { readonly id: string; readonly superseded: readonly string[] }> {
  const waves = readSizes(spec.waves);
  const epoch = await nextEpoch(queries);
  const config = await lockConfig(queries, spec.configId, dialect);
  await getRevision(queries, config.id, spec.revision);
  const assigned = await readAssigned(queries, config.id, groups);
  if (assigned.length < groups.length)
    throw new MusterError("not_found", "there is no such group", { field: "groups" });
  const newest = Math.max(
    await readNewestGiven(queries, config.id, groups),
    ...assigned.map(({ previous }) => previous ?? 0),
  );
  const repeated = { revision: spec.revision, message: `revision ${spec.revision} again`, author: { by, now } };
  const stored = spec.revision < newest ? await repeatRevision(queries, config, repeated) : undefined;
  const revision = stored?.row.revision ?? spec.revision;
  const superseded = await supersedeRollouts(queries, config.id, { by: `a rollout of revision ${revision}`, now });
  const row = await queries
    .insertInto("rollouts")
    .values({
      id: newId(now),
      config_id: config.id,
      revision,
      groups: JSON.stringify(assigned),
      state: "running",
      reason: "it is under way",
      wave: 0,
      wave_at: now,
      waves: JSON.stringify(waves),
      healthy_ms: spec.healthyMs,
      apply_timeout_ms: spec.applyTimeoutMs,
      failure_budget: JSON.stringify(spec.failureBudget),
      created_at: now,
      created_by: by,
      version: 1,
    })
    .returning(["id", "number"])
    .executeTakeFirstOrThrow();
  await insertAgents(queries, dialect, { rollout: row.number, dealt: dealWaves(targets, waves), now });
  return { ...row, given: { epoch, changes: stored?.changes ?? [] }, superseded };
}

/** Ends whatever rollout of a config is under way, since something else was given. Answers which. */
export async function supersedeRollouts(
  queries: Queries,
  configId: string,
  { by, now }: { by: string; now: Timestamp },
): Promise<string[]> {
  const rows = await queries
    .updateTable("rollouts")
    .set(({ eb }) => ({
      state: "superseded",
      reason: `superseded by ${by}`,
      ended_at: now,
      version: eb("version", "+", 1),
    }))
    .where("config_id", "=", configId)
    .where("state", "in", [...OPEN_STATES])
    .returning("id")
    .execute();
  return rows.map((row) => row.id);
}

/** Pauses or cancels. */
export async function stopRollout(
  queries: Queries,
  dialect: Dialect,
  { id, to, by, now }: RolloutAct & { readonly to: "paused" | "cancelled" },
): Promise<Acted> {
  const given = to === "cancelled" ? { epoch: await nextEpoch(queries), changes: [] } : null;
  const row = await lockRollout(queries, dialect, id);
  if (to === "paused" ? row.state !== "running" : !isOpen(row)) throw notNow(row, to);
  const ended = to === "cancelled" ? { ended_at: now } : {};
  await change(queries, row, { state: to, reason: `${to} by ${by}`, ...ended });
  return { number: row.number, given };
}

export async function resumeRollout(queries: Queries, dialect: Dialect, { id, by }: RolloutAct): Promise<Acted> {
  const row = await lockRollout(queries, dialect, id);
  if (row.state !== "paused" && row.state !== "halted") throw notNow(row, "resumed");
  if (row.state === "halted") {
    await queries
      .updateTable("rollout_agents")
      .set({ excused: 1 })
      .where("rollout_number", "=", row.number)
      .where("state", "=", "failed")
      .execute();
  }
  await change(queries, row, { state: "running", reason: `resumed by ${by}` });
  return { number: row.number, given: null };
}

/**
 * Gives back to each group what it had before: as a new revision with the old text, or nothing where the config was new to
 * it. Where nobody has been given anything there is nothing to give back.
 */
export async function rollBack(queries: Queries, dialect: Dialect, { id, by, now }: RolloutAct): Promise<Acted> {
  const epoch = await nextEpoch(queries);
  const row = await lockRollout(queries, dialect, id);
  if (row.state === "rolled_back" || row.state === "superseded") throw notNow(row, "rolled back");
  let config = await lockConfig(queries, row.config_id, dialect);
  await refuseNewer(queries, row);
  const end = async (what: string, changes: CatalogChange[]) => {
    const to = { state: "rolled_back", ended_at: now, reason: `rolled back by ${by}: ${what}` };
    await change(queries, row, to);
    return { number: row.number, given: { epoch, changes } };
  };
  if (row.state !== "done" && !(await hasGiven(queries, row))) return end("no agent had been given it", []);
  const changes: CatalogChange[] = [];
  const words: string[] = [];
  for (const [previous, alike] of Map.groupBy(readGroups(row), (group) => group.previous)) {
    const groups = alike.map((group) => group.id);
    if (previous === null) {
      changes.push(...(await unassign(queries, config.id, groups)));
      words.push("it is taken from groups that did not have it");
      continue;
    }
    const message = `back to revision ${previous}, from ${row.revision}`;
    const author = { by, now };
    const stored = await repeatRevision(queries, config, { revision: previous, message, author });
    config = stored.row;
    const { revision } = config;
    changes.push(...stored.changes, ...(await assignRevision(queries, config, { revision, groups, author })));
    words.push(`revision ${revision} has the text of ${previous}`);
  }
  return end(words.join(", "), changes);
}

/** A rollout cannot give back what somebody has replaced since. */
async function refuseNewer(queries: Queries, row: RolloutRow): Promise<void> {
  const ids = readGroups(row).map(({ id }) => id);
  const assigned = await readAssigned(queries, row.config_id, ids);
  const other = await queries
    .selectFrom("rollouts")
    .select("id")
    .where("config_id", "=", row.config_id)
    .where("state", "in", [...OPEN_STATES])
    .where("number", "!=", row.number)
    .executeTakeFirst();
  if (!other && assigned.every(({ previous }) => (previous ?? 0) <= row.revision)) return;
  throw new MusterError("failed_precondition", "something newer of this config has been given since", { id: row.id });
}

async function hasGiven(queries: Queries, row: RolloutRow): Promise<boolean> {
  const begun = await queries
    .selectFrom("rollout_agents")
    .select("agent_number")
    .where("rollout_number", "=", row.number)
    .where("begun_at", "is not", null)
    .limit(1)
    .executeTakeFirst();
  return begun !== undefined;
}

/** The newest revision that a rollout gave to an agent of these groups; 0 for none. */
async function readNewestGiven(queries: Queries, configId: string, groups: readonly string[]): Promise<number> {
  const rows = await queries
    .selectFrom("rollouts")
    .select(["revision", "groups"])
    .where("config_id", "=", configId)
    .where("state", "in", [...OPEN_STATES, "cancelled", "superseded"])
    .where("wave", ">", 0)
    .execute();
  const sharing = rows.filter((row) => readGroups(row).some(({ id }) => groups.includes(id)));
  return Math.max(0, ...sharing.map((row) => row.revision));
}

async function lockRollout(queries: Queries, { locking }: Dialect, id: string): Promise<RolloutRow> {
  const select = queries.selectFrom("rollouts").selectAll().where("id", "=", id);
  const row = await (locking ? select.forUpdate() : select).executeTakeFirst();
  if (!row) throw new MusterError("not_found", "there is no such rollout", { id });
  return row;
}

async function change(queries: Queries, row: RolloutRow, to: Parameters<typeof changeRollout>[2]): Promise<void> {
  if (await changeRollout(queries, row, to)) return;
  throw new MusterError("conflict", "the rollout was changed at this moment; try again", { id: row.id });
}

function notNow(row: RolloutRow, what: string): MusterError {
  const message = `a rollout that is ${row.state.replace("_", " ")} cannot be ${what}`;
  return new MusterError("failed_precondition", message, { id: row.id, state: row.state });
}

/** Refuses waves that do not grow, or that leave somebody out. */
function readSizes(waves: RolloutSpec["waves"]): CountOrShare[] {
  const sizes = waves as CountOrShare[];
  const refuse = (message: string) => new MusterError("invalid_argument", message, { field: "waves" });
  if (sizes.at(-1) !== "100%") throw refuse('the last wave is everybody: "100%"');
  for (const [index, size] of sizes.entries()) {
    const before = sizes[index - 1];
    if (amountOf(size) <= 0) throw refuse("a wave of nobody proves nothing");
    if (typeof before === typeof size && before !== undefined && amountOf(size) <= amountOf(before))
      throw refuse("each wave says how many have begun with it, so that they grow");
  }
  return sizes;
}

function amountOf(size: CountOrShare): number {
  return typeof size === "number" ? size : Number(size.slice(0, -1));
}
