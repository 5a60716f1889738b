import { type AgentRow, readCapabilities } from "../../fleet/agent-rows.ts";
import type { AgentTag } from "../../fleet/membership.ts";
import { type ConfigServerFleet, PROTOCOL } from "./parts.ts";
import { readRunning } from "./reports.ts";

/** An agent as users of ConfigServer see it. */
export interface StoredAgent {
  readonly id: string;
  readonly agentType: string;
  readonly version: string;
  readonly ip: string;
  readonly hostname: string;
  readonly tags: readonly AgentTag[];
  /** In seconds. */
  readonly latestHeartbeatTime: number;
  readonly running: ReadonlyMap<string, string>;
  readonly details: Readonly<Record<string, string>>;
}

/** Rows that are turned in one turn of the event loop. */
const PER_TURN = 1000;

/** Who in a group can run pipelines, whatever it speaks; by id, in the order of bytes. */
export async function listMembers(fleet: ConfigServerFleet, groupId: string): Promise<StoredAgent[]> {
  const rows = await fleet.groups.members(groupId);
  const agents: StoredAgent[] = [];
  for (const [index, row] of rows.entries()) {
    if (index % PER_TURN === PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    if (readCapabilities(row.capabilities).includes("pipelines")) agents.push(toAgent(fleet, row));
  }
  return agents.sort((left, right) => (left.id < right.id ? -1 : 1));
}

function toAgent(fleet: ConfigServerFleet, row: AgentRow): StoredAgent {
  const details = JSON.parse(row.details) as Record<string, string>;
  const [ip = ""] = JSON.parse(row.addresses) as string[];
  // the row is written now and then, the state is what this process heard last
  const seen = Math.max(fleet.registry.getByNumber(row.number)?.lastSeenAt ?? 0, row.last_seen_at ?? 0);
  return {
    id: row.external_id,
    agentType: details.agentType ?? (row.protocol === PROTOCOL ? "" : "muster"),
    version: row.version ?? "",
    ip,
    hostname: row.hostname === "unknown" ? "" : row.hostname,
    tags: JSON.parse(row.tags) as AgentTag[],
    latestHeartbeatTime: Math.floor(seen / 1000),
    running: readRunning(details),
    details,
  };
}
