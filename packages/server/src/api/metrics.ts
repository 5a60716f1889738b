import { HOST_METRICS, MusterError } from "@muster/core";
import {
  metricAnswerSchema,
  metricQuerySchema,
  metricSeriesPageSchema,
  metricSeriesQuerySchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { defineRoute, type Route } from "./route.ts";

const HOST_NAMES: ReadonlySet<string> = new Set(HOST_METRICS.map((metric) => metric.name));

/** Metric history. */
export function metricRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/metrics",
      action: "metrics.read",
      summary: "The history of an agent's measurements",
      query: metricQuerySchema,
      response: metricAnswerSchema,
      async handler(call) {
        const { agentId, names, stepMs, maxPoints } = call.query;
        const from = Date.parse(call.query.from);
        const to = Date.parse(call.query.to);
        if (!(from < to)) throw new MusterError("invalid_argument", "`from` must lie before `to`", { field: "from" });
        await fleet.agents.get(agentId);
        const range = { agentId, from, to, maxPoints, ...(stepMs !== undefined && { stepMs }) };
        if (!names) return fleet.metrics.query(range);
        const own = names.filter((name) => HOST_NAMES.has(name));
        const written = names.filter((name) => !HOST_NAMES.has(name));
        const answer = await fleet.metrics.query({ ...range, names: own });
        if (written.length === 0) return answer;
        const { series } = await fleet.pointHistory.query({ ...range, names: written });
        return { ...answer, series: [...answer.series, ...series] };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/metrics/series",
      action: "metrics.read",
      summary: "What an agent's collectors and programs have written: measurements, labels and fields",
      query: metricSeriesQuerySchema,
      response: metricSeriesPageSchema,
      handler: (call) => fleet.pointHistory.listSeries(call.query.agentId, call.query.measurement),
    }),
  ];
}
