import type { FeedEvent } from "../fleet/feed.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Snapshot } from "./live-snapshot.ts";
import type { LiveSocket } from "./live-socket.ts";

/** What every subscription is given. */
export interface SubscriptionParts {
  readonly sub: number;
  readonly socket: LiveSocket;
  readonly fleet: Fleet;
}

/**
 * One thing that a watcher wants to know. The hub calls `load` once, then `note` for each event of its topics; on
 * every tick on which it is dirty and its reader can take more, `want` says what must be read and `emit` sends it.
 */
export abstract class Subscription {
  readonly sub: number;
  /** Set once the present state was sent; nothing is emitted before. */
  loaded = false;
  stopped = false;
  readonly socket: LiveSocket;
  protected readonly fleet: Fleet;
  /** True while the reader is too slow; then changes are merged, and those that were never shown are counted. */
  #lagging = false;
  #dropped = 0;

  constructor(parts: SubscriptionParts) {
    this.sub = parts.sub;
    this.socket = parts.socket;
    this.fleet = parts.fleet;
  }

  /** The keys of events that concern it; see `topicsOf` of the hub. */
  abstract topics(): readonly string[];
  /** Sends the present state. Throws not_found when there is no such thing. */
  abstract load(): Promise<void>;
  /** Remembers that something changed; true when that leaves something to emit. */
  abstract note(event: FeedEvent): boolean;
  abstract want(snapshot: Snapshot): void;
  /** Sends what changed; true when something is left for the next tick. */
  abstract emit(snapshot: Snapshot): Promise<boolean>;

  get canTake(): boolean {
    if (!this.socket.isClogged) return true;
    this.#lagging = true;
    return false;
  }

  /** Called before `emit`: a reader that fell behind is told how much it will never see. */
  reportLag(): void {
    if (!this.#lagging) return;
    this.#lagging = false;
    if (this.#dropped > 0) this.socket.send({ event: "lagged", sub: this.sub, dropped: this.#dropped });
    this.#dropped = 0;
  }

  /** Counts a change that replaced another one before that was sent. */
  protected countMerged(): void {
    if (this.#lagging) this.#dropped += 1;
  }

  protected get isLagging(): boolean {
    return this.#lagging;
  }

  /** An event whose content is JSON already, as many watchers share it. */
  protected sendShared(event: string, field: string, json: string): void {
    this.socket.sendText(`{"event":"${event}","sub":${this.sub},"${field}":${json}}`);
  }
}

/** Adds to a set; counts it as merged when it was there already. */
export function mark(pending: Set<string>, key: string, merged: () => void): void {
  if (pending.has(key)) merged();
  else pending.add(key);
}

/** Takes at most `limit` keys out of a set, oldest first. */
export function takeSome(pending: Set<string>, limit: number): string[] {
  const taken: string[] = [];
  for (const key of pending) {
    if (taken.length >= limit) break;
    taken.push(key);
    pending.delete(key);
  }
  return taken;
}
