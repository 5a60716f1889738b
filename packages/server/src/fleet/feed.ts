import type { AgentId, CommandId, RunId } from "@muster/core";
import type { LatestSample } from "@muster/core/resources";
import type { OutputPiece } from "./session.ts";

/** Something that happened in the fleet. Only ids where a reader can fetch the state; content where it cannot wait. */
export type FeedEvent =
  | { readonly kind: "agent"; readonly agentId: AgentId; readonly change: "created" | "status" | "facts" | "removed" }
  | { readonly kind: "sample"; readonly agentId: AgentId; readonly sample: LatestSample }
  | { readonly kind: "command"; readonly commandId: CommandId }
  | { readonly kind: "run"; readonly runId: RunId; readonly commandId: CommandId; readonly agentId: AgentId }
  | {
      readonly kind: "output";
      readonly runId: RunId;
      readonly commandId: CommandId;
      readonly pieces: readonly OutputPiece[];
    };

export type FeedListener = (event: FeedEvent) => void;

/**
 * Tells whoever watches what happens, after it is stored. Listeners are called in turn and must be quick and not
 * throw; nothing is kept for those who come later.
 */
export class Feed {
  readonly #listeners = new Set<FeedListener>();

  /** True when telling costs anything; lets hot paths skip building events. */
  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(event: FeedEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
