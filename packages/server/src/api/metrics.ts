import { MusterError } from "@muster/core";
import { metricAnswerSchema, metricQuerySchema } from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { defineRoute, type Route } from "./route.ts";

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
        const optional = { ...(names && { names }), ...(stepMs !== undefined && { stepMs }) };
        return fleet.metrics.query({ agentId, from, to, maxPoints, ...optional });
      },
    }),
  ];
}
