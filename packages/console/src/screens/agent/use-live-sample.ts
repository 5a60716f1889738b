import { toIso } from "@muster/core";
import type { LatestSample, MetricAnswer } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { useLive } from "../../api/live.tsx";
import { sampleQuery } from "../../api/queries.ts";
import { appendPoint, EMPTY_SERIES, type Series } from "../../logic/series.ts";

/** The measurements whose recent past the live tab draws. */
const TRAILED = [
  "system.cpu.utilization",
  "system.memory.utilization",
  "system.filesystem.utilization",
  "system.load.1m",
  "system.network.receive",
  "system.network.transmit",
  "system.disk.read",
  "system.disk.write",
] as const;
export type TrailName = (typeof TRAILED)[number];
export type Trails = Readonly<Record<TrailName, Series>>;

const TRAIL_MS = 10 * 60_000;

/** The newest reading of a host and the last minutes before it. Undefined while asking, null when there is none. */
export function useLiveSample(agentId: string): { sample: LatestSample | null | undefined; trails: Trails } {
  const clock = useServerClock();
  const [arrived, setArrived] = useState<readonly LatestSample[]>([]);
  const { data: stored } = useQuery(sampleQuery(agentId));
  const { data: past } = useQuery({
    queryKey: ["trails", agentId],
    queryFn: () =>
      client.metrics.query({
        agentId,
        names: TRAILED,
        from: toIso(clock() - TRAIL_MS),
        to: toIso(clock()),
        maxPoints: 60,
      }),
    staleTime: 60_000,
  });
  useLive({ op: "agent", agentId }, (event) => {
    if (event.event === "sample") setArrived((old) => [...old.slice(-199), event.sample]);
  });
  const trails = useMemo(() => {
    const entries = TRAILED.map((name) => [name, continueTrail(past, name, arrived)] as const);
    return Object.fromEntries(entries) as Trails;
  }, [past, arrived]);
  return { sample: arrived.at(-1) ?? stored, trails };
}

function continueTrail(past: MetricAnswer | undefined, name: TrailName, arrived: readonly LatestSample[]): Series {
  let series = EMPTY_SERIES;
  const known = past?.series.find((candidate) => candidate.name === name);
  if (past && known) {
    const from = Date.parse(past.from);
    series = { times: known.avg.map((_, index) => from + index * past.stepMs), values: known.avg };
    // the last step is not over: an empty end would be drawn as a gap
    while (series.values.at(-1) === null) {
      series = { times: series.times.slice(0, -1), values: series.values.slice(0, -1) };
    }
  }
  for (const sample of arrived) series = appendPoint(series, Date.parse(sample.at), sample.values[name] ?? null, 240);
  return series;
}
