import { toIso } from "@muster/core";
import { healthSchema, systemSchema } from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { defineRawRoute, defineRoute, type Route } from "./route.ts";
import type { Telemetry } from "./telemetry.ts";

/** The server itself: what it is, whether it is well, and its own numbers. */
export function systemRoutes({ clock, fleet, facts, own }: ApiContext, telemetry: Telemetry): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/system",
      action: "system.read",
      summary: "The server as an operator sees it",
      response: systemSchema,
      async handler() {
        return {
          version: facts.version,
          startedAt: toIso(facts.startedAt),
          now: toIso(clock.now()),
          publicUrl: own.baseUrl,
          database: facts.database,
          bus: facts.bus,
          agents: await fleet.agents.counts(),
          commands: await fleet.commands.counts24h(),
          doors: facts.doors(),
          warnings: facts.warnings(),
        };
      },
    }),
    defineRoute({
      method: "GET",
      path: "//healthz",
      action: "public",
      summary: "Whether the process answers",
      response: healthSchema,
      handler: async () => ({ status: "ok" as const, checks: {} }),
    }),
    defineRoute({
      method: "GET",
      path: "//readyz",
      action: "public",
      summary: "Whether requests can be served: 200, or 503 with what is wrong",
      response: healthSchema,
      async handler(call) {
        const health = await facts.checkHealth();
        if (health.status === "unavailable") call.setStatus(503);
        return health;
      },
    }),
    defineRawRoute({
      path: "//metrics",
      action: "system.read",
      summary: "The server's own numbers for Prometheus",
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      handler: () => telemetry.render(),
    }),
  ];
}
