import type { Agent, AgentCounts } from "@muster/core/resources";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
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

const NO_CHANGES: Changes = { agents: new Map(), removed: new Set() };

export function useAgentList(filter: AgentFilter): AgentList {
  const queries = useQueryClient();
  const query = useInfiniteQuery(agentsQuery(toListQuery(filter)));
  const { data, fetchNextPage, isFetchingNextPage, refetch } = query;
  const [changes, setChanges] = useState(NO_CHANGES);
  const [counts, setCounts] = useState<AgentCounts>();
  const [followed, setFollowed] = useState<readonly string[]>([]);
  const knownTotal = useRef<number | undefined>(undefined);

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
  if (counts && knownTotal.current === undefined) knownTotal.current = counts.total;
  const outdated = counts !== undefined && knownTotal.current !== undefined && counts.total !== knownTotal.current;

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
      knownTotal.current = counts?.total;
      setChanges(NO_CHANGES);
      void refetch();
    },
    follow: setFollowed,
  };
}
