import { type AgentId, type Clock, MusterError } from "@muster/core";
import type { AgentStatus } from "@muster/core/resources";
import { sql } from "kysely";
import { type Queries, type Store, slices } from "../store/store.ts";
import { type FactsChange, hashFacts, insertLabels, newAgentRow, writeFacts } from "./agent-facts.ts";
import { type AgentRow, cleanFacts, toState, withFacts } from "./agent-rows.ts";
import { type AgentState, isLater, workingSession } from "./agent-state.ts";
import { Batcher } from "./batcher.ts";
import type { Feed } from "./feed.ts";
import { type Overruled, writePresence, writeReleased } from "./presence-rows.ts";
import type { AgentFacts, AgentHello } from "./session.ts";

/** How long a changed status may wait for its batch. */
const FLUSH_MS = 200;
/** Written in one transaction. */
const PRESENCE_BATCH = 256;
/** Whoever holds an older connection of an agent has so long to take over before the store says that nobody holds it. */
const RELEASE_MS = 2000;
/** How often the time of the last sign of life is written for agents that just go on living. */
const LAST_SEEN_MS = 60_000;

/** Who has to know of an agent before its door does. */
interface ConfigHooks {
  /** These were stored before: what is stored of their configs is needed before anybody asks. */
  met(states: readonly AgentState[]): Promise<void>;
  /** It has said something new of itself. */
  learned(state: AgentState): void;
}

/**
 * The agents that this process has met: who they are (identity → state), whether they live, and the batched writing of
 * both. The only writer of an agent's status.
 */
export class Registry {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #feed: Feed;
  readonly #processId: string;
  readonly #byIdentity = new Map<string, AgentState>();
  readonly #byId = new Map<AgentId, AgentState>();
  readonly #byNumber = new Map<number, AgentState>();
  readonly #meet: Batcher<AgentHello, { state: AgentState; isNew: boolean }>;
  readonly #facts: Batcher<FactsChange, undefined>;
  #dirty = new Set<AgentState>();
  readonly #released = new Set<AgentState>();
  #flushing: Promise<void> = Promise.resolve();
  #stop: (() => void)[] = [];
  #configs: ConfigHooks | undefined;

  constructor(parts: { store: Store; clock: Clock; feed: Feed; processId: string }) {
    this.#processId = parts.processId;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#feed = parts.feed;
    this.#meet = new Batcher(200, (hellos) => this.#findOrInsert(hellos));
    this.#facts = new Batcher(200, (changes) => this.#writeFacts(changes));
  }

  /**
   * Begins writing in the background. Whom no process holds that is known is not connected, whatever the store says. Of
   * those that nobody holds, other processes decide, where there are any.
   */
  async start(known: readonly string[]): Promise<void> {
    const isAlone = known.length === 1;
    await this.#store.db
      .updateTable("agents")
      .set({
        status: "offline",
        status_reason: "the server restarted",
        status_at: this.#clock.now(),
        connections: 0,
        holder: null,
      })
      .where("status", "!=", "offline")
      .where((where) =>
        where.or([where("holder", "not in", [...known]), ...(isAlone ? [where("holder", "is", null)] : [])]),
      )
      .execute();
    this.#stop = [
      this.#clock.every(FLUSH_MS, () => void this.flush()),
      this.#clock.every(LAST_SEEN_MS, () => this.markAllLive()),
    ];
  }

  useConfigs(hooks: ConfigHooks): void {
    this.#configs = hooks;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    this.markAllLive();
    await this.#meet.settle();
    await this.#facts.settle();
    await this.flush();
  }

  get(id: AgentId): AgentState | undefined {
    return this.#byId.get(id);
  }

  getByNumber(number: number): AgentState | undefined {
    return this.#byNumber.get(number);
  }

  /** True while this process holds the connection that gets the agent's work. */
  isHere(id: AgentId): boolean {
    const state = this.#byId.get(id);
    return state !== undefined && workingSession(state) !== undefined;
  }

  states(): IterableIterator<AgentState> {
    return this.#byId.values();
  }

  /** The state of whoever says hello; unknown ones are stored before this resolves. */
  meet(hello: AgentHello): Promise<{ state: AgentState; isNew: boolean }> {
    const known = this.#byIdentity.get(identityKey(hello.protocol, hello.externalId));
    return known ? Promise.resolve({ state: known, isNew: false }) : this.#meet.add(hello);
  }

  /** Stores what an agent says of itself, when it says something new. */
  async learn(state: AgentState, facts: AgentFacts): Promise<void> {
    const clean = cleanFacts(facts);
    const hash = hashFacts(clean, state.capabilities);
    if (hash === state.factsHash) return;
    state.traits = withFacts(state.traits, clean); // what it should have is decided by what it says now
    await this.#facts.add({ state, facts: clean });
    state.factsHash = hash;
    this.#configs?.learned(state);
    this.#feed.publish({ kind: "agent", agentId: state.id, change: "facts" });
  }

  setStatus(state: AgentState, status: AgentStatus, reason: string): void {
    if (state.status === status && state.statusReason === reason) return;
    state.status = status;
    state.statusReason = reason;
    state.statusAt = this.#clock.now();
    this.markDirty(state);
    this.#feed.publish({ kind: "agent", agentId: state.id, change: "status" });
  }

  markDirty(state: AgentState): void {
    state.dirty = true;
    this.#dirty.add(state);
  }

  /** Our newest connection of an agent has ended, and an older one elsewhere may take over. */
  release(state: AgentState): void {
    this.#clock.after(RELEASE_MS, () => {
      if (state.sessions.length === 0) this.#released.add(state);
    });
  }

  /** Writes every waiting change; lists that follow see the truth. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writePresence());
    return this.#flushing;
  }

  forget(state: AgentState): void {
    this.#byIdentity.delete(identityKey(state.protocol, state.externalId));
    this.#byId.delete(state.id);
    this.#byNumber.delete(state.number);
    this.#dirty.delete(state);
  }

  #remember(row: AgentRow): AgentState {
    const known = this.#byId.get(row.id as AgentId);
    if (known) return known;
    const state = toState(row);
    this.#byIdentity.set(identityKey(state.protocol, state.externalId), state);
    this.#byId.set(state.id, state);
    this.#byNumber.set(state.number, state);
    return state;
  }

  async #findOrInsert(hellos: readonly AgentHello[]) {
    const unmet = uniqueHellos(hellos).filter((hello) => !this.#byIdentity.has(keyOf(hello)));
    const { rows, inserted } = await this.#store.transaction(async (queries) => {
      const rows: AgentRow[] = [];
      for (const slice of slices(unmet, 2, this.#store.dialect)) rows.push(...(await findByIdentity(queries, slice)));
      const found = new Set(rows.map((row) => identityKey(row.protocol, row.external_id)));
      const strangers = unmet.filter((hello) => !found.has(keyOf(hello)));
      const inserted: AgentRow[] = [];
      const now = this.#clock.now();
      for (const slice of slices(strangers, 23, this.#store.dialect)) {
        const insert = queries.insertInto("agents").values(slice.map((hello) => newAgentRow(hello, now)));
        // another process may meet the same stranger at this very moment; then its row is the one
        const ours = await insert
          .onConflict((conflict) => conflict.columns(["protocol", "external_id"]).doNothing())
          .returningAll()
          .execute();
        inserted.push(...ours);
        if (ours.length < slice.length) rows.push(...(await findByIdentity(queries, slice)));
      }
      await insertLabels(queries, this.#store.dialect, inserted);
      return { rows, inserted };
    });
    for (const row of inserted) this.#remember(row);
    if (rows.length > 0) await this.#configs?.met(rows.map((row) => this.#remember(row)));
    const isNew = new Set(inserted.map((row) => identityKey(row.protocol, row.external_id)));
    return hellos.map((hello) => {
      const state = this.#byIdentity.get(keyOf(hello));
      if (!state) throw new MusterError("internal", "the agent could not be stored; try again");
      const first = isNew.delete(keyOf(hello));
      // its facts are stored with it
      if (first) state.factsHash = hashFacts(cleanFacts(hello.facts), hello.capabilities);
      if (first) this.#feed.publish({ kind: "agent", agentId: state.id, change: "created" });
      return { state, isNew: first };
    });
  }

  async #writeFacts(changes: readonly FactsChange[]): Promise<undefined[]> {
    await this.#store.transaction((queries) => writeFacts(queries, this.#store.dialect, changes));
    return changes.map(() => undefined);
  }

  async #writePresence(): Promise<void> {
    await this.#writeReleased();
    if (this.#dirty.size === 0) return;
    const states = [...this.#dirty];
    this.#dirty = new Set();
    for (let start = 0; start < states.length; start += PRESENCE_BATCH) {
      const slice = states.slice(start, start + PRESENCE_BATCH);
      try {
        const { dialect } = this.#store;
        const write = (queries: Queries) => writePresence(queries, dialect, slice, this.#processId);
        for (const overruled of await this.#store.transaction(write)) this.#standBack(overruled);
      } catch {
        // the store is away: what was not written stays marked, and the next flush tries again
        for (const state of states.slice(start)) this.markDirty(state);
        return;
      }
    }
  }

  /** The store knows a newer connection than ours, of which nobody has told us. */
  #standBack({ state, holder, connectedAt }: Overruled): void {
    const session = workingSession(state);
    if (!session || isLater(session.openedAt, this.#processId, connectedAt, holder)) return;
    state.elsewhere = holder;
    state.elsewhereAt = connectedAt;
  }

  async #writeReleased(): Promise<void> {
    const states = [...this.#released].filter((state) => state.sessions.length === 0);
    this.#released.clear();
    if (states.length === 0) return;
    const by = { processId: this.#processId, now: this.#clock.now() };
    try {
      await writeReleased(this.#store.db, this.#store.dialect, states, by);
    } catch {
      for (const state of states) this.#released.add(state); // the store is away: with the next flush
    }
  }

  /** Every agent that is connected here is written anew, whatever others wrote of it. */
  markAllLive(): void {
    for (const state of this.#byId.values()) if (state.sessions.length > 0) this.markDirty(state);
  }
}

/**
 * Probes the index once per agent. With `in (…)` PostgreSQL, which knows nothing of a table that was filled a moment ago,
 * reads every agent of the protocol for each batch of a fleet that connects.
 */
async function findByIdentity(queries: Queries, hellos: readonly AgentHello[]): Promise<AgentRow[]> {
  const told = hellos.map((hello) => sql`(${hello.protocol}, ${hello.externalId})`);
  const { rows } = await sql<AgentRow>`
    select agents.* from (values ${sql.join(told)}) as told
    join agents on agents.protocol = told.column1 and agents.external_id = told.column2
  `.execute(queries);
  return rows;
}

function uniqueHellos(hellos: readonly AgentHello[]): AgentHello[] {
  return [...new Map(hellos.map((hello) => [keyOf(hello), hello])).values()];
}

function keyOf(hello: AgentHello): string {
  return identityKey(hello.protocol, hello.externalId);
}

function identityKey(protocol: string, externalId: string): string {
  return `${protocol}\n${externalId}`;
}
