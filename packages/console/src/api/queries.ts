import { hasCode } from "@muster/core";
import type { AgentListQuery, Command, CommandStatus, RunStatus } from "@muster/core/resources";
import { collectAll, type ListQuery } from "@muster/sdk";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

/** Every question the console asks, with the key its answer is kept under. */

/** Who is logged in; null when nobody is. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) =>
    client.session.me(signal).catch((error: unknown) => {
      if (hasCode(error, "unauthenticated")) return null;
      throw error;
    }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => client.system.get(signal),
  refetchInterval: 30_000,
});

export const openApiQuery = queryOptions({
  queryKey: ["openapi"],
  queryFn: () => client.system.openapi(),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Small first page for a quick first paint, larger ones behind it. */
const FIRST_PAGE = 100;
const NEXT_PAGE = 500;

export function agentsQuery(query: ListQuery<AgentListQuery>) {
  return infiniteQueryOptions({
    queryKey: ["agents", query],
    queryFn: ({ pageParam, signal }) =>
      client.agents.list(
        { ...query, limit: pageParam ? NEXT_PAGE : FIRST_PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    // changes arrive by the live stream; asking again for 50,000 rows on focus would not
    refetchOnWindowFocus: false,
    staleTime: 30_000,
  });
}

export const labelsQuery = queryOptions({
  queryKey: ["labels"],
  queryFn: () => client.agents.labels(),
  staleTime: 60_000,
});

export const agentQuery = (id: string) =>
  queryOptions({ queryKey: ["agent", id], queryFn: () => client.agents.get(id), refetchInterval: 30_000 });

/** The newest reading; null when the agent never sent one. */
export const sampleQuery = (id: string) =>
  queryOptions({
    queryKey: ["sample", id],
    queryFn: () =>
      client.agents.sample(id).catch((error: unknown) => {
        if (hasCode(error, "not_found")) return null;
        throw error;
      }),
  });

export function agentRunsQuery(agentId: string, status: RunStatus | undefined) {
  return infiniteQueryOptions({
    queryKey: ["agent-runs", agentId, status],
    queryFn: ({ pageParam }) =>
      client.agents.runs(agentId, { limit: 100, ...withCursor(pageParam), ...(status && { status }) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: 15_000,
  });
}

export function commandsQuery(query: { filter?: string; status?: CommandStatus }) {
  return infiniteQueryOptions({
    queryKey: ["commands", query],
    queryFn: ({ pageParam }) => client.commands.list({ ...query, limit: 100, ...withCursor(pageParam) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

export const runningCommandsQuery = queryOptions({
  queryKey: ["running-commands"],
  queryFn: async () => (await client.commands.list({ status: "running", limit: 20 })).items,
});

/** A command that has ended never changes again. */
export const commandQuery = (id: string) =>
  queryOptions({
    queryKey: ["command", id],
    queryFn: () => client.commands.get(id),
    staleTime: (query) => (isEnded(query.state.data) ? 300_000 : 0),
  });

export const commandRunsQuery = (id: string) =>
  queryOptions({ queryKey: ["command-runs", id], queryFn: () => collectAll(client.commands.allRuns(id), 50_000) });

export const runQuery = (id: string) =>
  queryOptions({ queryKey: ["run", id], queryFn: () => client.runs.get(id), refetchInterval: 10_000 });

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: () => collectAll(client.groups.listAll(), 5000),
});

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: () => collectAll(client.users.listAll(), 5000),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => collectAll(client.tokens.listAll(), 5000),
});

export const enrollmentTokensQuery = queryOptions({
  queryKey: ["enrollment-tokens"],
  queryFn: () => collectAll(client.enrollmentTokens.listAll(), 5000),
});

export function auditQuery(query: { actor?: string; action?: string }) {
  return infiniteQueryOptions({
    queryKey: ["audit", query],
    queryFn: ({ pageParam }) => client.audit.list({ ...query, limit: 200, ...withCursor(pageParam) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

const withCursor = (cursor: string) => (cursor === "" ? {} : { cursor });

function isEnded(command: Command | undefined): boolean {
  return command !== undefined && command.finishedAt !== null;
}
