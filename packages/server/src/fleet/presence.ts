import type { AgentId, CancelTimer, Clock } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { Store } from "../store/store.ts";
import { type AgentState, isLater, workingSession } from "./agent-state.ts";
import type { Ledger } from "./ledger.ts";
import { readHolders } from "./presence-rows.ts";
import type { Registry } from "./registry.ts";
import { conflictReason } from "./sessions.ts";

interface PresenceParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly ledger: Ledger;
}

interface Change {
  readonly agent: string;
  readonly here: boolean;
  readonly connections: number;
  readonly at: number;
}

/** Changes are gathered this long; a storm of connects becomes a few messages. */
const GATHER_MS = 50;
const CHANGES_PER_MESSAGE = 1000;
const SIZE_EVERY_MS = 2000;
const SIZE_KEPT_MS = 7000;
/** After NATS was away all processes come back at once: each waits for the others' calls before it names its agents. */
const ROLL_AFTER_MS = 1000;
const ROLL_SPREAD_MS = 2000;
/** Then so many at a time, so that a large fleet holds up neither NATS nor anybody's other work. */
const ROLL_STEP_MS = 100;
const ROLL_STEP = 500;
/** How often the store is asked about agents whose newer connection is elsewhere. */
const RECHECK_MS = 5000;

/**
 * Which process holds an agent, between processes. The newest connection gets the work: whoever is told of a newer one
 * elsewhere stands back, and takes over again when that one ends. A lost message is mended by the store, which keeps the
 * newest connection, and by a roll call when NATS is back.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #changes = new Map<AgentId, Change>();
  readonly #sizes = new Map<string, { agents: number; at: number }>();
  #sending = false;
  #stop: CancelTimer[] = [];
  #rolling = false;
  #rollAgain = false;
  #countHere: () => number = () => 0;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    parts.bus.on("presence", ({ changes }, from) => {
      for (const change of changes) this.#learn(change, from);
    });
    parts.bus.on("roll_call", () => this.callRoll());
    parts.bus.onConnect(() => this.#onConnect());
    parts.bus.on("size", ({ agents }, from) => this.#sizes.set(from, { agents, at: parts.clock.monotonic() }));
  }

  /** `countHere` tells how many agents this process holds. */
  start(countHere: () => number): void {
    this.#countHere = countHere;
    const { clock, bus } = this.#parts;
    if (bus.name === "local") return;
    this.#stop = [
      clock.every(SIZE_EVERY_MS, () => bus.publish("size", { agents: this.#countHere() })),
      clock.every(RECHECK_MS, () => void this.#recheck().catch(() => {})), // the store is away: next time
    ];
  }

  stop(): void {
    for (const stop of this.#stop) stop();
    this.#send();
  }

  /** Agents that other processes hold, as far as they said so lately. */
  get agentsElsewhere(): number {
    let count = 0;
    const oldest = this.#parts.clock.monotonic() - SIZE_KEPT_MS;
    for (const [process, size] of this.#sizes) {
      if (size.at < oldest) this.#sizes.delete(process);
      else count += size.agents;
    }
    return count;
  }

  /** An agent has connected here: nobody has a newer connection. */
  arrived(state: AgentState): void {
    this.#note(describe(state, true));
  }

  /** A connection of an agent has ended here. */
  left(state: AgentState): void {
    this.#note(describe(state, state.elsewhere === null && state.sessions.length > 0));
  }

  /** A process is gone: what it held is ours where we have a connection. */
  processDied(processId: string): void {
    this.#sizes.delete(processId);
    for (const state of this.#parts.registry.states()) {
      forgetOthers(state, processId);
      if (state.elsewhere === processId) this.#takeOver(state);
    }
  }

  /** Tells the others of every agent that is connected here, soon and little by little. */
  callRoll(): void {
    if (this.#parts.bus.name === "local") return;
    this.#rollAgain = this.#rolling;
    if (this.#rolling) return;
    this.#rolling = true;
    this.#parts.clock.after(ROLL_AFTER_MS + Math.random() * ROLL_SPREAD_MS, () => {
      // whoever asked until now hears all of it
      this.#rollAgain = false;
      this.#nameNext([...this.#parts.registry.states()].filter((state) => state.sessions.length > 0));
    });
  }

  #nameNext(states: readonly AgentState[]): void {
    const changes = states
      .slice(0, ROLL_STEP)
      .filter((state) => state.sessions.length > 0)
      .map((state) => describe(state, state.elsewhere === null));
    if (changes.length > 0) this.#parts.bus.publish("presence", { changes });
    if (states.length > ROLL_STEP) {
      this.#parts.clock.after(ROLL_STEP_MS, () => this.#nameNext(states.slice(ROLL_STEP)));
      return;
    }
    this.#rolling = false;
    if (this.#rollAgain) this.callRoll();
  }

  /** What happened while we could not hear each other is said again. */
  #onConnect(): void {
    const [met] = this.#parts.registry.states();
    if (!met) return; // a new process has nothing to tell, and nothing to unlearn
    this.#parts.bus.publish("roll_call", {});
    this.callRoll();
  }

  /** Takes over where the store says that the newer connection elsewhere is gone. */
  async #recheck(): Promise<void> {
    const waiting = new Map<number, AgentState>();
    for (const state of this.#parts.registry.states())
      if (state.sessions.length > 0 && state.elsewhere !== null) waiting.set(state.number, state);
    const { store } = this.#parts;
    for (const { number, holder } of await readHolders(store.db, store.dialect, [...waiting.keys()])) {
      const state = waiting.get(number);
      if (holder === null && state && state.elsewhere !== null) this.#takeOver(state);
    }
  }

  #note(change: Change): void {
    if (this.#parts.bus.name === "local") return;
    this.#changes.set(change.agent as AgentId, change);
    if (this.#sending) return;
    this.#sending = true;
    this.#parts.clock.after(GATHER_MS, () => this.#send());
  }

  #send(): void {
    this.#sending = false;
    const all = [...this.#changes.values()];
    this.#changes.clear();
    for (let start = 0; start < all.length; start += CHANGES_PER_MESSAGE) {
      this.#parts.bus.publish("presence", { changes: all.slice(start, start + CHANGES_PER_MESSAGE) });
    }
  }

  #learn(change: Change, from: string): void {
    const state = this.#parts.registry.get(change.agent as AgentId);
    if (!state) return;
    if (change.connections > 0) {
      state.others ??= new Map();
      state.others.set(from, change.connections);
    } else forgetOthers(state, from);
    if (change.here) {
      if (this.#isNewer(state, change, from)) {
        // theirs is not the newest, whenever they heard of ours: they are told again
        this.arrived(state);
        this.#show(state);
        return;
      }
      // whoever holds the newest connection is told of ours, so that it can show the conflict
      if (state.sessions.length > 0 && state.elsewhere !== from) this.#note(describe(state, false));
      state.elsewhere = from;
      state.elsewhereAt = change.at;
    } else if (state.elsewhere === from) {
      this.#takeOver(state);
    } else if (workingSession(state)) {
      this.#show(state);
    }
  }

  /** True when our connection is newer than theirs. */
  #isNewer(state: AgentState, change: Change, from: string): boolean {
    const session = workingSession(state);
    if (!session) return false;
    return isLater(session.openedAt, this.#parts.bus.processId, change.at, from);
  }

  #takeOver(state: AgentState): void {
    state.tookOverFrom = state.elsewhere;
    state.elsewhere = null;
    const session = workingSession(state);
    if (!session) return;
    this.#show(state);
    this.arrived(state);
    if (session.known) void session.resume(session.known).catch(() => {});
    session.peer.onWork();
  }

  #show(state: AgentState): void {
    this.#parts.registry.setStatus(state, "online", conflictReason(state));
    this.#parts.registry.markDirty(state);
  }
}

function describe(state: AgentState, here: boolean): Change {
  return { agent: state.id, here, connections: state.sessions.length, at: state.sessions.at(-1)?.openedAt ?? 0 };
}

function forgetOthers(state: AgentState, processId: string): void {
  state.others?.delete(processId);
  if (state.others?.size === 0) state.others = null;
}
