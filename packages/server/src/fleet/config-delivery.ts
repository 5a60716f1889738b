import type { ConfigFormat, ConfigStatus } from "@muster/core/resources";
import type { AgentState } from "./agent-state.ts";

/** A config that an agent should have now, filled in for it. */
export interface WantedConfig {
  readonly configId: string;
  readonly name: string;
  readonly kind: string;
  readonly format: ConfigFormat;
  readonly description: string;
  /** Which agents its maker meant, such as `ilogtail`; empty for all that can take its kind. */
  readonly agentType: string;
  /** From 1, and never smaller for a name than one that was offered before, deletions included. */
  readonly revision: number;
  /** Variables and secrets are filled in: never log it. */
  readonly text: string;
  /** SHA-256 in hex of `text`. */
  readonly digest: string;
  /** When a one-time config must not start any more; null for all others. */
  readonly expiresAt: number | null;
}

/** What an agent says that it has. */
export interface HeldConfig {
  readonly name: string;
  readonly kind: string;
  /** The revision, as far as its protocol can say. */
  readonly revision: number | null;
  /** `unknown` where its protocol knows none: holding it is then taken for applied. */
  readonly status: ConfigStatus;
  readonly error: string | null;
  /** SHA-256 in hex of what it really runs, where it says so. */
  readonly digest: string | null;
}

/** The configs of agents, as doors see them. Answers come from memory: a beat of an agent costs no query. */
export interface ConfigDelivery {
  /**
   * In the order in which they merge. The same array until something changes for this agent, so that a door may keep what
   * it has encoded beside it.
   */
  wantedFor(state: AgentState): readonly WantedConfig[];
  /** A config by name, for agents that fetch what was announced; undefined when there is none. At least the wanted revision. */
  fetch(state: AgentState, kind: string, name: string): WantedConfig | undefined;
  /** Everything that the agent holds of these kinds; what is missing it does not have. Stored in batches, at changes only. */
  report(state: AgentState, kinds: readonly string[], held: readonly HeldConfig[]): void;
}
