import type { AgentId, CancelTimer, Clock } from "@muster/core";
import type { LatestSample } from "@muster/core/resources";
import type { Bus } from "../bus/bus.ts";
import type { Message } from "../bus/subjects.ts";
import type { Feed, FeedEvent } from "./feed.ts";

interface RelayParts {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly feed: Feed;
  /** Takes a reading of an agent that another process holds. */
  readonly acceptSample: (sample: LatestSample) => void;
  /** An agent was deleted through another process. */
  readonly onRemoved: (agentId: AgentId) => void;
}

type SentEvent = Message<"feed">["events"][number];

/** What one other process wants to see. */
interface Watch {
  readonly events: boolean;
  readonly allSamples: boolean;
  readonly agents: ReadonlySet<string>;
  readonly until: number;
}

const SAY_EVERY_MS = 1000;
const WATCH_KEPT_MS = 5000;
const SEND_EVERY_MS = 200;
/** Who watches everybody gets at most so many readings per turn; the newest of each agent. */
const SAMPLES_PER_TURN = 500;
const EVENTS_PER_MESSAGE = 1000;
/** More than this in one turn is not worth telling one by one: watchers read the state again anyway. */
const MAX_EVENTS = 20_000;
const MAX_AGENTS = 2000;

/**
 * Brings what happens in one process to the watchers of another: ids of what changed, and readings of the agents on
 * somebody's screen, newest only. Nothing is sent while nobody watches.
 */
export class Relay {
  readonly #parts: RelayParts;
  readonly #watches = new Map<string, Watch>();
  readonly #events = new Map<string, SentEvent>();
  readonly #samples = new Map<string, LatestSample>();
  #endListening: (() => void) | undefined;
  #receiving = false;
  #saidNothing = true;
  #stop: CancelTimer[] = [];

  constructor(parts: RelayParts) {
    this.#parts = parts;
    parts.bus.on("watch", (message, from) => this.#onWatch(message, from));
    parts.bus.on("feed", ({ events }) => this.#onEvents(events));
    parts.bus.on("samples", ({ samples }) =>
      this.#receive(() => {
        for (const sample of samples) parts.acceptSample(sample as unknown as LatestSample);
      }),
    );
  }

  start(): void {
    if (this.#parts.bus.name === "local") return;
    const { clock } = this.#parts;
    this.#stop = [
      clock.every(SAY_EVERY_MS, () => this.#sayWhatIsWatched()),
      clock.every(SEND_EVERY_MS, () => this.#send()),
    ];
  }

  stop(): void {
    for (const stop of this.#stop) stop();
    this.#endListening?.();
  }

  /** A process is gone, and with it whoever watched there. */
  processDied(processId: string): void {
    this.#watches.delete(processId);
    if (this.#watches.size === 0) this.#stopListening();
  }

  /** The agents that somebody looks at through another process. */
  *watchedElsewhere(): Generator<string> {
    for (const watch of this.#watches.values()) yield* watch.agents;
  }

  #sayWhatIsWatched(): void {
    const { feed, bus, clock } = this.#parts;
    for (const [process, watch] of this.#watches) if (watch.until < clock.monotonic()) this.#watches.delete(process);
    if (this.#watches.size === 0) this.#stopListening();
    // our own listening for others is no watching
    const events = feed.listeners > (this.#endListening ? 1 : 0);
    if (!events && this.#saidNothing) return;
    this.#saidNothing = !events;
    const { all, agentIds } = feed.describeInterest(MAX_AGENTS);
    bus.publish("watch", { events, allSamples: all, agents: agentIds });
  }

  #onWatch(message: Message<"watch">, from: string): void {
    if (!message.events) this.#watches.delete(from);
    else {
      const until = this.#parts.clock.monotonic() + WATCH_KEPT_MS;
      this.#watches.set(from, { events: true, allSamples: message.allSamples, agents: new Set(message.agents), until });
    }
    if (this.#watches.size === 0) this.#stopListening();
    else this.#endListening ??= this.#parts.feed.subscribe((event) => this.#note(event));
  }

  #stopListening(): void {
    this.#endListening?.();
    this.#endListening = undefined;
    this.#events.clear();
    this.#samples.clear();
  }

  #note(event: FeedEvent): void {
    if (this.#receiving) return;
    if (event.kind === "sample") {
      if (this.#isWanted(event.agentId)) this.#samples.set(event.agentId, event.sample);
      return;
    }
    if (this.#events.size >= MAX_EVENTS) return;
    this.#events.set(keyOf(event), event);
  }

  #isWanted(agentId: string): boolean {
    for (const watch of this.#watches.values()) if (watch.allSamples || watch.agents.has(agentId)) return true;
    return false;
  }

  #send(): void {
    const events = [...this.#events.values()];
    this.#events.clear();
    for (let start = 0; start < events.length; start += EVENTS_PER_MESSAGE) {
      this.#parts.bus.publish("feed", { events: events.slice(start, start + EVENTS_PER_MESSAGE) });
    }
    const samples: Record<string, unknown>[] = [];
    for (const [id, sample] of this.#samples) {
      if (samples.length >= SAMPLES_PER_TURN) break;
      this.#samples.delete(id);
      samples.push(sample as unknown as Record<string, unknown>);
    }
    // details of many cores make a reading large
    for (let start = 0; start < samples.length; start += 50)
      this.#parts.bus.publish("samples", { samples: samples.slice(start, start + 50) });
  }

  #onEvents(events: readonly SentEvent[]): void {
    this.#receive(() => {
      for (const event of events) {
        if (event.kind === "agent" && event.change === "removed") this.#parts.onRemoved(event.agentId as AgentId);
        this.#parts.feed.publish(event as FeedEvent);
      }
    });
  }

  /** What comes from others is not sent on. */
  #receive(work: () => void): void {
    this.#receiving = true;
    try {
      work();
    } finally {
      this.#receiving = false;
    }
  }
}

function keyOf(event: SentEvent): string {
  switch (event.kind) {
    case "agent":
      return `agent/${event.agentId}/${event.change}`;
    case "command":
      return `command/${event.commandId}`;
    case "run":
      return `run/${event.runId}`;
    case "inputs":
      return `inputs/${event.agentId}`;
    case "configs":
      return `configs/${event.configId}/${event.agentId}`;
    case "output":
      return `output/${event.runId}`;
  }
}
