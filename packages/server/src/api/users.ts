import { userCreateSchema, userPageSchema, userPatchSchema, userSchema } from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { idPageQuery, idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";
import { identityOf } from "./self.ts";

/** People who may log in. */
export function userRoutes({ access }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/users",
      action: "users.read",
      summary: "List people",
      query: idPageQuery,
      response: userPageSchema,
      handler: (call) => access.users.list(call.query),
    }),
    defineRoute({
      method: "POST",
      path: "/users",
      action: "users.write",
      summary: "Add a person",
      body: userCreateSchema,
      response: userSchema,
      status: 201,
      audit: (call, user) => ({
        target: `user:${user.id}`,
        details: { username: call.body.username, role: call.body.role },
      }),
      handler: (call) => access.users.create(call.body),
    }),
    defineRoute({
      method: "GET",
      path: "/users/:id",
      action: "users.read",
      summary: "One person",
      params: idParams,
      response: userSchema,
      handler: (call) => access.users.get(call.params.id),
    }),
    defineRoute({
      method: "PATCH",
      path: "/users/:id",
      action: "users.write",
      summary: "Change a person's role or password, or shut the person out",
      params: idParams,
      body: userPatchSchema,
      response: userSchema,
      audit(call, user) {
        const { password, ...rest } = call.body;
        const details = { username: user.username, ...rest, ...(password !== undefined && { password: "changed" }) };
        return { target: `user:${call.params.id}`, details };
      },
      handler(call) {
        const { credential } = identityOf(call);
        return access.users.update(call.params.id, call.body, credential.id);
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/users/:id",
      action: "users.write",
      summary: "Remove a person, with every session and API token of theirs",
      params: idParams,
      audit: (call) => ({ target: `user:${call.params.id}` }),
      handler: (call) => access.users.remove(call.params.id),
    }),
  ];
}
