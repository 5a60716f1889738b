import type { AgentId } from "@muster/core";
import { workingSession } from "./agent-state.ts";
import type { Registry } from "./registry.ts";

/** Sockets served between two turns of the event loop: about 10 µs each, so that nothing else waits longer than a few ms. */
const SLICE = 250;

/** Tells the sessions of this process that work may be waiting, a slice per turn. */
export class Doorbell {
  readonly #registry: Registry;
  #waiting = new Set<AgentId>();
  #busy = false;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  ring(agentIds: Iterable<AgentId>): void {
    for (const id of agentIds) this.#waiting.add(id);
    if (this.#busy || this.#waiting.size === 0) return;
    this.#busy = true;
    setImmediate(() => this.#work());
  }

  #work(): void {
    let count = 0;
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      const state = this.#registry.get(id);
      if (state) workingSession(state)?.peer.onWork();
      if (++count >= SLICE) break;
    }
    this.#busy = this.#waiting.size > 0;
    if (this.#busy) setImmediate(() => this.#work());
  }
}
