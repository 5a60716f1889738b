import type { AgentId, Capability, Labels, Timestamp } from "@muster/core";
import type { AgentStatus } from "@muster/core/resources";
import type { ConfigMemory } from "./config-memory.ts";
import type { HostSeries } from "./host-series.ts";
import type { AgentTag } from "./membership.ts";
import type { LiveSession } from "./sessions.ts";

/** What configs and groups need to know of an agent. Never changed: a new one takes its place. */
export interface AgentTraits {
  readonly name: string;
  readonly hostname: string;
  /** Such as `ilogtail`; null where it does not say. */
  readonly agentType: string | null;
  /** With what operators set on top. */
  readonly labels: Labels;
  readonly tags: readonly AgentTag[];
  /** JSON object: what operators set. */
  readonly overrides: string;
}

/** What this process keeps in memory of an agent that it has seen since it started. Kept small: there may be many. */
export interface AgentState {
  readonly number: number;
  readonly id: AgentId;
  readonly protocol: string;
  readonly externalId: string;
  status: AgentStatus;
  statusReason: string;
  statusAt: Timestamp;
  lastSeenAt: Timestamp | null;
  clockSkewMs: number | null;
  capabilities: ReadonlySet<Capability>;
  traits: AgentTraits;
  /** Its configs, once it was asked for them. */
  configs: ConfigMemory | null;
  /** A fingerprint of the facts that are stored, so that a reconnect that says nothing new writes nothing. */
  factsHash: number;
  /** Live connections to this process, oldest first. */
  sessions: LiveSession[];
  /** The process that holds a newer connection of this agent; null while the newest is ours, or none is known. */
  elsewhere: string | null;
  /** When that one was opened; of the last one known while there is none. */
  elsewhereAt: Timestamp;
  /** The process whose newer connection has ended, so that ours counts again, although its row may say otherwise. */
  tookOverFrom: string | null;
  /** Connections that other processes hold beside ours; null for none, since that is what nearly all have. */
  others: Map<string, number> | null;
  /** Something here differs from the store. */
  dirty: boolean;
  /** Its measurements, once it told any. Here rather than in a map of its own: every beat asks for it. */
  series?: HostSeries;
}

/** The session that gets the work: the newest of all, when this process holds it. */
export function workingSession(state: AgentState): LiveSession | undefined {
  return state.elsewhere === null ? state.sessions.at(-1) : undefined;
}

/** Which of two connections is the newer one; of two of the same instant that of the process with the greater id. */
export function isLater(at: Timestamp, process: string, otherAt: Timestamp, other: string): boolean {
  return at === otherAt ? process > other : at > otherAt;
}

/** How many live connections claim this agent's id; above one somebody cloned it. */
export function countConnections(state: AgentState): number {
  let count = state.sessions.length;
  for (const others of state.others?.values() ?? []) count += others;
  return count;
}

/** True when this process knows better than the store how the agent is: it holds it, or its change is not written yet. */
export function isOurs(state: AgentState): boolean {
  return state.elsewhere === null && (state.sessions.length > 0 || state.dirty);
}

/** A 53-bit fingerprint of a text (cyrb53). Good for noticing change, not for security. */
export function fingerprint(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}
