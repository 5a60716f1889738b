import type { Agent, AgentListQuery } from "@muster/core/resources";
import { CODE_MESSAGES, type WireNode } from "@muster/protocols/node";
import { type NodeDoorParts, PROTOCOL } from "./parts.ts";
import { type RestCall, RestFailure, type RestRoute, readPage } from "./rest-call.ts";
import { toWireNode } from "./wire-resources.ts";

/** The seed's clean-up counts nodes as gone that have been silent for this long. */
const CLEANUP_AFTER_MS = 30 * 60_000;
const PAGE = 1000;

export const NODE_ROUTES: readonly RestRoute[] = [
  {
    method: "GET",
    path: "/api/v1/health",
    action: "agents.read",
    handle: async () => ({ status: "healthy", websocket: "running" }),
  },
  { method: "GET", path: "/api/v1/nodes", action: "agents.read", handle: listNodes },
  { method: "GET", path: "/api/v1/nodes/stats", action: "agents.read", handle: readStats },
  {
    method: "GET",
    path: "/api/v1/nodes/cleanup",
    action: "agents.update",
    audited: "node.cleanup",
    handle: async ({ parts }) => parts.fleet.agents.markSilentOffline(CLEANUP_AFTER_MS, PROTOCOL),
  },
  {
    method: "GET",
    path: "/api/v1/nodes/:id",
    action: "agents.read",
    handle: async (call) => showNode(call.parts, await getNode(call)),
  },
  {
    method: "DELETE",
    path: "/api/v1/nodes/:id",
    action: "agents.delete",
    audited: "agents.delete",
    handle: async (call) => {
      const agent = await getNode(call);
      await call.parts.fleet.agents.remove(agent.id);
      return null;
    },
  },
];

/** The agent that a path names by its node id; a failure in the seed's words when there is none. */
export async function getNode(call: RestCall): Promise<Agent> {
  const agent = await call.parts.fleet.agents.findByExternalId(PROTOCOL, call.path.id ?? "");
  if (!agent) throw new RestFailure({ message: CODE_MESSAGES.NODE_NOT_FOUND, code: "NODE_NOT_FOUND" });
  return agent;
}

export function showNode(parts: NodeDoorParts, agent: Agent): WireNode {
  return toWireNode(agent, parts.fleet.agents.numberOf(agent.id) ?? 0);
}

async function listNodes({ parts, request }: RestCall): Promise<unknown> {
  const { limit, offset } = readPage(request.query, 50);
  const status = request.query.get("status");
  const found = await findNodes(parts, status === null || status === "" ? undefined : status, offset + limit);
  const nodes = found.agents.slice(offset, offset + limit).map((agent) => showNode(parts, agent));
  return { nodes, total: found.total, limit, offset };
}

/** The newest `count` nodes with a status of the seed's, and how many have it. Nobody is in a status that does not exist. */
async function findNodes(
  parts: NodeDoorParts,
  status: string | undefined,
  count: number,
): Promise<{ agents: Agent[]; total: number }> {
  if (status === undefined) return readNewest(parts, {}, count);
  if (status === "online") return readNewest(parts, { status }, count);
  if (status !== "offline") return { agents: [], total: 0 };
  const offline = await readNewest(parts, { status: "offline" }, count);
  const stale = await readNewest(parts, { status: "stale" }, count);
  const agents = [...offline.agents, ...stale.agents].sort((left, right) =>
    left.firstSeenAt > right.firstSeenAt ? -1 : 1,
  );
  return { agents, total: offline.total + stale.total };
}

/** Nodes, newest first, at most `count` of them. */
export async function readNewest(
  parts: NodeDoorParts,
  query: Pick<AgentListQuery, "status">,
  count: number,
): Promise<{ agents: Agent[]; total: number }> {
  const agents: Agent[] = [];
  let cursor: string | undefined;
  let total = 0;
  do {
    const limit = Math.max(1, Math.min(PAGE, count - agents.length));
    const page = await parts.fleet.agents.list({
      ...query,
      protocol: PROTOCOL,
      sort: "-firstSeenAt",
      limit,
      ...(cursor ? { cursor } : {}),
    });
    agents.push(...page.items);
    total = page.total;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && agents.length < count);
  return { agents, total };
}

async function readStats({ parts }: RestCall): Promise<unknown> {
  const counts = await parts.fleet.agents.counts();
  return {
    total_nodes: counts.total,
    online_nodes: counts.online,
    offline_nodes: counts.total - counts.online,
    connection_count: parts.fleet.sessions.connectionCount(PROTOCOL),
  };
}
