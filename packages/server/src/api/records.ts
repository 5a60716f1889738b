import { recordListQuerySchema, recordPageSchema } from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { defineRoute, type Route } from "./route.ts";

/** Logs, objects, events, traces: what agents write that is no measurement. */
export function recordRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/records",
      action: "records.read",
      summary: "Search logs, objects, events and traces, newest first; or follow them with `after`",
      query: recordListQuerySchema,
      response: recordPageSchema,
      handler: (call) => fleet.records.list(call.query),
    }),
  ];
}
