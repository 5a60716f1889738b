import {
  availableInputListSchema,
  inputBulkAnswerSchema,
  inputBulkRequestSchema,
  inputChangeSchema,
  inputIdsSchema,
  inputListSchema,
  inputRevisionListSchema,
  inputRollbackSchema,
  inputSampleSchema,
  inputSchema,
  inputTestSchema,
  inputWithTextSchema,
  inputWriteSchema,
} from "@muster/core/resources";
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";

/** A text at its limit, as JSON writes its line ends and quotes. */
const TEXT_BYTES = 1024 * 1024;
/** A text and a hundred thousand ids. */
const BULK_BYTES = 8 * 1024 * 1024;

const inputParams = idParams.extend({ inputId: z.string().min(1).max(200) });
const sampleParams = idParams.extend({ input: z.string().min(1).max(100) });

/**
 * The inputs of agents: see what they collect, change it, try it, go back. Whoever only looks sees how inputs are;
 * texts, which may hold passwords, need an operator.
 */
export function inputRoutes({ fleet }: ApiContext): Route[] {
  return [...reads(fleet.inputs), ...writes(fleet.inputs), ...actions(fleet.inputs)];
}

type Inputs = ApiContext["fleet"]["inputs"];

function reads(inputs: Inputs): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/agents/:id/inputs",
      action: "inputs.read",
      summary: "The agent's inputs with their state, as the agent says now or said last",
      params: idParams,
      response: inputListSchema,
      handler: async (call) => ({ items: await inputs.list(call.params.id) }),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/inputs/available",
      action: "inputs.read",
      summary: "What the agent could collect",
      params: idParams,
      response: availableInputListSchema,
      handler: async (call) => ({ items: [...(await inputs.available(call.params.id))] }),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/inputs/samples/:input",
      action: "inputs.read",
      summary: "A commented configuration to start from",
      params: sampleParams,
      response: inputSampleSchema,
      handler: async ({ params }) => ({ input: params.input, toml: await inputs.sample(params.id, params.input) }),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/inputs/:inputId",
      action: "inputs.text",
      summary: "One input with its configuration",
      params: inputParams,
      response: inputWithTextSchema,
      handler: ({ params }) => inputs.get(params.id, params.inputId),
    }),
    defineRoute({
      method: "GET",
      path: "/agents/:id/inputs/:inputId/revisions",
      action: "inputs.text",
      summary: "Every revision of an input, newest first, with who made it and what came of it",
      params: inputParams,
      response: inputRevisionListSchema,
      handler: async ({ params }) => ({ items: await inputs.revisions(params.id, params.inputId) }),
    }),
  ];
}

function writes(inputs: Inputs): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/inputs",
      action: "inputs.write",
      summary: "Add one input to many agents; each counts for itself, and agents that are not connected are refused",
      body: inputBulkRequestSchema,
      response: inputBulkAnswerSchema,
      bodyLimitBytes: BULK_BYTES,
      audit: ({ body }, { items, ...counts }) => ({ details: { input: body.input, ...counts } }),
      handler: ({ body: { targets, ...spec }, actor }) => inputs.bulk(targets, spec, actor),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs",
      action: "inputs.write",
      summary: "Add an input and run it",
      params: idParams,
      body: inputWriteSchema,
      response: inputSchema,
      status: 201,
      bodyLimitBytes: TEXT_BYTES,
      audit: (call, input) => noteOf(call.params.id, { input: call.body.input, inputId: input.id }),
      handler: (call) => inputs.add(call.params.id, call.body, call.actor),
    }),
    defineRoute({
      method: "PUT",
      path: "/agents/:id/inputs/:inputId",
      action: "inputs.write",
      summary: "Give an input another configuration",
      params: inputParams,
      body: inputChangeSchema,
      response: inputSchema,
      bodyLimitBytes: TEXT_BYTES,
      audit: ({ params }, input) => noteOf(params.id, { inputId: params.inputId, revision: input.revision }),
      handler: ({ params, body, actor }) => inputs.change(params.id, params.inputId, body, actor),
    }),
    defineRoute({
      method: "DELETE",
      path: "/agents/:id/inputs/:inputId",
      action: "inputs.write",
      summary: "Remove an input; its revisions stay, and it can be brought back from them",
      params: inputParams,
      audit: ({ params }) => noteOf(params.id, { inputId: params.inputId, removed: true }),
      handler: ({ params, actor }) => inputs.remove(params.id, params.inputId, actor),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs/:inputId/rollback",
      action: "inputs.write",
      summary: "Give an input the configuration of an earlier revision again",
      params: inputParams,
      body: inputRollbackSchema,
      response: inputSchema,
      audit: ({ params, body }) => noteOf(params.id, { inputId: params.inputId, rolledBackTo: body.revision }),
      handler: ({ params, body, actor }) => inputs.rollBack(params.id, params.inputId, body.revision, actor),
    }),
  ];
}

function actions(inputs: Inputs): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs/enable",
      action: "inputs.write",
      summary: "Enable inputs: all of them or none",
      params: idParams,
      body: inputIdsSchema,
      audit: (call) => noteOf(call.params.id, { enabled: call.body.ids }),
      handler: (call) => inputs.enable(call.params.id, call.body.ids, call.actor),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs/disable",
      action: "inputs.write",
      summary: "Disable inputs, all of them or none; their files keep every byte",
      params: idParams,
      body: inputIdsSchema,
      audit: (call) => noteOf(call.params.id, { disabled: call.body.ids }),
      handler: (call) => inputs.disable(call.params.id, call.body.ids, call.actor),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs/test",
      action: "inputs.write",
      summary: "Collect once with a configuration and change nothing",
      params: idParams,
      body: inputWriteSchema,
      response: inputTestSchema,
      bodyLimitBytes: TEXT_BYTES,
      audit: (call) => noteOf(call.params.id, { tested: call.body.input }),
      handler: async (call) => ({ output: await inputs.test(call.params.id, call.body) }),
    }),
    defineRoute({
      method: "POST",
      path: "/agents/:id/inputs/reload",
      action: "inputs.write",
      summary: "Let the agent read its configurations anew",
      params: idParams,
      response: inputListSchema,
      audit: (call) => noteOf(call.params.id, { reloaded: true }),
      handler: async (call) => ({ items: await inputs.reload(call.params.id, call.actor) }),
    }),
  ];
}

function noteOf(agentId: string, details: Readonly<Record<string, unknown>>) {
  return { target: `agent:${agentId}`, details };
}
