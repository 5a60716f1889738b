import type { AgentId } from "@muster/core";

/**
 * How server processes reach each other. A doorbell only: a lost ring delays a delivery until the next sweep and loses
 * nothing. Handlers are called on a later turn, never inside `ring`.
 */
export interface Bus {
  readonly name: string;
  /** Tells whichever process holds these agents that work may be waiting for them. */
  ring(agentIds: readonly AgentId[]): void;
  /** Called for rings of every process, this one included. One handler; set before the first ring. */
  onRing(handler: (agentIds: readonly AgentId[]) => void): void;
  close(): Promise<void>;
}
