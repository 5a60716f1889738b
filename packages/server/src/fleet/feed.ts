import type { AgentId, CommandId, RunId } from "@muster/core";
import type { LatestSample } from "@muster/core/resources";

/** Something that happened in the fleet. Only ids where a reader can fetch the state; content where it cannot wait. */
export type FeedEvent =
  | { readonly kind: "agent"; readonly agentId: AgentId; readonly change: "created" | "status" | "facts" | "removed" }
  | { readonly kind: "sample"; readonly agentId: AgentId; readonly sample: LatestSample }
  | { readonly kind: "command"; readonly commandId: CommandId }
  | { readonly kind: "run"; readonly runId: RunId; readonly commandId: CommandId; readonly agentId: AgentId }
  /** An agent told of its inputs, or a change of one ended. */
  | { readonly kind: "inputs"; readonly agentId: AgentId }
  /** A config was changed (`agentId` null), or what an agent makes of one; `configId` null where it may be any. */
  | { readonly kind: "configs"; readonly configId: string | null; readonly agentId: AgentId | null }
  /** More of what a run wrote is stored. */
  | { readonly kind: "output"; readonly runId: RunId; readonly commandId: CommandId };

export type FeedListener = (event: FeedEvent) => void;

/** Whose samples a watcher wants; other events are few enough to send all. */
export interface SampleInterest {
  readonly all: boolean;
  readonly agentIds: Iterable<string>;
}

/**
 * Tells whoever watches what happens, after it is stored. Listeners are called in turn and must be quick and not
 * throw; nothing is kept for those who come later.
 */
export class Feed {
  readonly #listeners = new Set<FeedListener>();
  readonly #interests = new Set<() => SampleInterest>();

  /** True when telling costs anything; lets hot paths skip building events. */
  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says whose samples this process wants from others. Without it a listener gets only what happens here. */
  wantSamples(interest: () => SampleInterest): () => void {
    this.#interests.add(interest);
    return () => this.#interests.delete(interest);
  }

  /** Whether anybody here listens, and whose samples they want; at most `limit` agents by name. */
  describeInterest(limit: number): { all: boolean; agentIds: string[] } {
    const agentIds = new Set<string>();
    let all = false;
    for (const interest of this.#interests) {
      const wanted = interest();
      all ||= wanted.all;
      for (const id of wanted.agentIds) if (agentIds.size < limit) agentIds.add(id);
    }
    return { all, agentIds: [...agentIds] };
  }

  publish(event: FeedEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
