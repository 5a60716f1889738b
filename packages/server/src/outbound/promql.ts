import { HOST_METRICS } from "@muster/core";
import { HOST_NAMES, LEAST, MOST } from "./metric-names.ts";

/** What of a step is asked for. */
export const AGGREGATES = ["avg", "min", "max"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** The label of an answer that says which metric it is about. */
export const ANSWER_LABEL = "metric";

const COMPANIONS: Readonly<Record<Aggregate, string | undefined>> = { avg: undefined, min: LEAST, max: MOST };

/**
 * One query for one aggregate of several metrics of one agent. An agent whose name or labels changed has several series,
 * so the outer aggregation joins them. Names that are no host metric are left out.
 */
export function rangeQuery(aggregate: Aggregate, names: readonly string[], how: { agentId: string; rangeMs: number }) {
  const selector = `{agent_id=${quote(how.agentId)}}[${how.rangeMs}ms]`;
  const overTime = (series: string) => `${aggregate}_over_time(${series}${selector})`;
  const parts = names.flatMap((name) => {
    const series = HOST_NAMES[HOST_METRICS.findIndex((metric) => metric.name === name)];
    if (series === undefined) return [];
    const companion = COMPANIONS[aggregate];
    // the label keeps both sides of `or` apart, which differ in nothing else once their names are gone
    const source =
      companion === undefined
        ? overTime(series)
        : `${overTime(series)} or label_replace(${overTime(series + companion)},"of","${aggregate}","","")`;
    return [`label_replace(${aggregate}(${source}),"${ANSWER_LABEL}",${quote(name)},"","")`];
  });
  return parts.join(" or ");
}

function quote(text: string): string {
  return JSON.stringify(text);
}
