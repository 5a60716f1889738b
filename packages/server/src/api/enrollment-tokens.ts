import {
  enrollmentTokenCreatedSchema,
  enrollmentTokenCreateSchema,
  enrollmentTokenPageSchema,
  enrollmentTokenSchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { copiedLines } from "./install-script.ts";
import { idPageQuery, idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** Enrolment tokens: what lets an agent in. */
export function enrollmentTokenRoutes({ access, own }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/enrollment-tokens",
      action: "enrollment.read",
      summary: "List enrolment tokens, without their secrets",
      query: idPageQuery,
      response: enrollmentTokenPageSchema,
      handler: (call) => access.enrollment.list(call.query),
    }),
    defineRoute({
      method: "POST",
      path: "/enrollment-tokens",
      action: "enrollment.write",
      summary: "Create an enrolment token, with the lines that add a host",
      body: enrollmentTokenCreateSchema,
      response: enrollmentTokenCreatedSchema,
      status: 201,
      audit: (call, token) => ({
        target: `enrollment-token:${token.id}`,
        details: { name: call.body.name, expiresAt: call.body.expiresAt ?? null },
      }),
      async handler(call) {
        const created = await access.enrollment.create(call.body, call.actor);
        return { ...created, ...copiedLines(own.baseUrl, created.token) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/enrollment-tokens/:id",
      action: "enrollment.read",
      summary: "One enrolment token",
      params: idParams,
      response: enrollmentTokenSchema,
      handler: (call) => access.enrollment.get(call.params.id),
    }),
    defineRoute({
      method: "DELETE",
      path: "/enrollment-tokens/:id",
      action: "enrollment.write",
      summary: "Revoke an enrolment token; agents that are connected with it are sent away",
      params: idParams,
      audit: (call) => ({ target: `enrollment-token:${call.params.id}` }),
      handler: (call) => access.enrollment.remove(call.params.id),
    }),
  ];
}
