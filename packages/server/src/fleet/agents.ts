import {
  type AgentId,
  type Capability,
  type Clock,
  isLabelKey,
  LABEL_LIMITS,
  MusterError,
  parseSelector,
} from "@muster/core";
import type { Agent, AgentCounts, AgentListQuery, AgentPatch, LabelSummary, Targets } from "@muster/core/resources";
import { type Store, slices } from "../store/store.ts";
import { writeLabels } from "./agent-facts.ts";
import { type AgentQuery, listAgentRows, matches } from "./agent-query.ts";
import { type AgentRow, effectiveLabels, overridesFor, searchColumns, toAgent } from "./agent-rows.ts";
import { nextEpoch } from "./config-epoch.ts";
import type { Feed } from "./feed.ts";
import { toRule } from "./group-rows.ts";
import type { Groups } from "./groups.ts";
import type { Metrics } from "./metrics.ts";
import type { Registry } from "./registry.ts";
import type { Sessions } from "./sessions.ts";

/** Rows read in one turn of the event loop. */
const PAGE = 500;

interface AgentsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly sessions: Sessions;
  readonly metrics: Metrics;
  readonly groups: Groups;
  readonly feed: Feed;
  /** What configs ask of an agent has changed in this epoch. */
  readonly onTouched: (epoch: number, row: AgentRow) => Promise<void>;
}

/** A server process with an agent's connection. */
export interface AgentHolder {
  readonly process: string;
  /** For people: where it runs. */
  readonly place: string;
}

/** The agents of the fleet as people see them: find, list, select, label, remove. */
export class Agents {
  readonly #parts: AgentsParts;
  /** The numbers of agents that were asked for, for protocols whose objects have integer ids. */
  readonly #numbers = new Map<string, number>();

  constructor(parts: AgentsParts) {
    this.#parts = parts;
  }

  async find(id: string): Promise<Agent | undefined> {
    const row = await this.#parts.store.db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
    if (row) await this.#parts.metrics.fetchReadings([row.id]);
    return row && this.#toAgent(row);
  }

  async get(id: string): Promise<Agent> {
    const agent = await this.find(id);
    if (!agent) throw new MusterError("not_found", "there is no such agent", { id });
    return agent;
  }

  async findByExternalId(protocol: string, externalId: string): Promise<Agent | undefined> {
    const row = await this.#parts.store.db
      .selectFrom("agents")
      .selectAll()
      .where("protocol", "=", protocol)
      .where("external_id", "=", externalId)
      .executeTakeFirst();
    return row && this.#toAgent(row);
  }

  /** Many at once, in any order; unknown ids are left out. */
  async findMany(ids: readonly string[]): Promise<Agent[]> {
    const agents: Agent[] = [];
    for (const slice of slices(ids, 1, this.#parts.store.dialect)) {
      const rows = await this.#parts.store.db.selectFrom("agents").selectAll().where("id", "in", slice).execute();
      for (const row of rows) agents.push(this.#toAgent(row));
    }
    return agents;
  }

  /** A small integer that names the agent; known for every agent that was found, listed or met. */
  numberOf(id: string): number | undefined {
    return this.#parts.registry.get(id as AgentId)?.number ?? this.#numbers.get(id);
  }

  /** The processes that hold these agents' connections, by agent; absent where nobody does. */
  async findHolders(ids: readonly string[]): Promise<Map<string, AgentHolder>> {
    await this.#parts.registry.flush();
    const holders = new Map<string, AgentHolder>();
    for (const slice of slices(ids, 1, this.#parts.store.dialect)) {
      const rows = await this.#parts.store.db
        .selectFrom("agents")
        .innerJoin("processes", "processes.id", "agents.holder")
        .select(["agents.id", "processes.id as process", "processes.place"])
        .where("agents.id", "in", slice)
        .execute();
      for (const { id, process, place } of rows) holders.set(id, { process, place });
    }
    return holders;
  }

  /** A page of agents and how many there are in all. */
  async list(
    query: AgentListQuery & { protocol?: string; capability?: Capability },
  ): Promise<{ items: Agent[]; nextCursor: string | null; total: number }> {
    await this.#parts.registry.flush();
    const group = query.group === undefined ? undefined : await this.#parts.groups.find(query.group);
    if (query.group !== undefined && !group)
      throw new MusterError("not_found", "there is no such group", { id: query.group });
    const conditions: AgentQuery = {
      ...query,
      matching: query.selector ? parseSelector(query.selector) : [],
      memberOf: group && toRule(group),
    };
    const page = await listAgentRows(this.#parts.store.db, conditions);
    await this.#parts.metrics.fetchReadings(page.rows.filter((row) => row.status !== "offline").map((row) => row.id));
    return { items: page.rows.map((row) => this.#toAgent(row)), nextCursor: page.nextCursor, total: page.total };
  }

  async counts(): Promise<AgentCounts> {
    await this.#parts.registry.flush();
    const rows = await this.#parts.store.db
      .selectFrom("agents")
      .select(({ fn }) => ["status", fn.countAll<number>().as("count")])
      .groupBy("status")
      .execute();
    const counts = { total: 0, online: 0, stale: 0, offline: 0, conflicts: 0 };
    for (const row of rows) {
      counts.total += Number(row.count);
      if (row.status === "online" || row.status === "stale" || row.status === "offline")
        counts[row.status] += Number(row.count);
    }
    const conflicts = await this.#parts.store.db
      .selectFrom("agents")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("connections", ">", 1)
      .executeTakeFirstOrThrow();
    counts.conflicts = Number(conflicts.count);
    return counts;
  }

  async update(id: string, patch: AgentPatch): Promise<Agent> {
    if (patch.labels) checkLabels(patch.labels);
    const { epoch, row } = await this.#parts.store.transaction(async (queries) => {
      const epoch = await nextEpoch(queries);
      const before = await queries.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
      if (!before) throw new MusterError("not_found", "there is no such agent", { id });
      const givenName = patch.name ?? before.given_name;
      const overrides = patch.labels ? overridesFor(before.reported_labels, patch.labels) : before.label_overrides;
      await queries
        .updateTable("agents")
        .set({
          given_name: givenName,
          label_overrides: overrides,
          touched_epoch: epoch,
          ...searchColumns(givenName ?? before.name, before.hostname, before.external_id, before.addresses),
        })
        .where("number", "=", before.number)
        .execute();
      if (patch.labels) await writeLabels(queries, before.number, effectiveLabels(before.reported_labels, overrides));
      return { epoch, row: { ...before, given_name: givenName, label_overrides: overrides } };
    });
    await this.#parts.onTouched(epoch, row);
    this.#parts.feed.publish({ kind: "agent", agentId: id as AgentId, change: "facts" });
    return this.#toAgent(row);
  }

  /** Deletes an agent with its history and runs, and ends its connections. If it comes back, it is a new agent. */
  async remove(id: string): Promise<void> {
    const result = await this.#parts.store.db.deleteFrom("agents").where("id", "=", id).executeTakeFirst();
    if (result.numDeletedRows === 0n) throw new MusterError("not_found", "there is no such agent", { id });
    this.forget(id as AgentId); // before its connections end: whoever speaks up then is met as a new agent
    this.#parts.feed.publish({ kind: "agent", agentId: id as AgentId, change: "removed" });
  }

  /** Deletes agents of a protocol that nobody has heard for so long, some in one call; answers how many. */
  async removeAbsent(query: { protocol: string; olderThanMs: number }): Promise<number> {
    const { db } = this.#parts.store;
    const before = this.#parts.clock.now() - query.olderThanMs;
    const absent = db
      .selectFrom("agents")
      .select("id")
      .where("protocol", "=", query.protocol)
      .where("status", "=", "offline")
      .where(({ fn }) => fn.coalesce("last_seen_at", "first_seen_at"), "<", before)
      .orderBy("number")
      .limit(PAGE);
    const candidates = (await absent.execute()).map((row) => row.id as AgentId);
    // what this process hears is not written yet
    const ids = candidates.filter((id) => (this.#parts.registry.get(id)?.sessions.length ?? 0) === 0);
    if (ids.length === 0) return 0;
    const gone = await db
      .deleteFrom("agents")
      .where("id", "in", ids)
      .where("status", "=", "offline")
      .returning("id")
      .execute();
    for (const { id } of gone) {
      this.forget(id as AgentId);
      this.#parts.feed.publish({ kind: "agent", agentId: id as AgentId, change: "removed" });
    }
    return gone.length;
  }

  /** Every label in use with its values and how many agents carry each; at most 100 values a key. */
  async labelSummary(): Promise<LabelSummary> {
    const rows = await this.#parts.store.db
      .selectFrom("agent_labels")
      .select(({ fn }) => ["key", "value", fn.countAll<number>().as("agents")])
      .groupBy(["key", "value"])
      .orderBy("key")
      .orderBy("agents", "desc")
      .limit(5000)
      .execute();
    const byKey = new Map<string, { value: string; agents: number }[]>();
    for (const row of rows) {
      const values = byKey.get(row.key) ?? [];
      if (values.length < 100) values.push({ value: row.value, agents: Number(row.agents) });
      byKey.set(row.key, values);
    }
    return { items: [...byKey].map(([key, values]) => ({ key, values })) };
  }

  /** The union of everyone who is meant, each once, oldest agent first. Nothing given means nobody; unknown ids are an error. */
  async resolveTargets(targets: Targets): Promise<AgentRow[]> {
    const { db, dialect } = this.#parts.store;
    if (targets.all) return this.#listEveryone();
    const found = new Map<number, AgentRow>();
    const ids = [...new Set(targets.ids ?? [])];
    for (const slice of slices(ids, 1, dialect)) {
      for (const row of await db.selectFrom("agents").selectAll().where("id", "in", slice).execute())
        found.set(row.number, row);
    }
    if (found.size < ids.length) {
      const known = new Set([...found.values()].map((row) => row.id));
      const unknown = ids.filter((id) => !known.has(id));
      throw new MusterError("not_found", "some targets do not exist", {
        ids: unknown.slice(0, 20),
        count: unknown.length,
      });
    }
    if (targets.selector !== undefined) {
      const selector = parseSelector(targets.selector);
      // an empty selector would meet everybody; everybody has to be asked for by name
      if (selector.length === 0)
        throw new MusterError("invalid_argument", "the selector is empty; use all to mean everyone", {
          field: "selector",
        });
      for (const row of await db.selectFrom("agents").selectAll().where(matches(selector)).execute())
        found.set(row.number, row);
    }
    for (const id of targets.groups ?? []) {
      for (const row of await this.#parts.groups.members(id)) found.set(row.number, row);
    }
    return [...found.values()].sort((left, right) => left.number - right.number);
  }

  /** A page at a time, so that the event loop turns in between. */
  async #listEveryone(): Promise<AgentRow[]> {
    const everyone: AgentRow[] = [];
    for (;;) {
      const page = await this.#parts.store.db
        .selectFrom("agents")
        .selectAll()
        .where("number", ">", everyone.at(-1)?.number ?? -1)
        .orderBy("number")
        .limit(PAGE)
        .execute();
      for (const row of page) everyone.push(row);
      if (page.length < PAGE) return everyone;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Another process deleted this agent. */
  forget(id: AgentId): void {
    const state = this.#parts.registry.get(id);
    this.#numbers.delete(id);
    if (!state) return;
    this.#parts.registry.forget(state);
    this.#parts.metrics.forget(state);
    this.#parts.sessions.evictAgent(state, "the agent was deleted");
  }

  /** Gives up agents of a protocol that have been silent for long although a connection is open; answers how many. */
  markSilentOffline(olderThanMs: number, protocol: string): number {
    let count = 0;
    for (const state of this.#parts.registry.states()) {
      if (state.protocol !== protocol || state.status === "offline") continue;
      if (state.lastSeenAt !== null && this.#parts.clock.now() - state.lastSeenAt <= olderThanMs) continue;
      this.#parts.registry.setStatus(state, "offline", "silent for too long");
      count++;
    }
    return count;
  }

  #toAgent(row: AgentRow): Agent {
    const state = this.#parts.registry.getByNumber(row.number);
    if (!state) this.#numbers.set(row.id, row.number);
    return toAgent(row, state, this.#parts.metrics.gauges(row.number, row.id));
  }
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const keys = Object.keys(labels);
  if (keys.length > LABEL_LIMITS.count)
    throw new MusterError("invalid_argument", `at most ${LABEL_LIMITS.count} labels are allowed`, { field: "labels" });
  for (const key of keys) {
    if (!isLabelKey(key))
      throw new MusterError("invalid_argument", `"${key}" is not a label key`, { field: "labels", key });
  }
}
