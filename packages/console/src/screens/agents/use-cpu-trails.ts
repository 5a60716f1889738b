import { toIso } from "@muster/core";
import type { Agent } from "@muster/core/resources";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { appendPoint, EMPTY_SERIES, type Series } from "../../logic/series.ts";

const TRAIL_MS = 15 * 60_000;
const TRAIL_POINTS = 60;
const AT_ONCE = 3;
const CPU = "system.cpu.utilization";

/**
 * The recent CPU of the rows on screen: history is fetched once per row that stays in view, then continued by what
 * arrives live. Rows that were scrolled past are not asked for.
 */
export function useCpuTrails(rows: readonly Agent[] | undefined) {
  const queries = useQueryClient();
  const clock = useServerClock();
  const [past, setPast] = useState<ReadonlyMap<string, Series>>(new Map());
  const [wanted, setWanted] = useState<readonly string[]>([]);
  const grown = useRef(new Map<string, Series>());

  const fetchMissing = useEffectEvent((ids: readonly string[], signal: AbortSignal) => {
    const waiting = ids.filter((id) => !past.has(id));
    const fetchNext = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined && !signal.aborted; id = waiting.shift()) {
        const agentId = id;
        const series = await queries
          .fetchQuery({
            queryKey: ["cpu-trail", agentId],
            queryFn: () => fetchTrail(agentId, clock()),
            staleTime: 300_000,
            retry: false,
          })
          .catch(() => EMPTY_SERIES);
        if (!signal.aborted) setPast((old) => new Map(old).set(agentId, series));
      }
    };
    for (let lane = 0; lane < AT_ONCE; lane++) void fetchNext();
  });
  useEffect(() => {
    const stop = new AbortController();
    fetchMissing(wanted, stop.signal);
    return () => stop.abort();
  }, [wanted]);

  const trails = useMemo(() => {
    const shown = new Map<string, Series>();
    const onScreen = new Set(wanted);
    for (const agent of rows ?? []) {
      if (!onScreen.has(agent.id)) continue;
      const base = grown.current.get(agent.id) ?? past.get(agent.id);
      if (!base) continue;
      const { gauges } = agent;
      const series = gauges ? appendPoint(base, Date.parse(gauges.at), gauges.cpu, TRAIL_POINTS) : base;
      grown.current.set(agent.id, series);
      shown.set(agent.id, series);
    }
    return shown;
  }, [rows, past, wanted]);

  return { trails, follow: useCallback((ids: readonly string[]) => setWanted(ids), []) };
}

async function fetchTrail(agentId: string, now: number): Promise<Series> {
  const answer = await client.metrics.query({
    agentId,
    names: [CPU],
    from: toIso(now - TRAIL_MS),
    to: toIso(now),
    maxPoints: TRAIL_POINTS,
  });
  const from = Date.parse(answer.from);
  const values = answer.series.find((series) => series.name === CPU)?.avg ?? [];
  return { times: values.map((_, index) => from + index * answer.stepMs), values };
}
