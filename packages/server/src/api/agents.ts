import { type AgentId, MusterError } from "@muster/core";
import {
  agentListQuerySchema,
  agentPageSchema,
  agentPatchSchema,
  agentSchema,
  hostSampleSchema,
  labelSummarySchema,
  runListQuerySchema,
  runWithCommandPageSchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** Agents: list, look at, name and label, remove. */
export function agentRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/agents",
      action: "agents.read",
      summary: "List agents",
      query: agentListQuerySchema,
      response: agentPageSchema,
      handler: (call) => fleet.agents.list(call.query),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/labels",
      action: "agents.read",
      summary: "The labels in use, with how many agents carry each",
      response: labelSummarySchema,
      handler: () => fleet.agents.labelSummary(),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id",
      action: "agents.read",
      summary: "One agent",
      params: idParams,
      response: agentSchema,
      handler: (call) => fleet.agents.get(call.params.id),
    }),
    defineRoute({
      method: "PATCH",
      path: "/agents/:id",
      action: "agents.update",
      summary: "Name an agent or set its labels",
      params: idParams,
      body: agentPatchSchema,
      response: agentSchema,
      audit: (call) => ({ target: `agent:${call.params.id}`, details: { ...call.body } }),
      handler: (call) => fleet.agents.update(call.params.id, call.body),
    }),
    defineRoute({
      method: "DELETE",
      path: "/agents/:id",
      action: "agents.delete",
      summary: "Forget an agent and everything it reported",
      params: idParams,
      audit: (call) => ({ target: `agent:${call.params.id}` }),
      handler: (call) => fleet.agents.remove(call.params.id),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/sample",
      action: "metrics.read",
      summary: "The newest reading of the agent's host",
      params: idParams,
      response: hostSampleSchema,
      async handler(call) {
        const agent = await fleet.agents.get(call.params.id);
        const sample = await fleet.watching.read(agent.id as AgentId);
        if (!sample) throw new MusterError("not_found", "the agent has not reported a sample yet", { id: agent.id });
        return sample;
      },
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/runs",
      action: "commands.read",
      summary: "What this agent ran, newest first",
      params: idParams,
      query: runListQuerySchema.omit({ agentId: true }),
      response: runWithCommandPageSchema,
      async handler(call) {
        const agent = await fleet.agents.get(call.params.id);
        return fleet.commands.listAllRuns({ ...call.query, agentId: agent.id });
      },
    }),
  ];
}
