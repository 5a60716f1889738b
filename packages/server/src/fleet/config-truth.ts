import { type Clock, CONFIG_LIMITS, type Timestamp } from "@muster/core";
import type { ConfigStatus } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { AgentConfigsTable } from "../store/config-tables.ts";
import { type Queries, type Store, slices } from "../store/store.ts";
import type { AgentState } from "./agent-state.ts";
import type { Catalog } from "./config-catalog.ts";
import type { HeldConfig } from "./config-delivery.ts";
import type { ConfigMemory, Outcome, Truth } from "./config-memory.ts";
import type { ConfigPlan } from "./config-plan.ts";

const FLUSH_MS = 200;
/** Written in one transaction. */
const BATCH = 1000;

interface TruthParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly plan: ConfigPlan;
  /** What agents say has changed; after it is stored. */
  readonly onStored: (changes: readonly TruthChange[]) => Promise<void>;
}

export interface TruthChange {
  readonly state: AgentState;
  readonly configId: string;
  readonly hasFailed: boolean;
}

/** What agents make of their configs: compared with what they should have, and written in batches where it changed. */
export class ConfigTruth {
  readonly #parts: TruthParts;
  #dirty = new Map<AgentState, Set<string>>();
  #flushing: Promise<void> = Promise.resolve();
  #stop: (() => void) | undefined;

  constructor(parts: TruthParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stop = this.#parts.clock.every(FLUSH_MS, () => void this.flush());
  }

  async stop(): Promise<void> {
    this.#stop?.();
    await this.flush();
  }

  /** Takes over what an agent says. Costs next to nothing when it says the same as before. */
  report(state: AgentState, kinds: readonly string[], held: readonly HeldConfig[]): void {
    const { memory } = this.#parts.plan.refresh(state);
    if (memory.toldVersion === memory.version && saysTheSame(memory.told, held)) return;
    memory.told = held;
    this.#compare(state, memory, { kinds, held });
    // what it is offered may be another number, now that it is known what it has
    if (this.#parts.plan.refresh(state).changed) this.#compare(state, memory, { kinds, held });
    this.#parts.plan.refresh(state);
    memory.toldVersion = memory.version;
  }

  #compare(
    state: AgentState,
    memory: ConfigMemory,
    { kinds, held }: { kinds: readonly string[]; held: readonly HeldConfig[] },
  ): void {
    const ids = new Set<string>();
    for (const config of held) {
      const known = this.#parts.catalog.byName.get(config.name);
      if (!known || known.kind !== config.kind || ids.has(known.id)) continue;
      ids.add(known.id);
      this.#holds(state, memory, { configId: known.id, held: config });
    }
    for (const configId of new Set([...memory.outcomes.keys(), ...memory.truths.keys()])) {
      const kind = this.#parts.catalog.configs.get(configId)?.kind;
      if (!ids.has(configId) && (kind === undefined || kinds.includes(kind))) this.#lacks(state, memory, configId);
    }
  }

  /** Notes what an agent should have now, before it says anything of it. */
  wants(state: AgentState, memory: ConfigMemory): void {
    for (const [configId, outcome] of memory.outcomes) {
      const truth = memory.truths.get(configId);
      if (truth?.wanted === outcome.revision && (outcome.reason === null || outcome.reason === truth.error)) continue;
      const base = truth ?? newTruth(configId, this.#parts.clock.now());
      const runs = truth !== undefined && truth.held !== null && truth.held === outcome.offered?.revision;
      this.#settle(state, memory, { ...base, ...this.#verdict(base, outcome, runs ? "applied" : "pending") });
    }
    for (const truth of memory.truths.values()) {
      if (!this.#parts.catalog.configs.has(truth.configId)) memory.truths.delete(truth.configId);
      else if (truth.wanted === null || memory.outcomes.has(truth.configId)) continue;
      else if (truth.held === null) this.#drop(state, memory, truth.configId);
      else this.#settle(state, memory, { ...truth, wanted: null, status: "pending", error: null });
    }
  }

  /** Lets an agent be offered again what failed on it. */
  forgive(state: AgentState, configId: string): void {
    const memory = state.configs;
    const truth = memory?.truths.get(configId);
    if (!memory || !truth) return;
    const status = truth.wanted === truth.applied ? "applied" : "pending";
    this.#settle(state, memory, { ...truth, failedRevision: null, status, error: null });
  }

  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  #holds(state: AgentState, memory: ConfigMemory, { configId, held }: { configId: string; held: HeldConfig }): void {
    const outcome = memory.outcomes.get(configId);
    const before = memory.truths.get(configId);
    const base = before ?? newTruth(configId, this.#parts.clock.now());
    // whoever cannot say how it is with a config may name a number that never was: the originals call that the same
    const told = held.status === "unknown" ? this.#known(configId, held.revision) : held.revision;
    const number = told ?? outcome?.offered?.revision ?? null;
    const isOffered = number !== null && number === outcome?.offered?.revision;
    if (held.status === "failed") {
      const failed = isOffered ? outcome.offeredRevision : number;
      if (failed !== outcome?.revision) return; // an older one that is on its way out
      const error = (held.error ?? "it refused the config").slice(0, CONFIG_LIMITS.errorLength);
      this.#settle(state, memory, {
        ...base,
        wanted: outcome.revision,
        failedRevision: failed,
        status: "failed",
        error,
      });
      return;
    }
    if (held.status === "pending" || held.status === "applying") {
      const verdict = outcome && this.#verdict(base, outcome, held.status);
      this.#settle(state, memory, { ...base, ...verdict });
      return;
    }
    const given = isOffered ? outcome.offered.digest : this.#digestOf(configId, number, before);
    const runs = {
      ...base,
      held: number,
      applied: isOffered ? outcome.offeredRevision : this.#known(configId, number),
      digest: held.digest ?? given,
      drifted: (held.digest !== null && given !== null && held.digest !== given) || (before === undefined && !outcome),
    };
    const verdict = outcome
      ? this.#verdict(runs, outcome, isOffered ? "applied" : "applying")
      : { wanted: null, status: "applying" as const, error: null };
    this.#settle(state, memory, { ...runs, ...verdict });
  }

  #lacks(state: AgentState, memory: ConfigMemory, configId: string): void {
    const outcome = memory.outcomes.get(configId);
    if (!outcome) {
      if (memory.truths.has(configId)) this.#drop(state, memory, configId);
      return;
    }
    const base = memory.truths.get(configId) ?? newTruth(configId, this.#parts.clock.now());
    const without = { ...base, held: null, applied: null, digest: null, drifted: false };
    this.#settle(state, memory, { ...without, ...this.#verdict(without, outcome, "applying") });
  }

  /** A revision that failed, or that cannot be made, stays failed whatever else the agent runs. */
  #verdict(
    truth: Truth,
    outcome: Outcome,
    status: ConfigStatus,
  ): Pick<Truth, "wanted" | "status" | "error" | "failedRevision"> {
    const wanted = outcome.revision;
    if (truth.failedRevision === wanted)
      return { wanted, status: "failed", error: truth.error, failedRevision: truth.failedRevision };
    const { reason } = outcome;
    if (reason !== null) return { wanted, status: "failed", error: reason, failedRevision: null };
    const isOut = status === "applied" && outcome.offeredRevision === wanted;
    return { wanted, status: isOut || status !== "applied" ? status : "pending", error: null, failedRevision: null };
  }

  #known(configId: string, number: number | null): number | null {
    const newest = this.#parts.catalog.configs.get(configId)?.revision ?? 0;
    return number !== null && number >= 1 && number <= newest ? number : null;
  }

  #digestOf(configId: string, number: number | null, before: Truth | undefined): string | null {
    if (number === null) return null;
    if (before?.held === number) return before.digest;
    const text = this.#parts.catalog.text(configId, number);
    return text?.isPlain ? text.digest : null;
  }

  #settle(state: AgentState, memory: ConfigMemory, next: Truth): void {
    const before = memory.truths.get(next.configId);
    if (before && isSameTruth(before, next)) return;
    const isNews = !before || before.status !== next.status || before.applied !== next.applied;
    const since = isNews || before.wanted !== next.wanted ? this.#parts.clock.now() : before.since;
    memory.truths.set(next.configId, { ...next, since });
    this.#mark(state, memory, next.configId);
  }

  #drop(state: AgentState, memory: ConfigMemory, configId: string): void {
    memory.truths.delete(configId);
    this.#mark(state, memory, configId);
  }

  #mark(state: AgentState, memory: ConfigMemory, configId: string): void {
    memory.version = -1; // what it is offered depends on what it has
    const configs = this.#dirty.get(state) ?? new Set();
    this.#dirty.set(state, configs.add(configId));
  }

  async #write(): Promise<void> {
    if (this.#dirty.size === 0) return;
    const dirty = this.#dirty;
    this.#dirty = new Map();
    const changes = [...dirty].flatMap(([state, ids]) => [...ids].map((configId) => toChange(state, configId)));
    for (let start = 0; start < changes.length; start += BATCH) {
      const batch = changes.slice(start, start + BATCH);
      try {
        await this.#parts.store.transaction((queries) => writeTruths(queries, this.#parts.store, batch));
      } catch {
        this.#keep(changes.slice(start)); // the store is away: with the next flush
        return;
      }
      await this.#parts.onStored(batch).catch(() => {}); // texts that could not be read are read when they are needed
    }
  }

  #keep(changes: readonly TruthChange[]): void {
    for (const { state, configId } of changes) {
      if (!this.#parts.catalog.configs.has(configId)) continue;
      const configs = this.#dirty.get(state) ?? new Set();
      this.#dirty.set(state, configs.add(configId));
    }
  }
}

function toChange(state: AgentState, configId: string): TruthChange {
  return { state, configId, hasFailed: state.configs?.truths.get(configId)?.status === "failed" };
}

/** Writes the truths of configs that are there; those that are gone from memory are deleted. */
async function writeTruths(queries: Queries, store: Store, changes: readonly TruthChange[]): Promise<void> {
  const kept: AgentConfigsTable[] = [];
  for (const { state, configId } of changes) {
    const truth = state.configs?.truths.get(configId);
    if (truth) kept.push(toRow(state.number, truth));
    else
      await queries
        .deleteFrom("agent_configs")
        .where("agent_number", "=", state.number)
        .where("config_id", "=", configId)
        .execute();
  }
  const known = await existing(queries, store, kept);
  const rows = kept.filter((row) => known.agents.has(row.agent_number) && known.configs.has(row.config_id));
  for (const slice of slices(rows, 10, store.dialect)) {
    await queries
      .insertInto("agent_configs")
      .values([...slice])
      .onConflict((conflict) =>
        conflict.columns(["agent_number", "config_id"]).doUpdateSet((update) => ({
          wanted: update.ref("excluded.wanted"),
          applied: update.ref("excluded.applied"),
          held: update.ref("excluded.held"),
          digest: update.ref("excluded.digest"),
          status: update.ref("excluded.status"),
          error: update.ref("excluded.error"),
          since: update.ref("excluded.since"),
          failed_revision: update.ref("excluded.failed_revision"),
          drifted: update.ref("excluded.drifted"),
        })),
      )
      .execute();
  }
}

/** Agents may have been deleted meanwhile; their rows would refuse the whole batch. */
async function existing(queries: Queries, store: Store, rows: readonly AgentConfigsTable[]) {
  const agents = new Set<number>();
  const configs = new Set<string>();
  for (const slice of slices([...new Set(rows.map((row) => row.agent_number))], 1, store.dialect))
    for (const row of await queries.selectFrom("agents").select("number").where("number", "in", slice).execute())
      agents.add(row.number);
  for (const slice of slices([...new Set(rows.map((row) => row.config_id))], 1, store.dialect))
    for (const row of await queries
      .selectFrom("configs")
      .select("id")
      .where("id", "in", slice)
      .where("deleted_at", "is", null)
      .execute())
      configs.add(row.id);
  return { agents, configs };
}

export function toTruth(row: Selectable<AgentConfigsTable>): Truth {
  return {
    configId: row.config_id,
    wanted: row.wanted,
    applied: row.applied,
    held: row.held,
    digest: row.digest,
    status: row.status as ConfigStatus,
    error: row.error,
    since: row.since,
    failedRevision: row.failed_revision,
    drifted: row.drifted === 1,
  };
}

function toRow(agentNumber: number, truth: Truth): AgentConfigsTable {
  return {
    agent_number: agentNumber,
    config_id: truth.configId,
    wanted: truth.wanted,
    applied: truth.applied,
    held: truth.held,
    digest: truth.digest,
    status: truth.status,
    error: truth.error,
    since: truth.since,
    failed_revision: truth.failedRevision,
    drifted: truth.drifted ? 1 : 0,
  };
}

function newTruth(configId: string, now: Timestamp): Truth {
  return {
    configId,
    wanted: null,
    applied: null,
    held: null,
    digest: null,
    status: "pending",
    error: null,
    since: now,
    failedRevision: null,
    drifted: false,
  };
}

function isSameTruth(left: Truth, right: Truth): boolean {
  return Object.entries(right).every(([name, value]) => name === "since" || left[name as keyof Truth] === value);
}

function saysTheSame(before: readonly HeldConfig[], now: readonly HeldConfig[]): boolean {
  return (
    before === now ||
    (before.length === now.length &&
      before.every((config, index) => {
        const other = now[index];
        return (
          config.name === other?.name &&
          config.kind === other.kind &&
          config.revision === other.revision &&
          config.status === other.status &&
          config.error === other.error &&
          config.digest === other.digest
        );
      }))
  );
}
