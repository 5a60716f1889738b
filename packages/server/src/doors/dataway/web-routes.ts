import type { Agent, Input } from "@muster/core/resources";
import { INPUT_LIMITS } from "@muster/core/resources";
import { z } from "zod";
import { defineWebRoute, type WebRoute } from "./web-call.ts";

/** A DataKit as the web sees it, and the gateway that it is bound to. */
const datakit = z.object({
  id: z.string(),
  /** What `/fleet/v1` calls it. */
  agent_id: z.string(),
  name: z.string(),
  hostname: z.string(),
  ip: z.string(),
  os: z.string(),
  arch: z.string(),
  version: z.string(),
  /** `online`, `stale` or `offline`. */
  status: z.string(),
  status_reason: z.string(),
  last_seen: z.string().nullable(),
  /** The server process that holds its connection, and where that runs; null while nobody does. */
  gateway: z.object({ id: z.string(), place: z.string() }).nullable(),
});

const input = z.object({
  id: z.string(),
  /** Names of the collectors in the file. */
  inputs: z.array(z.string()),
  /** The first of them. */
  input: z.string(),
  input_type: z.string(),
  enabled: z.boolean(),
  /** False for files that are not ours to change. */
  managed: z.boolean(),
  /** `running`, `disabled`, `failed`, `fallback` or `pending`. */
  status: z.string(),
  error: z.string().nullable(),
  file: z.string(),
  /** Of the meaning of the configuration. */
  digest: z.string().nullable(),
  points: z.number(),
  last_point: z.string().nullable(),
  revision: z.number().nullable(),
  updated_at: z.string().nullable(),
  updated_by: z.string().nullable(),
});

const cfgLimit = Math.ceil(INPUT_LIMITS.tomlBytes / 3) * 4;
const text = {
  /** The TOML in base64, as the frames carry it. */
  cfg: z.base64().max(cfgLimit).optional(),
  /** Or as it is. */
  toml: z.string().max(INPUT_LIMITS.tomlBytes).optional(),
};
const hasOneText = (body: { cfg?: string | undefined; toml?: string | undefined }) =>
  (body.cfg === undefined) !== (body.toml === undefined);
const ONE_TEXT = { message: "give the configuration as cfg (base64) or as toml" };

const name = z.string().min(1).max(INPUT_LIMITS.nameLength);
const named = z
  .strictObject({ input: name, input_type: z.string().max(50).default("datakit"), ...text })
  .refine(hasOneText, ONE_TEXT);
const changed = z
  .strictObject({ input: name.optional(), input_type: z.string().max(50).optional(), ...text })
  .refine(hasOneText, ONE_TEXT);
const ids = z.strictObject({
  ids: z.array(z.string().min(1).max(INPUT_LIMITS.idLength)).min(1).max(INPUT_LIMITS.idsPerCall),
});
const withText = z.object({ cfg: z.string(), toml: z.string() });

const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(500).optional(),
  filter: z.string().max(200).optional(),
  status: z.enum(["online", "stale", "offline"]).optional(),
});

/** Everything that the web may ask of the gateway: the contract, section 5. Fixed words come before names. */
export const WEB_ROUTES: readonly WebRoute[] = [
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits",
    action: "inputs.read",
    summary: "List DataKits: every agent whose inputs are configured from here",
    query: listQuery,
    content: z.object({ items: z.array(datakit), next_cursor: z.string().nullable() }),
    async handle({ parts, query }) {
      const { items, nextCursor } = await parts.fleet.agents.list({ ...query, capability: "inputs" });
      const holders = await parts.fleet.agents.findHolders(items.map((agent) => agent.id));
      return { items: items.map((agent) => showDatakit(agent, holders.get(agent.id))), next_cursor: nextCursor };
    },
  }),
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits/:id",
    action: "inputs.read",
    summary: "One DataKit, and the gateway that it is bound to",
    content: datakit,
    async handle({ parts, agent }) {
      const found = await agent();
      const holders = await parts.fleet.agents.findHolders([found.id]);
      return showDatakit(found, holders.get(found.id));
    },
  }),
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits/:id/inputs",
    action: "inputs.read",
    summary: "The inputs of a DataKit with their state",
    content: z.array(input),
    async handle({ parts, agent }) {
      return (await parts.fleet.inputs.list((await agent()).id)).map(showInput);
    },
  }),
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits/:id/inputs/available",
    action: "inputs.read",
    summary: "The inputs that a DataKit could run",
    content: z.array(z.object({ input: z.string(), catalog: z.string(), input_type: z.string(), summary: z.string() })),
    async handle({ parts, agent }) {
      const available = await parts.fleet.inputs.available((await agent()).id);
      return available.map(({ inputType, ...rest }) => ({ ...rest, input_type: inputType }));
    },
  }),
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits/:id/samples/:input",
    action: "inputs.read",
    summary: "The sample configuration of an input",
    content: withText.extend({ input: z.string() }),
    async handle({ parts, agent, path }) {
      const toml = await parts.fleet.inputs.sample((await agent()).id, path.input ?? "");
      return { input: path.input ?? "", ...showText(toml) };
    },
  }),
  defineWebRoute({
    method: "POST",
    path: "/v1/datakits/:id/inputs",
    action: "inputs.write",
    summary: "Add an input and run it",
    status: 201,
    body: named,
    content: z.object({ id: z.string() }),
    async handle({ parts, agent, body, actor }) {
      const spec = { input: body.input, inputType: body.input_type, toml: readText(body) };
      return { id: (await parts.fleet.inputs.add((await agent()).id, spec, actor)).id };
    },
  }),
  defineWebRoute({
    method: "POST",
    path: "/v1/datakits/:id/inputs/enable",
    action: "inputs.write",
    summary: "Enable inputs: all of them or none",
    body: ids,
    async handle({ parts, agent, body, actor }) {
      await parts.fleet.inputs.enable((await agent()).id, body.ids, actor);
    },
  }),
  defineWebRoute({
    method: "POST",
    path: "/v1/datakits/:id/inputs/disable",
    action: "inputs.write",
    summary: "Disable inputs: all of them or none",
    body: ids,
    async handle({ parts, agent, body, actor }) {
      await parts.fleet.inputs.disable((await agent()).id, body.ids, actor);
    },
  }),
  defineWebRoute({
    method: "POST",
    path: "/v1/datakits/:id/inputs/test",
    action: "inputs.write",
    summary: "Collect once with a configuration, and change nothing",
    body: named,
    content: z.object({ output: z.string() }),
    async handle({ parts, agent, body }) {
      const spec = { input: body.input, inputType: body.input_type, toml: readText(body) };
      return { output: await parts.fleet.inputs.test((await agent()).id, spec) };
    },
  }),
  defineWebRoute({
    method: "GET",
    path: "/v1/datakits/:id/inputs/:inputId",
    action: "inputs.text",
    summary: "One input with its configuration",
    content: input.extend(withText.shape),
    async handle({ parts, agent, path }) {
      const { toml, ...report } = await parts.fleet.inputs.get((await agent()).id, path.inputId ?? "");
      return { ...showInput(report), ...showText(toml) };
    },
  }),
  defineWebRoute({
    method: "PUT",
    path: "/v1/datakits/:id/inputs/:inputId",
    action: "inputs.write",
    summary: "Change an input",
    body: changed,
    content: z.object({ id: z.string() }),
    async handle({ parts, agent, path, body, actor }) {
      const change = { toml: readText(body) };
      return { id: (await parts.fleet.inputs.change((await agent()).id, path.inputId ?? "", change, actor)).id };
    },
  }),
  defineWebRoute({
    method: "DELETE",
    path: "/v1/datakits/:id/inputs/:inputId",
    action: "inputs.write",
    summary: "Delete an input",
    async handle({ parts, agent, path, actor }) {
      await parts.fleet.inputs.remove((await agent()).id, path.inputId ?? "", actor);
    },
  }),
  defineWebRoute({
    method: "POST",
    path: "/v1/datakits/:id/reload",
    action: "inputs.write",
    summary: "Read all configurations anew",
    async handle({ parts, agent, actor }) {
      await parts.fleet.inputs.reload((await agent()).id, actor);
    },
  }),
];

/** The id by which the web knows an agent: its own where it came as a DataKit, ours otherwise. */
function datakitIdOf(agent: Agent): string {
  return agent.protocol === "dataway" ? agent.externalId : agent.id;
}

function showDatakit(agent: Agent, holder: { readonly process: string; readonly place: string } | undefined) {
  return {
    id: datakitIdOf(agent),
    agent_id: agent.id,
    name: agent.name,
    hostname: agent.hostname,
    ip: agent.addresses[0] ?? "",
    os: agent.os ?? "",
    arch: agent.arch ?? "",
    version: agent.version ?? "",
    status: agent.status,
    status_reason: agent.statusReason,
    last_seen: agent.lastSeenAt,
    gateway: holder === undefined ? null : { id: holder.process, place: holder.place },
  };
}

function showInput(report: Input) {
  return {
    id: report.id,
    inputs: report.inputs,
    input: report.inputs[0] ?? "",
    input_type: report.inputType,
    enabled: report.status !== "disabled",
    managed: report.managed,
    status: report.status,
    error: report.error,
    file: report.file,
    digest: report.digest,
    points: report.points,
    last_point: report.lastPointAt,
    revision: report.revision,
    updated_at: report.updatedAt,
    updated_by: report.updatedBy,
  };
}

function showText(toml: string): { cfg: string; toml: string } {
  return { cfg: Buffer.from(toml).toString("base64"), toml };
}

/** One of the two is there: the schema has seen to it. */
function readText(body: { readonly cfg?: string | undefined; readonly toml?: string | undefined }): string {
  return body.toml ?? Buffer.from(body.cfg ?? "", "base64").toString("utf8");
}
