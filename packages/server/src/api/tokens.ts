import { tokenCreatedSchema, tokenCreateSchema, tokenPageSchema, tokenSchema } from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { idPageQuery, idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";
import { identityOf } from "./self.ts";

/** API tokens of programs. */
export function tokenRoutes({ access }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/tokens",
      action: "tokens.read",
      summary: "List API tokens, without their secrets",
      query: idPageQuery,
      response: tokenPageSchema,
      handler: (call) => access.tokens.list(call.query),
    }),
    defineRoute({
      method: "POST",
      path: "/tokens",
      action: "tokens.write",
      summary: "Create an API token; its secret is in this answer and nowhere else",
      body: tokenCreateSchema,
      response: tokenCreatedSchema,
      status: 201,
      audit: (call, token) => ({
        target: `token:${token.id}`,
        details: { name: call.body.name, scopes: call.body.scopes, expiresAt: call.body.expiresAt ?? null },
      }),
      handler: (call) => access.tokens.create(call.body, { name: call.actor, ownerId: identityOf(call).ownerId }),
    }),
    defineRoute({
      method: "GET",
      path: "/tokens/:id",
      action: "tokens.read",
      summary: "One API token",
      params: idParams,
      response: tokenSchema,
      handler: (call) => access.tokens.get(call.params.id),
    }),
    defineRoute({
      method: "DELETE",
      path: "/tokens/:id",
      action: "tokens.write",
      summary: "Revoke an API token; its open streams end",
      params: idParams,
      audit: (call) => ({ target: `token:${call.params.id}` }),
      handler: (call) => access.tokens.remove(call.params.id),
    }),
  ];
}
