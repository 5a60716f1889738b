import type { AgentId, CancelTimer, Clock } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import { type AgentState, workingSession } from "./agent-state.ts";
import type { Ledger } from "./ledger.ts";
import type { Registry } from "./registry.ts";
import { conflictReason } from "./sessions.ts";

interface PresenceParts {
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

/**
 * Which process holds an agent, between processes. The newest connection gets the work: whoever is told of a newer one
 * elsewhere stands back, and takes over again when that one ends. A lost message is mended by the agent's next connect.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #changes = new Map<AgentId, Change>();
  readonly #sizes = new Map<string, { agents: number; at: number }>();
  #sending = false;
  #stop: CancelTimer | undefined;
  #countHere: () => number = () => 0;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    parts.bus.on("presence", ({ changes }, from) => {
      for (const change of changes) this.#learn(change, from);
    });
    parts.bus.on("size", ({ agents }, from) => this.#sizes.set(from, { agents, at: parts.clock.monotonic() }));
  }

  /** `countHere` tells how many agents this process holds. */
  start(countHere: () => number): void {
    this.#countHere = countHere;
    this.#stop = this.#parts.clock.every(SIZE_EVERY_MS, () =>
      this.#parts.bus.publish("size", { agents: this.#countHere() }),
    );
  }

  stop(): void {
    this.#stop?.();
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
    } else if (state.elsewhere === from) {
      this.#takeOver(state);
    } else if (workingSession(state)) {
      this.#show(state);
    }
  }

  /** True when our connection is newer than theirs. Of two of the same instant the process with the greater id wins. */
  #isNewer(state: AgentState, change: Change, from: string): boolean {
    const session = workingSession(state);
    if (!session) return false;
    return session.openedAt === change.at ? this.#parts.bus.processId > from : session.openedAt > change.at;
  }

  #takeOver(state: AgentState): void {
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
