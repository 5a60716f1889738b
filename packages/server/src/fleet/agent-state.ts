import type { AgentId, Capability, Timestamp } from "@muster/core";
import type { AgentStatus } from "@muster/core/resources";
import type { LiveSession } from "./sessions.ts";

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
  /** A fingerprint of the facts that are stored, so that a reconnect that says nothing new writes nothing. */
  factsHash: number;
  /** Live connections, oldest first: the last one gets the work. */
  sessions: LiveSession[];
  /** Something here differs from the store. */
  dirty: boolean;
}

/** The session that gets the work: the newest. */
export function workingSession(state: AgentState): LiveSession | undefined {
  return state.sessions.at(-1);
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
