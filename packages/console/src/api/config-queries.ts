import type { ConfigStatus, Rollout, RolloutAgentState } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { infiniteQueryOptions, type QueryClient, queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

/** The live stream tells of changes; this is for what it may have missed. */
const FLEET_MS = 5000;
const ROLLOUT_MS = 1500;
const PAGE = 100;

const withCursor = (cursor: string) => (cursor === "" ? {} : { cursor });

export const configKindsQuery = queryOptions({
  queryKey: ["config-kinds"],
  queryFn: () => client.configs.kinds(),
  staleTime: Number.POSITIVE_INFINITY,
});

export function configsQuery(query: { filter?: string; kind?: string }) {
  return infiniteQueryOptions({
    queryKey: ["configs", "list", query],
    queryFn: ({ pageParam }) => client.configs.list({ ...query, limit: PAGE, ...withCursor(pageParam) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: FLEET_MS,
  });
}

export const configQuery = (id: string) =>
  queryOptions({
    queryKey: ["configs", "one", id],
    queryFn: () => client.configs.get(id),
    refetchInterval: FLEET_MS,
  });

/** Newest first, with their texts. */
export const configRevisionsQuery = (id: string) =>
  queryOptions({ queryKey: ["configs", "revisions", id], queryFn: () => client.configs.revisions(id) });

export const configRevisionQuery = (id: string, revision: number) =>
  queryOptions({
    queryKey: ["configs", "revision", id, revision],
    queryFn: () => client.configs.revision(id, revision),
    staleTime: Number.POSITIVE_INFINITY,
  });

export function configAgentsQuery(id: string, status: ConfigStatus | undefined) {
  return infiniteQueryOptions({
    queryKey: ["configs", "agents", id, status],
    queryFn: ({ pageParam }) =>
      client.configs.agents(id, { limit: PAGE, ...withCursor(pageParam), ...(status && { status }) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: FLEET_MS,
  });
}

/** So many agents of a config are looked at for a row of the list. */
export const TALLIED = 500;

export const configTallyQuery = (id: string) =>
  queryOptions({
    queryKey: ["configs", "tally", id],
    queryFn: () => client.configs.agents(id, { limit: TALLIED }),
    refetchInterval: 15_000,
    staleTime: 5000,
  });

export const agentConfigsQuery = (agentId: string) =>
  queryOptions({
    queryKey: ["configs", "of-agent", agentId],
    queryFn: () => client.configs.ofAgent(agentId),
    refetchInterval: FLEET_MS,
  });

export const configPlanQuery = (configId: string, revision: number, groups: readonly string[]) =>
  queryOptions({
    queryKey: ["configs", "plan", configId, revision, groups],
    queryFn: () => client.configs.plan({ configId, revision, groups }),
    enabled: groups.length > 0,
    retry: false,
  });

export const rolloutsQuery = (configId: string) =>
  queryOptions({
    queryKey: ["rollouts", "of", configId],
    queryFn: async () => (await client.rollouts.list({ configId, limit: PAGE })).items,
    refetchInterval: FLEET_MS,
  });

const isOver = (rollout: Rollout | undefined) => rollout !== undefined && rollout.endedAt !== null;

export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ["rollouts", "one", id],
    queryFn: ({ signal }) => client.rollouts.get(id, signal),
    refetchInterval: (query) => (isOver(query.state.data) ? false : ROLLOUT_MS),
  });

export function rolloutAgentsQuery(
  id: string,
  query: { wave?: number; state?: RolloutAgentState },
  { isOver }: { isOver: boolean },
) {
  return infiniteQueryOptions({
    queryKey: ["rollouts", "agents", id, query],
    queryFn: ({ pageParam }) => client.rollouts.agents(id, { limit: PAGE, ...withCursor(pageParam), ...query }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: isOver ? false : FLEET_MS,
  });
}

export const rolloutErrorsQuery = (id: string, { isOver }: { isOver: boolean }) =>
  queryOptions({
    queryKey: ["rollouts", "errors", id],
    queryFn: () => client.rollouts.errors(id),
    refetchInterval: isOver ? false : FLEET_MS,
  });

/** All secrets without their values; for admins. */
export const secretsQuery = queryOptions({ queryKey: ["secrets"], queryFn: () => client.secrets.list() });

/** Configs of which a group has a revision. */
export const groupConfigsQuery = (groupId: string) =>
  queryOptions({
    queryKey: ["configs", "of-group", groupId],
    queryFn: async () =>
      (await collectAll(client.configs.listAll(), 5000)).filter(({ groups }) =>
        groups.some(({ id }) => id === groupId),
      ),
  });

/** Everything about configs is asked again, where it is on screen. */
export async function refreshConfigs(queries: QueryClient): Promise<void> {
  await Promise.all([
    queries.invalidateQueries({ queryKey: ["configs"] }),
    queries.invalidateQueries({ queryKey: ["rollouts"] }),
  ]);
}
