import type { Agent, InputInventory } from "@muster/core/resources";
import {
  type DatakitReply,
  type DatakitRequest,
  type DatawayFrame,
  fromMusterError,
  isInputId,
  makeFailure,
  type NamedText,
  readRequest,
} from "@muster/protocols/dataway";
import type { Access } from "../../fleet/access.ts";
import type { Fleet } from "../../fleet/fleet.ts";

export interface BackendCallParts {
  readonly fleet: Pick<Fleet, "agents" | "inputs">;
  readonly audit: Pick<Access["audit"], "record">;
  /** DataKits that are connected to this process. */
  readonly connected: () => Iterable<{ readonly id: string; readonly agentId: string }>;
}

/** Whoever this is, it showed that it is the backend that the operator named: nobody else is dialled. */
const ACTOR = "dataway-backend";
const READS: ReadonlySet<DatakitRequest["kind"]> = new Set(["online", "list", "sample", "enabled", "read"]);

/** Does for the backend what its frame asks for, with the rights of an operator. Never rejects. */
export async function serveBackend(
  parts: BackendCallParts,
  frame: DatawayFrame,
): Promise<{ id: string; reply: DatakitReply }> {
  const id = frame.dest[0] ?? onlyOne(parts) ?? "";
  const request = readRequest(frame);
  if ("failure" in request) return { id, reply: { ok: false, failure: request.failure } };
  const audit = (outcome: "ok" | "refused", reason?: string) =>
    parts.audit.record({
      actor: ACTOR,
      address: null,
      action: "inputs.write",
      target: `datakit:${id}`,
      outcome,
      details: { kind: request.kind, ...(reason === undefined ? {} : { reason }) },
    });
  try {
    const agent = await findDatakit(parts, id);
    const reply = agent ? await carryOut(parts, agent, request) : notFound(id);
    if (!READS.has(request.kind)) await audit(reply.ok ? "ok" : "refused");
    return { id, reply };
  } catch (error) {
    const { msg: message, ...rest } = fromMusterError(error);
    if (!READS.has(request.kind)) await audit("refused", rest.code).catch(() => {});
    return { id, reply: { ok: false, failure: { ...rest, message } } };
  }
}

async function carryOut({ fleet }: BackendCallParts, agent: Agent, request: DatakitRequest): Promise<DatakitReply> {
  const { inputs } = fleet;
  switch (request.kind) {
    case "online":
    case "list":
      break;
    case "reload":
      await inputs.reload(agent.id, ACTOR);
      break;
    case "sample": {
      const texts = request.names.map(async (name) => ({
        name,
        id: undefined,
        toml: await inputs.sample(agent.id, name),
      }));
      return { ok: true, texts: await Promise.all(texts) };
    }
    case "enabled": {
      const running = (await inputs.list(agent.id)).filter(({ status }) => status !== "disabled");
      const missing = request.names.find((name) => !running.some((input) => input.inputs.includes(name)));
      if (missing !== undefined) {
        return { ok: false, failure: makeFailure("datakit.inputNotEnabled", `input ${missing} not enable`) };
      }
      const asked = running.filter((input) => input.inputs.some((name) => request.names.includes(name)));
      return {
        ok: true,
        texts: await readAll(
          fleet,
          agent,
          asked.map(({ id }) => id),
        ),
      };
    }
    case "read":
      return { ok: true, texts: await readAll(fleet, agent, request.ids) };
    case "remove":
      for (const id of request.ids) await inputs.remove(agent.id, id, ACTOR);
      break;
    case "enable":
      await inputs.enable(agent.id, request.ids, ACTOR);
      break;
    case "disable":
      await inputs.disable(agent.id, request.ids, ACTOR);
      break;
    case "set":
    case "update":
      for (const config of request.configs) await setInput(fleet, agent, config);
      break;
    case "test": {
      const outputs = request.configs.map(async ({ name, inputType, toml }) => ({
        name,
        output: await inputs.test(agent.id, { input: name, inputType, toml }),
      }));
      return { ok: true, outputs: await Promise.all(outputs) };
    }
  }
  return { ok: true, inventory: await readInventory(fleet, agent) };
}

/** With the id of an input that is there it is a change. One of a gateway in front of this one keeps its id, others get one here. */
async function setInput({ inputs }: BackendCallParts["fleet"], agent: Agent, config: NamedText): Promise<void> {
  const { id, name: input, inputType, toml } = config;
  const inputId = id !== undefined && isInputId(id) ? id : undefined;
  const isKnown = inputId !== undefined && (await inputs.list(agent.id)).some((known) => known.id === inputId);
  if (inputId !== undefined && isKnown) await inputs.change(agent.id, inputId, { toml }, ACTOR);
  else await inputs.add(agent.id, { inputId, input, inputType, toml }, ACTOR);
}

function readAll({ inputs }: BackendCallParts["fleet"], agent: Agent, ids: readonly string[]) {
  return Promise.all(
    ids.map(async (id) => {
      const { inputs: names, toml } = await inputs.get(agent.id, id);
      return { name: names[0] ?? "", id, toml };
    }),
  );
}

async function readInventory({ inputs }: BackendCallParts["fleet"], agent: Agent): Promise<InputInventory> {
  const [available, list] = await Promise.all([inputs.available(agent.id), inputs.list(agent.id)]);
  return {
    available: [...available],
    inputs: list.map(
      ({ agentId: _agent, revision: _revision, updatedAt: _at, updatedBy: _by, drifted: _drifted, ...report }) =>
        report,
    ),
  };
}

async function findDatakit({ fleet }: BackendCallParts, id: string): Promise<Agent | undefined> {
  const agent = (await fleet.agents.findByExternalId("dataway", id)) ?? (await fleet.agents.find(id));
  return agent?.capabilities.includes("inputs") ? agent : undefined;
}

/** A frame without a destination is clear where only one can be meant. */
function onlyOne({ connected }: BackendCallParts): string | undefined {
  const [first, ...others] = connected();
  return others.length === 0 ? first?.id : undefined;
}

function notFound(id: string): DatakitReply {
  return { ok: false, failure: makeFailure("dataway.datakitNotFound", `datakit ${id.slice(0, 100)} not found`) };
}
