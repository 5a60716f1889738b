import type { AgentId, CancelTimer, Clock } from "@muster/core";
import type { LatestSample } from "@muster/core/resources";
import { workingSession } from "./agent-state.ts";
import type { Feed } from "./feed.ts";
import type { Metrics } from "./metrics.ts";
import type { Registry } from "./registry.ts";
import type { LiveSession } from "./sessions.ts";

interface WatchingParts {
  readonly clock: Clock;
  readonly feed: Feed;
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** The agents that somebody looks at through another process. */
  readonly watchedElsewhere: () => Iterable<string>;
}

const LOOK_EVERY_MS = 250;
/** Whoever reads once often reads again. */
const GLANCE_MS = 15_000;
/** How long a reader waits for an agent that was asked for its detail. */
const PATIENCE_MS = 1_500;
/** Agents looked at by name at once; screens show a few dozen. */
const MAX_WATCHED = 2000;

/**
 * Asks agents for the detail of their hosts (every core, disk and network) while somebody looks at them, and only then:
 * it is most of what a beat weighs, on the wire, in time and in memory, and nearly all hosts are looked at by nobody.
 */
export class Watching {
  readonly #parts: WatchingParts;
  /** Who sends its detail, with the connection over which it was asked. */
  readonly #asked = new Map<AgentId, LiveSession>();
  /** Agents that were read once, and until when that counts. */
  readonly #glances = new Map<string, number>();
  #stop: CancelTimer | undefined;

  constructor(parts: WatchingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stop = this.#parts.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  stop(): void {
    this.#stop?.();
  }

  /** The newest reading of an agent, with its detail where the agent is here and can give it at once. */
  async read(agentId: AgentId): Promise<LatestSample | undefined> {
    const { clock, metrics } = this.#parts;
    const isNew = !this.#glances.has(agentId);
    if (this.#glances.size < MAX_WATCHED) this.#glances.set(agentId, clock.monotonic() + GLANCE_MS);
    const latest = await metrics.findLatest(agentId);
    if (latest?.detail || !isNew) return latest;
    this.#look();
    if (!this.#asked.has(agentId)) return latest;
    return (await this.#waitForDetail(agentId)) ?? latest;
  }

  #waitForDetail(agentId: AgentId): Promise<LatestSample | undefined> {
    const { clock, feed } = this.#parts;
    return new Promise((resolve) => {
      const end = (sample?: LatestSample) => {
        cancel();
        unsubscribe();
        resolve(sample);
      };
      const cancel = clock.after(PATIENCE_MS, () => end());
      const unsubscribe = feed.subscribe((event) => {
        if (event.kind === "sample" && event.agentId === agentId && event.sample.detail) end(event.sample);
      });
    });
  }

  #look(): void {
    const wanted = this.#listWanted();
    if (wanted.size === 0 && this.#asked.size === 0) return;
    for (const [agentId, session] of this.#asked) {
      if (wanted.has(agentId) && !session.closed) continue;
      this.#asked.delete(agentId);
      if (!session.closed) session.peer.onWatched?.(false);
    }
    for (const id of wanted) this.#ask(id as AgentId);
  }

  #ask(agentId: AgentId): void {
    const state = this.#parts.registry.get(agentId);
    const session = state && workingSession(state);
    if (!session || this.#asked.get(agentId) === session) return;
    if (session.peer.onWatched?.(true)) this.#asked.set(agentId, session);
  }

  #listWanted(): Set<string> {
    const { clock, feed, watchedElsewhere } = this.#parts;
    const wanted = new Set(feed.describeInterest(MAX_WATCHED).agentIds);
    for (const id of watchedElsewhere()) if (wanted.size < MAX_WATCHED) wanted.add(id);
    const now = clock.monotonic();
    for (const [id, until] of this.#glances) {
      if (until < now) this.#glances.delete(id);
      else if (wanted.size < MAX_WATCHED) wanted.add(id);
    }
    return wanted;
  }
}
