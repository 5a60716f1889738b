import { toIso } from "@muster/core";
import type { MetricAnswer } from "@muster/core/resources";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import {
  customRange,
  readTimeRange,
  refreshMs,
  resolveTimeRange,
  type TimeRange,
  writeTimeRange,
} from "../../logic/time-range.ts";
import { Chart } from "../../parts/chart.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { TimePicker } from "../../parts/time-picker.tsx";
import { CHARTS, type ChartPlan } from "./history-charts.ts";
import classes from "./history-tab.module.css";

/** More points than pixels tell nothing; a chart is rarely wider than this. */
const MAX_POINTS = 600;

/** How the host was: one span of time for all charts. */
export function HistoryTab({ agentId }: { agentId: string }) {
  const { say } = useSpeech();
  const clock = useServerClock();
  const [parameters, setParameters] = useSearchParams();
  const range = readTimeRange(parameters);
  const setRange = (next: TimeRange) => setParameters((old) => writeTimeRange(old, next));
  const key = range.kind === "preset" ? range.preset : `${range.from}-${range.to}`;
  const query = useQuery({
    queryKey: ["history", agentId, key],
    queryFn: async ({ signal }) => {
      const span = resolveTimeRange(range, clock());
      const names = CHARTS.flatMap((chart) => chart.lines.map((line) => line.name));
      const from = toIso(span.from);
      const answer = await client.metrics.query(
        { agentId, names, from, to: toIso(span.to), maxPoints: MAX_POINTS },
        signal,
      );
      return { span, answer };
    },
    refetchInterval: refreshMs(range),
    placeholderData: keepPreviousData,
  });
  const empty = query.data?.answer.series.every((series) => series.avg.every((value) => value === null));
  return (
    <div className={classes.history}>
      <TimePicker range={range} onChange={setRange} />
      {query.error && <ErrorNotice error={query.error} retry={() => void query.refetch()} />}
      {empty && !query.isPlaceholderData && <Empty title={say("history.none")} text={say("history.noneText")} />}
      {query.data && !empty && (
        <div className={classes.charts} data-old={query.isPlaceholderData || undefined}>
          {CHARTS.map((plan) => (
            <HistoryChart
              key={plan.title}
              plan={plan}
              answer={query.data.answer}
              span={query.data.span}
              syncKey={agentId}
              onZoom={(from, to) => setRange(customRange(from, to))}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function HistoryChart(props: {
  plan: ChartPlan;
  answer: MetricAnswer;
  span: { from: number; to: number };
  syncKey: string;
  onZoom: (from: number, to: number) => void;
}) {
  const { plan, answer, span, syncKey, onZoom } = props;
  const { say, format } = useSpeech();
  const from = Date.parse(answer.from);
  const present = plan.lines.flatMap((line) => {
    const series = answer.series.find((candidate) => candidate.name === line.name);
    return series ? [{ label: say(line.label), values: series.avg, color: line.color }] : [];
  });
  if (present.length === 0) return null;
  const times = (present[0]?.values ?? []).map((_, index) => from + index * answer.stepMs);
  const writers = {
    share: (value: number) => format.percent(value, value > 0 && value < 0.1 ? 1 : 0),
    bytes: format.bytes,
    rate: format.rate,
    number: (value: number) => format.number(value, Number.isInteger(value) ? 0 : 1),
  };
  return (
    <Chart
      title={say(plan.title)}
      times={times}
      series={present}
      span={span}
      syncKey={syncKey}
      formatValue={writers[plan.unit]}
      formatTime={(seconds) => format.instant(seconds * 1000)}
      formatTick={(seconds) => format.tick(seconds * 1000)}
      {...(plan.unit === "share" && { max: 1 })}
      binary={plan.unit === "bytes" || plan.unit === "rate"}
      onZoom={onZoom}
    />
  );
}
