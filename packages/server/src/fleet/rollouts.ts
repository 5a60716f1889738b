import { type Clock, MusterError, type Timestamp } from "@muster/core";
import type {
  Page,
  Rollout,
  RolloutAgent,
  RolloutAgentListQuery,
  RolloutError,
  RolloutListQuery,
  RolloutSpec,
} from "@muster/core/resources";
import type { Queries, Store } from "../store/store.ts";
import { readCursor, writeCursor } from "./agent-query.ts";
import type { Audit } from "./audit.ts";
import type { CatalogChange } from "./config-catalog.ts";
import type { Elections } from "./elections.ts";
import type { Feed } from "./feed.ts";
import { type Acted, resumeRollout, rollBack, startRollout, stopRollout } from "./rollout-acts.ts";
import type { Given } from "./rollout-configs.ts";
import { RolloutPlan } from "./rollout-plan.ts";
import {
  countWaves,
  isOpen,
  OPEN_STATES,
  type RolloutNames,
  type RolloutRow,
  readGroups,
  toRollout,
} from "./rollout-rows.ts";
import { type StepResult, syncAgents, takeStep } from "./rollout-steps.ts";
import { findTargets } from "./rollout-targets.ts";
import { groupErrors, listRolloutAgents } from "./rollout-views.ts";

/** What rollouts need of the configs. */
export interface RolloutConfigs {
  /** Takes over what groups have from this epoch on. */
  commit(epoch: number, changes: readonly CatalogChange[]): Promise<void>;
  /** What rollouts give has changed, and `RolloutPlan` knows it already. */
  rolloutsChanged(epoch: number): Promise<void>;
}

interface RolloutsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: Feed;
  readonly elections: Pick<Elections, "stand">;
  readonly audit: Pick<Audit, "record">;
  readonly configs: RolloutConfigs;
  readonly processId: string;
}

/** How often it is looked who joined or left the groups of a rollout. */
const SYNC_MS = 10_000;
/** Who steps; one of all processes. */
const ELECTION = { realm: "server", namespace: "rollouts" };
const STAND_MS = 5000;
const PRUNE_ROLLOUTS = 20;

/** Gives revisions of configs to groups, in waves that are held until the agents are well. */
export class Rollouts {
  /** What agents were given, for whoever decides what they want. */
  readonly plan: RolloutPlan;
  readonly #parts: RolloutsParts;
  readonly #syncedAt = new Map<number, number>();
  #stoodAt = Number.NEGATIVE_INFINITY;
  #isElected = false;

  constructor(parts: RolloutsParts) {
    this.#parts = parts;
    this.plan = new RolloutPlan(parts);
  }

  /**
   * Begins to give a revision to groups. What is under way for the same config is superseded. An older revision than what
   * the groups have is given as a new one with its text.
   */
  async start(spec: RolloutSpec, by: string): Promise<Rollout> {
    const { store, clock } = this.#parts;
    const groups = await this.#resolveGroups(spec.groups);
    const targets = await findTargets(store.db, spec.configId, groups);
    const started = await store.transaction((queries) =>
      startRollout(queries, store.dialect, { spec, groups, targets, by, now: clock.now() }),
    );
    for (const id of started.superseded) await this.#note(id, "rollouts.superseded", by);
    await this.#give(started.given);
    await this.#stepAll(started.number);
    return this.get(started.id);
  }

  async get(id: string): Promise<Rollout> {
    const [rollout] = await this.#show([await this.#getRow(id)]);
    if (!rollout) throw new MusterError("not_found", "there is no such rollout", { id });
    return rollout;
  }

  /** The newest first. */
  async list(query: RolloutListQuery): Promise<Page<Rollout>> {
    const limit = Number(query.limit ?? 100);
    let rows = this.#parts.store.db.selectFrom("rollouts").selectAll();
    if (query.configId !== undefined) rows = rows.where("config_id", "=", query.configId);
    if (query.state !== undefined) rows = rows.where("state", "=", query.state);
    if (query.cursor !== undefined) rows = rows.where("number", "<", readCursor(query.cursor)[1]);
    const found = await rows
      .orderBy("number", "desc")
      .limit(limit + 1)
      .execute();
    const last = found.length > limit ? found[limit - 1] : undefined;
    return { items: await this.#show(found.slice(0, limit)), nextCursor: last ? writeCursor("", last.number) : null };
  }

  async agents(id: string, query: RolloutAgentListQuery): Promise<Page<RolloutAgent>> {
    return listRolloutAgents(this.#parts.store.db, (await this.#getRow(id)).number, query);
  }

  /** What those that failed say, the same words once, the most frequent first. */
  async errors(id: string): Promise<RolloutError[]> {
    return groupErrors(this.#parts.store.db, (await this.#getRow(id)).number);
  }

  /** Nobody new is given anything until it is resumed. */
  async pause(id: string, by: string): Promise<Rollout> {
    return this.#act(id, (queries, now) =>
      stopRollout(queries, this.#parts.store.dialect, { id, to: "paused", by, now }),
    );
  }

  /** Goes on. After a halt the failures that were there are not counted again. */
  async resume(id: string, by: string): Promise<Rollout> {
    return this.#act(id, (queries, now) => resumeRollout(queries, this.#parts.store.dialect, { id, by, now }));
  }

  /** Ends it. Who was given the revision keeps it until there is a newer one; where the config was new it is taken away. */
  async cancel(id: string, by: string): Promise<Rollout> {
    return this.#act(id, (queries, now) =>
      stopRollout(queries, this.#parts.store.dialect, { id, to: "cancelled", by, now }),
    );
  }

  /** Gives the groups, at once, what they had before, as a new revision. */
  async rollBack(id: string, by: string): Promise<Rollout> {
    return this.#act(id, (queries, now) => rollBack(queries, this.#parts.store.dialect, { id, by, now }));
  }

  /** Brings every open rollout a step further, where this process is the one that does. Called about every second. */
  async run(now: Timestamp): Promise<void> {
    const open = await this.#parts.store.db
      .selectFrom("rollouts")
      .select("number")
      .where("state", "in", [...OPEN_STATES])
      .orderBy("number")
      .execute();
    for (const number of this.#syncedAt.keys())
      if (!open.some((row) => row.number === number)) this.#syncedAt.delete(number);
    if (this.plan.isStale) {
      await this.plan.reload();
      await this.#parts.configs.rolloutsChanged(0);
    }
    if (open.length === 0 || !(await this.#stand(now))) return;
    const failures: unknown[] = [];
    for (const { number } of open) await this.#stepAll(number).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Deletes rollouts that ended before this instant and give nothing any more; a few per transaction. */
  async prune(before: Timestamp): Promise<void> {
    const { db } = this.#parts.store;
    await this.plan.reload();
    const giving = new Set([...this.plan.open()].map(({ rolloutId }) => rolloutId));
    const ended = await db.selectFrom("rollouts").select(["id", "number"]).where("ended_at", "<", before).execute();
    const old = ended.filter(({ id }) => !giving.has(id)).map(({ number }) => number);
    for (let start = 0; start < old.length; start += PRUNE_ROLLOUTS) {
      const numbers = old.slice(start, start + PRUNE_ROLLOUTS);
      await db.deleteFrom("rollouts").where("number", "in", numbers).execute();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #act(id: string, act: (queries: Queries, now: Timestamp) => Promise<Acted>): Promise<Rollout> {
    const { store, clock } = this.#parts;
    const { number, given } = await store.transaction((queries) => act(queries, clock.now()));
    await this.#give(given);
    await this.#stepAll(number);
    const rollout = await this.get(id);
    this.#parts.feed.publish({ kind: "configs", configId: rollout.configId, agentId: null });
    return rollout;
  }

  /** Steps until it has to wait for agents: waves of which nobody is there pass at once. */
  async #stepAll(number: number): Promise<void> {
    const { store } = this.#parts;
    for (let again = true; again; ) {
      const row = await store.db.selectFrom("rollouts").selectAll().where("number", "=", number).executeTakeFirst();
      if (!row) return;
      const context = { store, now: this.#parts.clock.now() };
      const synced = await this.#sync(context, row);
      const result = synced ?? (await takeStep(context, row));
      again = synced !== undefined || result.again;
      await this.#tell(row, result);
    }
  }

  /** Undefined where it was looked at not long ago, or nobody joined or left. */
  async #sync(context: { store: Store; now: Timestamp }, row: RolloutRow): Promise<StepResult | undefined> {
    const last = this.#syncedAt.get(row.number) ?? row.created_at;
    if (!isOpen(row) || context.now - last < SYNC_MS) return undefined;
    this.#syncedAt.set(row.number, context.now);
    const groups = readGroups(row).map(({ id }) => id);
    const targets = await findTargets(context.store.db, row.config_id, groups);
    return syncAgents(context, row, targets);
  }

  async #tell(row: RolloutRow, { changed, given, stopped }: StepResult): Promise<void> {
    if (changed) this.#parts.feed.publish({ kind: "configs", configId: row.config_id, agentId: null });
    await this.#give(given);
    if (stopped) await this.#note(row.id, `rollouts.${stopped}`, "server");
  }

  /** Another process that steps as well does no harm; it is only work for nothing. */
  async #stand(now: Timestamp): Promise<boolean> {
    if (now - this.#stoodAt < STAND_MS && this.#isElected) return true;
    this.#stoodAt = now;
    this.#isElected = (await this.#parts.elections.stand(ELECTION, this.#parts.processId)).isElected;
    return this.#isElected;
  }

  /** Lets agents want what the store says that they are given. */
  async #give(given: Given | null): Promise<void> {
    if (given === null) return;
    const { configs } = this.#parts;
    // what groups have is known before what they were given is forgotten: nobody falls back in between
    if (given.changes.length > 0) await configs.commit(given.epoch, given.changes);
    await this.plan.reload();
    await configs.rolloutsChanged(given.epoch);
  }

  async #note(id: string, action: string, actor: string): Promise<void> {
    await this.#parts.audit.record({ actor, address: null, action, target: id, outcome: "ok" });
  }

  /** Ids or names; ids of groups that there are. */
  async #resolveGroups(words: readonly string[]): Promise<string[]> {
    const rows = await this.#parts.store.db
      .selectFrom("groups")
      .select(["id", "name"])
      .where((where) => where.or([where("id", "in", [...words]), where("name", "in", [...words])]))
      .execute();
    const ids = words.map((word) => (rows.find(({ id }) => id === word) ?? rows.find(({ name }) => name === word))?.id);
    const unknown = words.filter((_, index) => ids[index] === undefined);
    if (unknown.length > 0)
      throw new MusterError("not_found", "there is no such group", { field: "groups", groups: unknown.slice(0, 20) });
    return [...new Set(ids.filter((id) => id !== undefined))];
  }

  async #getRow(id: string): Promise<RolloutRow> {
    const row = await this.#parts.store.db.selectFrom("rollouts").selectAll().where("id", "=", id).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such rollout", { id });
    return row;
  }

  async #show(rows: readonly RolloutRow[]): Promise<Rollout[]> {
    if (rows.length === 0) return [];
    const { db } = this.#parts.store;
    const counts = await countWaves(
      db,
      rows.map((row) => row.number),
    );
    const configs = await db
      .selectFrom("configs")
      .select(["id", "name"])
      .where("id", "in", [...new Set(rows.map((row) => row.config_id))])
      .execute();
    const groupIds = [...new Set(rows.flatMap((row) => readGroups(row).map(({ id }) => id)))];
    const groups = await db.selectFrom("groups").select(["id", "name"]).where("id", "in", groupIds).execute();
    const names: RolloutNames = {
      configName: (id) => configs.find((config) => config.id === id)?.name ?? "",
      groupName: (id) => groups.find((group) => group.id === id)?.name ?? "",
    };
    return rows.map((row) => toRollout(row, counts.get(row.number) ?? [], names));
  }
}
