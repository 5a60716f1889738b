import { MusterError } from "@muster/core";
import {
  agentConfigListQuerySchema,
  agentConfigListSchema,
  agentConfigPageSchema,
  type ConfigEdit,
  configAssignSchema,
  configCreateSchema,
  configEditSchema,
  configKindListSchema,
  configListQuerySchema,
  configPageSchema,
  configPlanRequestSchema,
  configPlanSchema,
  configRevisionListSchema,
  configRevisionSchema,
  configSchema,
} from "@muster/core/resources";
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** A text at its limit, as JSON writes its line ends and quotes. */
const TEXT_BYTES = 4 * 1024 * 1024;

const revisionParams = idParams.extend({ revision: z.coerce.number().int().positive() });
const groupParams = idParams.extend({ groupId: z.string().min(1).max(200) });
const agentParams = idParams.extend({ configId: z.string().min(1).max(200) });

/** Configs: named documents for agents, their revisions, and which groups have which. A config is found by id or name. */
export function configRoutes({ fleet }: ApiContext): Route[] {
  return [...reads(fleet.configs), ...writes(fleet.configs), ...assignments(fleet), ...ofAgents(fleet.configs)];
}

type Fleet = ApiContext["fleet"];
type Configs = Fleet["configs"];
type Told = Pick<ConfigEdit, "agentType" | "expiresAt">;

function reads(configs: Configs): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/config-kinds",
      action: "configs.read",
      summary: "What a config can be for, and which agents can take it",
      response: configKindListSchema,
      handler: async () => ({ items: [...configs.kinds()] }),
    }),
    defineRoute({
      method: "GET",
      path: "/configs",
      action: "configs.read",
      summary: "List configs by name, with the groups that have them",
      query: configListQuerySchema,
      response: configPageSchema,
      handler: (call) => configs.list(call.query),
    }),
    defineRoute({
      method: "GET",
      path: "/configs/:id",
      action: "configs.read",
      summary: "One config",
      params: idParams,
      response: configSchema,
      handler: (call) => configs.get(call.params.id),
    }),
    defineRoute({
      method: "GET",
      path: "/configs/:id/revisions",
      action: "configs.read",
      summary: "Every revision of a config with its text, newest first",
      params: idParams,
      response: configRevisionListSchema,
      handler: async (call) => ({ items: await configs.revisions(call.params.id) }),
    }),
    defineRoute({
      method: "GET",
      path: "/configs/:id/revisions/:revision",
      action: "configs.read",
      summary: "One revision with its text, in which variables and secrets are not filled in",
      params: revisionParams,
      response: configRevisionSchema,
      handler: ({ params }) => configs.revision(params.id, params.revision),
    }),
    defineRoute({
      method: "GET",
      path: "/configs/:id/agents",
      action: "configs.read",
      summary: "Everybody who should have a config or has it, and how that goes",
      params: idParams,
      query: agentConfigListQuerySchema,
      response: agentConfigPageSchema,
      handler: ({ params, query }) => configs.agentsOf(params.id, query),
    }),
    defineRoute({
      method: "POST",
      path: "/configs/plan",
      action: "configs.read",
      summary: "Which agents would get another text if these groups had this revision; nothing is changed",
      body: configPlanRequestSchema,
      response: configPlanSchema,
      audit: "none",
      handler: (call) => configs.plan(call.body),
    }),
  ];
}

function writes(configs: Configs): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/configs",
      action: "configs.write",
      summary: "Write a config; nobody gets it before it is given to a group",
      body: configCreateSchema,
      response: configSchema,
      status: 201,
      bodyLimitBytes: TEXT_BYTES,
      audit: (_, { id, name, kind, revision }) => noteOf(id, { created: name, kind, revision }),
      handler: ({ body, actor }) => configs.create(asTold(body), actor),
    }),
    defineRoute({
      method: "PATCH",
      path: "/configs/:id",
      action: "configs.write",
      summary: "Write a new revision, unless nothing is new; it reaches nobody until it is given",
      params: idParams,
      body: configEditSchema,
      response: configSchema,
      bodyLimitBytes: TEXT_BYTES,
      audit: ({ body }, { id, name, revision }) =>
        noteOf(id, { changed: name, fields: fieldsOf(body), revision, message: body.message }),
      handler: ({ params, body, actor }) => configs.change(params.id, asTold(body), actor),
    }),
    defineRoute({
      method: "DELETE",
      path: "/configs/:id",
      action: "configs.write",
      summary: "Remove a config; its agents lose it, and its revisions go on should the name come back",
      params: idParams,
      audit: (call) => noteOf(call.params.id, { removed: true }),
      handler: (call) => configs.remove(call.params.id, call.actor),
    }),
  ];
}

function assignments(fleet: Fleet): Route[] {
  const { configs } = fleet;
  return [
    defineRoute({
      method: "PUT",
      path: "/configs/:id/assignments/:groupId",
      action: "configs.write",
      summary: "Give a group a revision at once, the newest when none is said",
      params: groupParams,
      body: configAssignSchema,
      response: configSchema,
      audit: ({ params, body }, { id, name, groups }) => {
        const revision = groups.find((group) => group.id === params.groupId)?.revision ?? body.revision;
        return noteOf(id, { given: name, revision, group: params.groupId });
      },
      async handler({ params, body, actor }) {
        await assertGivable(fleet, params, body.revision);
        await configs.assign(params.id, params.groupId, body.revision, actor);
        return configs.get(params.id);
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/configs/:id/assignments/:groupId",
      action: "configs.write",
      summary: "Take a config from a group; nothing happens when the group does not have it",
      params: groupParams,
      audit: ({ params }) => noteOf(params.id, { taken: true, group: params.groupId }),
      async handler({ params, actor }) {
        await configs.unassign(params.id, params.groupId, actor);
      },
    }),
  ];
}

function ofAgents(configs: Configs): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/agents/:id/configs",
      action: "configs.read",
      summary: "What an agent should have and has, in the order in which it merges",
      params: idParams,
      response: agentConfigListSchema,
      handler: async (call) => ({ items: await configs.ofAgent(call.params.id) }),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/configs/:configId/retry",
      action: "configs.write",
      summary: "Offer an agent again what failed on it",
      params: agentParams,
      audit: ({ params }) => noteOf(params.configId, { retried: true, agent: params.id }),
      handler: ({ params, actor }) => configs.retry(params.id, params.configId, actor),
    }),
  ];
}

/** Refuses what a rollout would undo when it ends, and a smaller number than the group's agents know, which many would not take. */
async function assertGivable(
  { configs, rollouts }: Fleet,
  { id, groupId }: { readonly id: string; readonly groupId: string },
  revision: number | undefined,
): Promise<void> {
  const { groups, rolloutId } = await configs.get(id);
  const has = groups.find((group) => group.id === groupId)?.revision ?? 0;
  if (revision !== undefined && revision < has) {
    const message = `the group has revision ${has}: begin a rollout of the older one, which gives it as a new revision`;
    throw new MusterError("failed_precondition", message, { revision: has });
  }
  const rollout = rolloutId === null ? undefined : await rollouts.get(rolloutId);
  if (rollout?.groups.some((group) => group.id === groupId)) {
    const message = "a rollout is giving the group this config: cancel it first, or begin another one";
    throw new MusterError("failed_precondition", message, { rolloutId });
  }
}

/** With instants as the fleet takes them. */
function asTold<Body extends Told>({ agentType, expiresAt, ...body }: Body) {
  return {
    ...body,
    ...(agentType !== undefined && { agentType }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : Date.parse(expiresAt) }),
  };
}

/** What was changed, by name: texts are in the revisions, and are no matter of the audit log. */
function fieldsOf({ message: _message, baseRevision: _base, ...fields }: ConfigEdit): string[] {
  return Object.keys(fields);
}

function noteOf(configId: string, details: Readonly<Record<string, unknown>>) {
  return { target: `config:${configId}`, details };
}
