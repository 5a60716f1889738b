import type { AgentId, Clock, Timestamp } from "@muster/core";
import { MusterError } from "@muster/core";
import type {
  AgentConfig,
  Config,
  ConfigKind,
  ConfigListQuery,
  ConfigPlan as ConfigPreview,
  ConfigRevision,
  Page,
} from "@muster/core/resources";
import type { Bus } from "../bus/bus.ts";
import type { Queries, Store } from "../store/store.ts";
import { slices } from "../store/store.ts";
import { type AgentRow, toTraits } from "./agent-rows.ts";
import { type AgentState, workingSession } from "./agent-state.ts";
import { Catalog, type CatalogChange, type Revision } from "./config-catalog.ts";
import type { ConfigDelivery, HeldConfig, WantedConfig } from "./config-delivery.ts";
import { nextEpoch } from "./config-epoch.ts";
import { listKinds } from "./config-kinds.ts";
import { newMemory } from "./config-memory.ts";
import { ConfigPlan } from "./config-plan.ts";
import type { RolloutOverrides } from "./config-rollout-seam.ts";
import {
  assignConfig,
  type ConfigEdit,
  changeConfig,
  createConfig,
  getRevision,
  getRow,
  giveToAll,
  type NewConfig,
  removeConfig,
} from "./config-rows.ts";
import { ConfigSync } from "./config-sync.ts";
import { ConfigTruth, type TruthChange, toTruth } from "./config-truth.ts";
import { type Assignment, ConfigViews } from "./config-views.ts";
import type { Feed } from "./feed.ts";
import type { Registry } from "./registry.ts";

interface ConfigsParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly feed: Feed;
  readonly registry: Registry;
  readonly readSecrets: () => Promise<ReadonlyMap<string, string>>;
}

/** What a transaction answers and what follows from it. */
interface Work<Result> {
  readonly result: Result;
  readonly changes: readonly CatalogChange[];
  /** A rollout may have ended by it. */
  readonly superseded?: boolean;
}

/** Agents looked at in one turn of the event loop. */
const AGENTS_PER_TURN = 500;

/**
 * Named documents for agents: their revisions, which groups have which, and what every agent should have and has.
 * Whatever is changed here is stored, and answered by `wantedFor` in this process, when the promise resolves; other
 * processes follow within a second. Doors use the part that `ConfigDelivery` names, and are told of changes by
 * `AgentPeer.onConfigs`; watchers by `configs` events of the feed. Errors are MusterErrors: not_found for a config, group or
 * revision that there is none of, already_exists for a name, invalid_argument with `field`, conflict for `baseRevision`.
 */
export class Configs implements ConfigDelivery {
  readonly #parts: ConfigsParts;
  readonly #catalog = new Catalog();
  readonly #plan: ConfigPlan;
  readonly #sync: ConfigSync;
  readonly #truth: ConfigTruth;
  readonly #views: ConfigViews;
  #announcing: Promise<void> | undefined;
  #announceAgain = false;
  #stopped = false;

  constructor(parts: ConfigsParts) {
    this.#parts = parts;
    const catalog = this.#catalog;
    this.#plan = new ConfigPlan({ ...parts, catalog });
    this.#sync = new ConfigSync({
      ...parts,
      catalog,
      needed: () => this.#needed(),
      onChanged: (since) => this.#onChanged(since),
      onHint: (agents) => void this.#reloadTruths(agents).catch(() => {}), // the failure is told again by the agent
    });
    this.#truth = new ConfigTruth({
      ...parts,
      catalog,
      plan: this.#plan,
      onStored: (changes) => this.#onTruth(changes),
    });
    this.#views = new ConfigViews({ ...parts, catalog, plan: this.#plan, truth: this.#truth });
    parts.registry.useConfigs({
      met: (states) => this.#load(states),
      learned: (state) => this.#look(state),
    });
  }

  async start(): Promise<void> {
    await this.#sync.start();
    this.#truth.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sync.stop();
    await this.#announcing;
    await this.#truth.stop();
  }

  // What doors use.

  wantedFor(state: AgentState): readonly WantedConfig[] {
    const { memory, changed } = this.#plan.refresh(state);
    if (changed) this.#truth.wants(state, memory);
    memory.pushed = memory.wanted;
    return memory.wanted;
  }

  fetch(state: AgentState, kind: string, name: string): WantedConfig | undefined {
    const found = this.#plan.refresh(state).memory.wanted.find((config) => config.name === name);
    return found?.kind === kind ? found : undefined;
  }

  report(state: AgentState, kinds: readonly string[], held: readonly HeldConfig[]): void {
    this.#truth.report(state, kinds, held);
  }

  /** Everything that agents said so far is stored when it resolves. */
  flush(): Promise<void> {
    return this.#truth.flush();
  }

  // What people and programs use. `by` is the audit's actor.

  kinds(): readonly ConfigKind[] {
    return listKinds();
  }

  get(idOrName: string): Promise<Config> {
    return this.#views.get(idOrName);
  }

  list(query: ConfigListQuery): Promise<Page<Config>> {
    return this.#views.list(query);
  }

  /** Newest first. */
  revisions(id: string): Promise<ConfigRevision[]> {
    return this.#views.revisions(id);
  }

  revision(id: string, revision: number): Promise<ConfigRevision> {
    return this.#views.revision(id, revision);
  }

  async create(write: NewConfig, by: string): Promise<Config> {
    const id = await this.#change(async (queries) => {
      const { row, changes } = await createConfig(queries, write, this.#author(by));
      return { result: row.id, changes };
    });
    return this.get(id);
  }

  /**
   * Writes a revision; nothing new, no revision. It reaches nobody until a rollout or an assignment gives it, or `give` does:
   * then every group that has the config has it in the same transaction, and a rollout of the config is superseded.
   */
  async change(idOrName: string, edit: ConfigEdit, by: string, { give = false } = {}): Promise<Config> {
    const author = this.#author(by);
    const id = await this.#change(async (queries) => {
      const before = await getRow(queries, idOrName);
      const { row, changes } = await changeConfig(queries, before, { edit, author });
      if (!give || changes.length === 0) return { result: row.id, changes };
      await this.#plan.rollouts.supersede(queries, row.id, by);
      const given = await giveToAll(queries, row, { revision: row.revision, author });
      return { result: row.id, changes: [...changes, ...given], superseded: true };
    });
    return this.get(id);
  }

  /** Agents lose it. Its name may come back, with greater revisions. */
  async remove(idOrName: string, by: string): Promise<void> {
    await this.#change(async (queries) => {
      const row = await getRow(queries, idOrName);
      await this.#plan.rollouts.supersede(queries, row.id, by);
      const changes = await removeConfig(queries, row, this.#author(by));
      return { result: undefined, changes, superseded: true };
    });
  }

  /** Gives a group a revision, the newest when none is said, at once. `isNew`: the group did not have the config before. */
  async assign(
    configId: string,
    groupId: string,
    revision: number | undefined,
    by: string,
  ): Promise<{ isNew: boolean; revision: number }> {
    return this.#change(async (queries) => {
      const row = await getRow(queries, configId);
      const given = revision ?? row.revision;
      const { isNew, changes } = await assignConfig(queries, row, {
        groupId,
        revision: given,
        author: this.#author(by),
      });
      return { result: { isNew, revision: given }, changes };
    });
  }

  /** False when the group did not have it. */
  async unassign(configId: string, groupId: string, _by: string): Promise<boolean> {
    return this.#change(async (queries) => {
      const { id } = await getRow(queries, configId);
      const gone = await queries
        .deleteFrom("config_assignments")
        .where("config_id", "=", id)
        .where("group_id", "=", groupId)
        .executeTakeFirst();
      const isGone = gone.numDeletedRows > 0n;
      return { result: isGone, changes: isGone ? [{ kind: "unassigned", configId: id, groupId }] : [] };
    });
  }

  assignments(query: { configId?: string; groupId?: string } = {}): Promise<Assignment[]> {
    return this.#views.assignments(query);
  }

  /** What one agent should have and has, in the order in which it merges. */
  ofAgent(agentId: string): Promise<AgentConfig[]> {
    return this.#views.ofAgent(agentId);
  }

  /** Everybody who should have a config or has it. */
  agentsOf(
    configId: string,
    query: { limit: number; cursor?: string | undefined; status?: string | undefined },
  ): Promise<Page<AgentConfig>> {
    return this.#views.agentsOf(configId, query);
  }

  /** What would change if these groups had this revision. Nothing is stored. */
  async plan(write: { configId: string; revision: number; groups: readonly string[] }): Promise<ConfigPreview> {
    const { id } = await getRow(this.#parts.store.db, write.configId);
    await getRevision(this.#parts.store.db, id, write.revision);
    await this.#sync.ensureTexts([{ configId: id, revision: write.revision }]);
    return this.#views.plan({ ...write, configId: id });
  }

  /** Offers an agent again what failed on it. */
  async retry(agentId: string, configId: string, _by: string): Promise<void> {
    await this.#truth.flush();
    const config = await getRow(this.#parts.store.db, configId);
    const state = this.#parts.registry.get(agentId as AgentId);
    const number = await this.#change(async (queries, epoch) => {
      const agent = await queries.selectFrom("agents").select("number").where("id", "=", agentId).executeTakeFirst();
      if (!agent) throw new MusterError("not_found", "there is no such agent", { id: agentId });
      const gone = await queries
        .updateTable("agent_configs")
        .set({ failed_revision: null, status: "pending", error: null, since: this.#parts.clock.now() })
        .where("agent_number", "=", agent.number)
        .where("config_id", "=", config.id)
        .where("status", "=", "failed")
        .executeTakeFirst();
      if (gone.numUpdatedRows === 0n)
        throw new MusterError("failed_precondition", "it has not failed on this agent", { id: agentId });
      await queries.updateTable("agents").set({ touched_epoch: epoch }).where("number", "=", agent.number).execute();
      return { result: agent.number, changes: [] };
    });
    if (state) this.#truth.forgive(state, config.id);
    if (state) this.#look(state);
    this.#sync.hint([number]);
    this.#publish(config.id, agentId as AgentId);
  }

  // What other parts of the fleet use.

  /** Lets rollouts decide beside assignments. Call it before `start`. */
  useRollouts(rollouts: RolloutOverrides): void {
    this.#plan.useRollouts(rollouts);
  }

  /** Rollouts have changed in a transaction of this epoch; `changes` are assignments that were changed with them. */
  async rolloutsChanged(epoch: number, changes: readonly CatalogChange[] = []): Promise<void> {
    await this.#sync.ensureTexts(this.#plan.rollouts.open());
    this.#plan.rolloutsChanged();
    await this.#sync.commit(epoch, changes);
  }

  /** Something that decides what agents have was stored with this epoch. */
  commit(epoch: number, changes: readonly CatalogChange[]): Promise<void> {
    return this.#sync.commit(epoch, changes);
  }

  /** A person changed an agent's name or labels in this epoch. */
  async agentTouched(epoch: number, row: AgentRow): Promise<void> {
    const state = this.#parts.registry.getByNumber(row.number);
    if (state) state.traits = toTraits(row);
    await this.#sync.commit(epoch, []);
  }

  #author(by: string): { by: string; now: Timestamp } {
    return { by, now: this.#parts.clock.now() };
  }

  async #change<Result>(work: (queries: Queries, epoch: number) => Promise<Work<Result>>): Promise<Result> {
    const stored = await this.#parts.store.transaction(async (queries) => {
      const epoch = await nextEpoch(queries);
      return { epoch, ...(await work(queries, epoch)) };
    });
    if (stored.superseded) await this.#reloadRollouts();
    await this.#sync.commit(stored.epoch, stored.changes);
    for (const configId of new Set(stored.changes.flatMap(configOf))) this.#publish(configId, null);
    return stored.result;
  }

  #publish(configId: string | null, agentId: AgentId | null): void {
    if (this.#parts.feed.watched) this.#parts.feed.publish({ kind: "configs", configId, agentId });
  }

  /** Revisions that agents may be given beside those of their groups: rollouts', and what they run. */
  *#needed(): Generator<Revision> {
    for (const { configId, revision } of this.#plan.rollouts.open()) yield { configId, revision };
    for (const state of this.#parts.registry.states())
      for (const { configId, applied } of state.configs?.truths.values() ?? [])
        if (applied !== null) yield { configId, revision: applied };
  }

  async #onChanged(since: number | null): Promise<void> {
    if (since !== null) {
      await this.#reloadRollouts();
      if (since >= 0) await this.#readTouched(since);
      this.#publish(null, null);
    }
    this.#announce();
  }

  async #reloadRollouts(): Promise<void> {
    await this.#plan.rollouts.reload();
    await this.#sync.ensureTexts(this.#plan.rollouts.open());
    this.#plan.rolloutsChanged();
  }

  /** Agents of which a person has changed something through another process. */
  async #readTouched(since: number): Promise<void> {
    const { store, registry } = this.#parts;
    const rows = await store.db.selectFrom("agents").selectAll().where("touched_epoch", ">", since).execute();
    const states: AgentState[] = [];
    for (const row of rows) {
      const state = registry.getByNumber(row.number);
      if (!state) continue;
      state.traits = toTraits(row);
      states.push(state);
    }
    await this.#load(states);
  }

  async #reloadTruths(agents: readonly number[]): Promise<void> {
    const { registry } = this.#parts;
    await this.#load(agents.map((number) => registry.getByNumber(number)).filter((state) => state !== undefined));
    if (agents.length > 0) this.#announce();
  }

  /** Reads what is stored of agents that this process has not met before, or that another one knows better. */
  async #load(states: readonly AgentState[]): Promise<void> {
    const { store } = this.#parts;
    const byNumber = new Map(states.map((state) => [state.number, state]));
    const truths = new Map<AgentState, ReturnType<typeof toTruth>[]>();
    for (const slice of slices([...byNumber.keys()], 1, store.dialect)) {
      const rows = await store.db.selectFrom("agent_configs").selectAll().where("agent_number", "in", slice).execute();
      for (const row of rows) {
        const state = byNumber.get(row.agent_number);
        if (state) truths.set(state, [...(truths.get(state) ?? []), toTruth(row)]);
      }
    }
    for (const [state, list] of truths)
      state.configs = newMemory(state.traits, new Map(list.map((truth) => [truth.configId, truth])));
    const applied = [...truths.values()].flat().filter((truth) => truth.applied !== null);
    await this.#sync.ensureTexts(applied.map(({ configId, applied }) => ({ configId, revision: Number(applied) })));
  }

  async #onTruth(changes: readonly TruthChange[]): Promise<void> {
    for (const { state, configId } of changes) this.#publish(configId, state.id);
    const failed = changes.filter(({ hasFailed }) => hasFailed).map(({ state }) => state.number);
    for (let start = 0; start < failed.length; start += 1000) this.#sync.hint(failed.slice(start, start + 1000));
    const applied = changes.flatMap(({ state, configId }) => {
      const revision = state.configs?.truths.get(configId)?.applied ?? null;
      return revision === null ? [] : [{ configId, revision }];
    });
    if (await this.#sync.ensureTexts(applied)) this.#announce();
    else for (const state of new Set(changes.map((change) => change.state))) this.#look(state);
  }

  /** Looks whether connected agents want something else now, and tells them. */
  #announce(): void {
    if (this.#stopped) return;
    if (this.#announcing) {
      this.#announceAgain = true;
      return;
    }
    this.#announcing = this.#announceAll().finally(() => {
      this.#announcing = undefined;
      if (!this.#announceAgain) return;
      this.#announceAgain = false;
      this.#announce();
    });
  }

  async #announceAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // changes that come close to each other are told together
    let count = 0;
    for (const state of this.#parts.registry.states()) {
      if (this.#stopped) return;
      this.#look(state);
      if (++count % AGENTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #look(state: AgentState): void {
    const session = workingSession(state);
    if (!session) return;
    const { memory } = this.#plan.refresh(state);
    this.#truth.wants(state, memory);
    const { wanted } = this.#plan.refresh(state).memory;
    if (memory.pushed === null || memory.pushed === wanted || !session.peer.onConfigs) return;
    memory.pushed = wanted;
    session.peer.onConfigs(wanted);
  }
}

function configOf(change: CatalogChange): string[] {
  if (change.kind === "config") return [change.config.id];
  return "configId" in change ? [change.configId] : [];
}
