import { configSecretListSchema, configSecretPutSchema, configSecretStoredSchema } from "@muster/core/resources";
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { defineRoute, type Route } from "./route.ts";

/** A value at its limit, as JSON writes it. */
const BODY_BYTES = 512 * 1024;

const nameParams = z.object({ name: z.string().min(1).max(200) });

/** Values that texts of configs ask for. They come in and never go out, neither here nor in the audit log. */
export function secretRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/secrets",
      action: "secrets.read",
      summary: "List secrets without their values, and which configs ask for them",
      response: configSecretListSchema,
      handler: async () => ({ items: await fleet.secrets.list() }),
    }),
    defineRoute({
      method: "PUT",
      path: "/secrets/:name",
      action: "secrets.write",
      summary: "Store a value; agents whose configs ask for it get them anew",
      params: nameParams,
      body: configSecretPutSchema,
      response: configSecretStoredSchema,
      bodyLimitBytes: BODY_BYTES,
      audit: (call, { revised }) => ({ target: `secret:${call.params.name}`, details: { stored: true, revised } }),
      handler: ({ params, body: { value, description }, actor }) =>
        fleet.secrets.put(params.name, { value, ...(description !== undefined && { description }) }, actor),
    }),
    defineRoute({
      method: "DELETE",
      path: "/secrets/:name",
      action: "secrets.write",
      summary: "Forget a value; refused while a config asks for it",
      params: nameParams,
      audit: (call) => ({ target: `secret:${call.params.name}`, details: { removed: true } }),
      handler: (call) => fleet.secrets.remove(call.params.name),
    }),
  ];
}
