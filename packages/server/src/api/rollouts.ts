import {
  type Rollout,
  rolloutAgentListQuerySchema,
  rolloutAgentPageSchema,
  rolloutErrorListSchema,
  rolloutListQuerySchema,
  rolloutPageSchema,
  rolloutSchema,
  rolloutWriteSchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** Rollouts: revisions on their way to groups, wave by wave. */
export function rolloutRoutes({ fleet }: ApiContext): Route[] {
  return [...reads(fleet.rollouts), ...acts(fleet.rollouts)];
}

type Rollouts = ApiContext["fleet"]["rollouts"];

function reads(rollouts: Rollouts): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/rollouts",
      action: "rollouts.read",
      summary: "List rollouts, newest first",
      query: rolloutListQuerySchema,
      response: rolloutPageSchema,
      handler: (call) => rollouts.list(call.query),
    }),
    defineRoute({
      method: "GET",
      path: "/rollouts/:id",
      action: "rollouts.read",
      summary: "One rollout with its waves",
      params: idParams,
      response: rolloutSchema,
      handler: (call) => rollouts.get(call.params.id),
    }),
    defineRoute({
      method: "GET",
      path: "/rollouts/:id/agents",
      action: "rollouts.read",
      summary: "The agents of a rollout, wave by wave",
      params: idParams,
      query: rolloutAgentListQuerySchema,
      response: rolloutAgentPageSchema,
      handler: ({ params, query }) => rollouts.agents(params.id, query),
    }),
    defineRoute({
      method: "GET",
      path: "/rollouts/:id/errors",
      action: "rollouts.read",
      summary: "What agents that failed say, the same words once, the most frequent first",
      params: idParams,
      response: rolloutErrorListSchema,
      handler: async (call) => ({ items: await rollouts.errors(call.params.id) }),
    }),
  ];
}

function acts(rollouts: Rollouts): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/rollouts",
      action: "rollouts.write",
      summary: "Give groups a revision in waves; a rollout of the same config that is under way is superseded",
      body: rolloutWriteSchema,
      response: rolloutSchema,
      status: 201,
      audit: ({ body }, rollout) => {
        const { waves, healthyMs, applyTimeoutMs, failureBudget } = body;
        return noteOf(rollout, { waves, healthyMs, applyTimeoutMs, failureBudget });
      },
      handler: (call) => rollouts.start(call.body, call.actor),
    }),
    act("pause", "Give nobody new anything until it is resumed", (id, by) => rollouts.pause(id, by)),
    act("resume", "Go on, also after a halt", (id, by) => rollouts.resume(id, by)),
    act("cancel", "End it; who was given the revision keeps it", (id, by) => rollouts.cancel(id, by)),
    act("rollback", "Give the groups at once what they had before", (id, by) => rollouts.rollBack(id, by)),
  ];
}

function act(verb: string, summary: string, handler: (id: string, by: string) => Promise<Rollout>): Route {
  return defineRoute({
    method: "POST",
    path: `/rollouts/:id/${verb}`,
    action: "rollouts.write",
    summary,
    params: idParams,
    response: rolloutSchema,
    audit: (_, rollout) => noteOf(rollout, { act: verb, state: rollout.state }),
    handler: (call) => handler(call.params.id, call.actor),
  });
}

function noteOf({ id, configName, revision, groups }: Rollout, details: Readonly<Record<string, unknown>>) {
  const told = { config: configName, revision, groups: groups.map(({ name }) => name) };
  return { target: `rollout:${id}`, details: { ...told, ...details } };
}
