import {
  type GroupWrite,
  groupPreviewQuerySchema,
  groupPreviewSchema,
  groupSchema,
  groupWriteSchema,
  page,
  pageQuerySchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** Ten thousand ids, and tags. */
const BODY_BYTES = 1024 * 1024;

/** Groups: named sets of agents. */
export function groupRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/groups",
      action: "groups.read",
      summary: "List groups",
      query: pageQuerySchema,
      response: page(groupSchema),
      handler: (call) => fleet.groups.list(call.query),
    }),
    defineRoute({
      method: "POST",
      path: "/groups",
      action: "groups.write",
      summary: "Create a group",
      body: groupWriteSchema,
      response: groupSchema,
      status: 201,
      bodyLimitBytes: BODY_BYTES,
      audit: (call, group) => ({ target: `group:${group.id}`, details: describe(call.body) }),
      handler: (call) => fleet.groups.create(call.body),
    }),
    defineRoute({
      method: "POST",
      path: "/groups/preview",
      action: "groups.read",
      summary: "Who would be in a group with this selector, these tags and these agents; nothing is stored",
      body: groupPreviewQuerySchema,
      response: groupPreviewSchema,
      bodyLimitBytes: BODY_BYTES,
      audit: "none",
      handler: (call) => fleet.groups.preview(call.body),
    }),
    defineRoute({
      method: "GET",
      path: "/groups/:id",
      action: "groups.read",
      summary: "One group",
      params: idParams,
      response: groupSchema,
      handler: (call) => fleet.groups.get(call.params.id),
    }),
    defineRoute({
      method: "PUT",
      path: "/groups/:id",
      action: "groups.write",
      summary: "Replace a group; it stays where it is in the order when no position is given",
      params: idParams,
      body: groupWriteSchema,
      response: groupSchema,
      bodyLimitBytes: BODY_BYTES,
      audit: (call) => ({ target: `group:${call.params.id}`, details: describe(call.body) }),
      handler: (call) => fleet.groups.replace(call.params.id, call.body),
    }),
    defineRoute({
      method: "DELETE",
      path: "/groups/:id",
      action: "groups.write",
      summary: "Remove a group; its agents stay and lose the configs that only it gave them",
      params: idParams,
      audit: (call) => ({ target: `group:${call.params.id}` }),
      handler: (call) => fleet.groups.remove(call.params.id),
    }),
  ];
}

function describe({ name, selector, agentIds, tags, position }: GroupWrite) {
  return { name, selector, members: agentIds?.length ?? 0, tags, position };
}
