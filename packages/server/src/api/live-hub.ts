import type { liveRequestSchema } from "@muster/core/resources";
import type { z } from "zod";
import type { FeedEvent, SampleInterest } from "../fleet/feed.ts";
import type { ApiContext } from "./context.ts";
import { CommandSubscription, CommandsSubscription, OutputSubscription } from "./live-commands.ts";
import { ConfigsSubscription } from "./live-configs.ts";
import { AgentSubscription, FleetSubscription } from "./live-fleet.ts";
import { Snapshot } from "./live-snapshot.ts";
import type { LiveSocket } from "./live-socket.ts";
import type { Subscription } from "./live-subscription.ts";

type Subscribe = Exclude<z.output<typeof liveRequestSchema>, { op: "stop" } | { op: "ping" }>;

/** Changes are gathered this long, so that a burst costs one read and one frame per thing that changed. */
const TICK_MS = 100;

/**
 * Brings the feed to all watchers. Events only mark what changed; a tick reads the newest state of what is marked,
 * once for everybody. While nobody watches, the feed is not listened to.
 */
export class LiveHub {
  readonly #context: ApiContext;
  readonly #topics = new Map<string, Set<Subscription>>();
  readonly #dirty = new Set<Subscription>();
  #endWatch: (() => void) | undefined;
  #count = 0;
  #tick = 0;
  #ticking = false;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  create(request: Subscribe, socket: LiveSocket): Subscription {
    const parts = { sub: request.sub, socket, fleet: this.#context.fleet };
    switch (request.op) {
      case "fleet":
        return new FleetSubscription(parts, request.agentIds);
      case "agent":
        return new AgentSubscription(parts, request.agentId);
      case "command":
        return new CommandSubscription(parts, request);
      case "output":
        return new OutputSubscription(parts, request);
      case "commands":
        return new CommandsSubscription(parts);
      case "configs":
        return new ConfigsSubscription(parts);
    }
  }

  /** Listens first and loads then, so that nothing falls between the present state and the changes. */
  async start(subscription: Subscription): Promise<void> {
    for (const topic of subscription.topics()) this.#join(topic, subscription);
    this.#count += 1;
    this.#watch();
    await subscription.load();
    if (subscription.stopped) return;
    subscription.loaded = true;
    subscription.socket.send({ event: "ready", sub: subscription.sub });
    this.#dirty.add(subscription);
  }

  stop(subscription: Subscription): void {
    if (subscription.stopped) return;
    subscription.stopped = true;
    this.#dirty.delete(subscription);
    let joined = false;
    for (const topic of subscription.topics()) joined = this.#leave(topic, subscription) || joined;
    if (joined) this.#count -= 1;
    if (this.#count === 0) this.close();
  }

  close(): void {
    this.#endWatch?.();
    this.#endWatch = undefined;
  }

  #watch(): void {
    if (this.#endWatch) return;
    const unsubscribe = this.#context.fleet.feed.subscribe((event) => this.#note(event));
    const cancel = this.#context.clock.every(TICK_MS, () => void this.#flush());
    const unwant = this.#context.fleet.feed.wantSamples(() => this.#describeInterest());
    this.#endWatch = () => {
      unwant();
      unsubscribe();
      cancel();
    };
  }

  #describeInterest(): SampleInterest {
    const agentIds = new Set<string>();
    for (const topic of this.#topics.keys()) {
      const [kind, id] = topic.split(":");
      if (id !== undefined && (kind === "agent" || kind === "sample")) agentIds.add(id);
    }
    return { all: this.#topics.has("samples"), agentIds };
  }

  #note(event: FeedEvent): void {
    for (const topic of topicsOf(event)) {
      const subscriptions = this.#topics.get(topic);
      if (!subscriptions) continue;
      for (const subscription of subscriptions) if (subscription.note(event)) this.#dirty.add(subscription);
    }
  }

  /** One tick. A slow one makes the next one late instead of running beside it. */
  async #flush(): Promise<void> {
    if (this.#ticking || this.#dirty.size === 0) return;
    this.#ticking = true;
    this.#tick += 1;
    try {
      const ready = [...this.#dirty].filter((subscription) => subscription.loaded && subscription.canTake);
      const snapshot = new Snapshot(this.#context.fleet, this.#tick);
      for (const subscription of ready) {
        subscription.reportLag();
        subscription.want(snapshot);
      }
      await snapshot.fetch();
      for (const subscription of ready) await this.#emit(subscription, snapshot);
    } catch (error) {
      this.#context.facts.reportFailure(error, "live");
    } finally {
      this.#ticking = false;
    }
  }

  async #emit(subscription: Subscription, snapshot: Snapshot): Promise<void> {
    this.#dirty.delete(subscription);
    if (subscription.stopped) return;
    try {
      if (await subscription.emit(snapshot)) this.#dirty.add(subscription);
      if (subscription.stopped) this.#dirty.delete(subscription);
    } catch (error) {
      // what it watched is gone, or the store is away: its watcher is told, the others go on
      subscription.socket.sendError(subscription.sub, error);
      subscription.socket.finish(subscription);
    }
  }

  #join(topic: string, subscription: Subscription): void {
    const known = this.#topics.get(topic);
    if (known) known.add(subscription);
    else this.#topics.set(topic, new Set([subscription]));
  }

  #leave(topic: string, subscription: Subscription): boolean {
    const known = this.#topics.get(topic);
    if (!known?.delete(subscription)) return false;
    if (known.size === 0) this.#topics.delete(topic);
    return true;
  }
}

/** Every key under which somebody may have asked for an event. No subscription joins two keys of one event. */
function topicsOf(event: FeedEvent): string[] {
  switch (event.kind) {
    case "agent":
      return event.change === "facts" ? ["facts", `agent:${event.agentId}`] : ["fleet"];
    case "sample":
      return ["samples", `agent:${event.agentId}`, `sample:${event.agentId}`];
    case "command":
      return ["commands", `command:${event.commandId}`];
    case "run":
      return ["commands", `command:${event.commandId}`, `run:${event.runId}`];
    case "inputs":
      return [`inputs:${event.agentId}`];
    case "configs":
      return ["configs", ...(event.agentId === null ? [] : [`configs:${event.agentId}`])];
    case "output":
      return [`command:${event.commandId}`, `run:${event.runId}`];
  }
}
