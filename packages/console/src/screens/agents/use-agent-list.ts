import type { Agent, AgentCounts } from "@muster/core/resources";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useLive } from "../../api/live.tsx";
import { agentQuery, agentsQuery } from "../../api/queries.ts";
import { type AgentFilter, toListQuery } from "../../logic/agent-filter.ts";

/** The agents that match, as far as they are loaded, kept true by the live stream for the rows on screen. */
export interface AgentList {
  readonly rows: Agent[] | undefined;
  /** How many match in all. */
  readonly total: number | undefined;
  readonly counts: AgentCounts | undefined;
  readonly removed: ReadonlySet<string>;
  readonly error: Error | null;
  readonly hasMore: boolean;
  /** Agents came or went since the list was read, so the order may differ from what the server would say now. */
  readonly outdated: boolean;
  loadMore(): void;
  reload(): void;
  follow(ids: readonly string[]): void;
}

interface Changes {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly removed: ReadonlySet<string>;
}

/** A moment for those who come together. */
const REREAD_MS = 1000;

const NO_CHANGES: Changes = { agents: new Map(), removed: new Set() };

export function useAgentList(filter: AgentFilter): AgentList {
  const queries = useQueryClient();
  const query = useInfiniteQuery(agentsQuery(toListQuery(filter)));
  const { data, fetchNextPage, isFetchingNextPage, refetch } = query;
  const [changes, setChanges] = useState(NO_CHANGES);
  const [counts, setCounts] = useState<AgentCounts>();
  const [followed, setFollowed] = useState<readonly string[]>([]);
  const [read, setRead] = useState<{ at: number; total: number }>();

  useLive({ op: "fleet", agentIds: [...followed] }, (event) => {
    if (event.event === "counts") setCounts(event.counts);
    if (event.event === "agent") {
      const { agent } = event;
      setChanges((old) => ({ ...old, agents: new Map(old.agents).set(agent.id, agent) }));
      queries.setQueryData(agentQuery(agent.id).queryKey, agent);
    }
    if (event.event === "agent_removed") {
      setChanges((old) => ({ ...old, removed: new Set(old.removed).add(event.agentId) }));
    }
  });

  const rows = useMemo(
    () => data?.pages.flatMap((page) => page.items).map((agent) => changes.agents.get(agent.id) ?? agent),
    [data, changes],
  );
  const first = data?.pages[0]?.total;
  const { dataUpdatedAt } = query;
  // how many agents there were when the list was read for the last time
  if (counts && dataUpdatedAt > 0 && read?.at !== dataUpdatedAt) setRead({ at: dataUpdatedAt, total: counts.total });
  const outdated = counts !== undefined && read !== undefined && counts.total !== read.total;
  const isShort = data?.pages.length === 1;
  useEffect(() => {
    if (!outdated || !isShort) return;
    // one page is read again by itself; of a long list the reader would lose the place
    const timer = setTimeout(() => void refetch(), REREAD_MS);
    return () => clearTimeout(timer);
  }, [outdated, isShort, refetch]);

  return {
    rows,
    total: first,
    counts,
    removed: changes.removed,
    error: query.error,
    hasMore: query.hasNextPage,
    outdated,
    loadMore: useCallback(() => {
      if (!isFetchingNextPage) void fetchNextPage();
    }, [isFetchingNextPage, fetchNextPage]),
    reload: () => {
      setChanges(NO_CHANGES);
      void refetch();
    },
    follow: setFollowed,
  };
}
