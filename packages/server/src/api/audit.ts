import { auditPageSchema } from "@muster/core/resources";
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { idPageQuery } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

const auditQuery = idPageQuery.extend({
  actor: z.string().max(300).optional(),
  action: z.string().max(100).optional(),
});

/** The audit log. It is written by the checks around every route, and by nobody through the API. */
export function auditRoutes({ access }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/audit",
      action: "audit.read",
      summary: "Who did what, and what was refused, newest first",
      query: auditQuery,
      response: auditPageSchema,
      handler: (call) => access.audit.list(call.query),
    }),
  ];
}
