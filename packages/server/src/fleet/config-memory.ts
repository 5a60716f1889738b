import type { Timestamp } from "@muster/core";
import type { ConfigStatus } from "@muster/core/resources";
import type { AgentTraits } from "./agent-state.ts";
import type { HeldConfig, WantedConfig } from "./config-delivery.ts";
import type { GroupRule, Membership } from "./membership.ts";

/** What an agent should have of a config and what it says itself; a row of `agent_configs`, kept up to date in memory. */
export interface Truth {
  readonly configId: string;
  /** The revision that its groups and rollouts give it; null for none any more. */
  wanted: number | null;
  /** The revision whose text it runs. */
  applied: number | null;
  /** The number under which it has it. */
  held: number | null;
  /** Of what it runs. */
  digest: string | null;
  status: ConfigStatus;
  error: string | null;
  since: Timestamp;
  failedRevision: number | null;
  drifted: boolean;
}

/** What decides about one config of an agent, before its text is looked at. */
export interface Decision {
  readonly groupId: string;
  readonly revision: number;
}

/** A decision with what came of it for one agent. */
export interface Outcome extends Decision {
  /** Why its text cannot be made for this agent; null when it can. */
  readonly reason: string | null;
  /** What is offered: of the revision that was decided, or of the last good one; nothing where there is none. */
  readonly offered: WantedConfig | undefined;
  /** The revision whose text is offered. */
  readonly offeredRevision: number | null;
}

/** What this process keeps of one agent's configs. */
export interface ConfigMemory {
  /** The version of the plan that `wanted` was made of; -1 for none. */
  version: number;
  /** After this instant something in it has expired. */
  validUntil: Timestamp;
  traits: AgentTraits;
  membership: Membership | null;
  groups: readonly GroupRule[];
  wanted: readonly WantedConfig[];
  readonly outcomes: Map<string, Outcome>;
  readonly truths: Map<string, Truth>;
  /** The last report, to know one that says the same. */
  told: readonly HeldConfig[];
  toldVersion: number;
  /** What the peer was told last. */
  pushed: readonly WantedConfig[] | null;
}

export const NOTHING_WANTED: readonly WantedConfig[] = Object.freeze([]);

export function newMemory(traits: AgentTraits, truths: Map<string, Truth>): ConfigMemory {
  return {
    version: -1,
    validUntil: Number.POSITIVE_INFINITY,
    traits,
    membership: null,
    groups: [],
    wanted: NOTHING_WANTED,
    outcomes: new Map(),
    truths,
    told: [],
    toldVersion: -1,
    pushed: null,
  };
}
