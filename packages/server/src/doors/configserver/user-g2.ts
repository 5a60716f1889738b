import { hasCode, isLabelKey } from "@muster/core";
import type { ConfigStatus as FleetStatus } from "@muster/core/resources";
import {
  type Action,
  accept,
  ConfigStatus,
  type G2AgentGroupTag,
  type G2ConfigDetail,
  type Outcome,
  refusals,
} from "@muster/protocols/configserver";
import type { Call } from "./calls.ts";
import type { Reply } from "./replies.ts";
import { listMembers, type StoredAgent } from "./stored-agents.ts";
import { byName, changeGroup, findConfig, findGroup, findMeta, listConfigs, listGroups } from "./stored-configs.ts";

/** Every field that a request of these users may have. */
interface Message {
  readonly requestId: Uint8Array;
  readonly groupName?: string;
  readonly configName?: string;
  readonly instanceId?: Uint8Array;
  readonly agentGroup?: G2AgentGroupTag;
  readonly configDetail?: G2ConfigDetail;
}

interface User {
  readonly call: Call<Message>;
  readonly kind: "pipeline" | "settings";
  readonly groupName: string;
  readonly configName: string;
  readonly detail: G2ConfigDetail | undefined;
}

type Result = Outcome | { readonly payload: object };

const INVALID: Outcome = { code: "InvalidParameter", message: "" };
const DONE = { payload: {} };
const MAX_NAME = 200;

/**
 * What the web pages of LoongCollector's own server ask for. A config belongs to one of two kinds, and a group is a tag: its
 * value is the description, and whoever carries a tag of its name is in it.
 */
export async function callUserG2(action: Action, call: Call<object>): Promise<Reply> {
  const message = call.message as Message;
  const kind = action.name.includes("Instance") ? "settings" : "pipeline";
  const calls = CALLS[action.name.replace(/Pipeline|Instance/, "") as keyof typeof CALLS];
  if (!calls) return { outcome: refusals.configUnknown(action.name) };
  if (message.requestId.length === 0) return { outcome: INVALID };
  const user: User = {
    ...{ call: call as Call<Message>, kind, detail: message.configDetail },
    groupName: message.groupName || message.agentGroup?.name || "",
    configName: message.configName || message.configDetail?.name || "",
  };
  const result = await calls(user).catch(explainAsInvalid);
  return "payload" in result ? { outcome: accept(""), payload: result.payload } : { outcome: result };
}

function explainAsInvalid(error: unknown): Outcome {
  if (hasCode(error, "invalid_argument")) return { code: "InvalidParameter", message: error.message };
  throw error;
}

const CALLS = {
  CreateAgentGroup: createGroup,
  UpdateAgentGroup: async (user: User): Promise<Result> => {
    const { fleet } = user.call.parts;
    const group = await findGroup(fleet, user.groupName);
    if (!group) return refusals.groupUnknown(user.groupName);
    const description = user.call.message.agentGroup?.value ?? "";
    await changeGroup(fleet, group.id, { description, tags: group.tags });
    return DONE;
  },
  DeleteAgentGroup: async (user: User): Promise<Result> => {
    if (user.groupName === "default") return INVALID;
    const group = await findGroup(user.call.parts.fleet, user.groupName);
    if (!group) return refusals.groupUnknown(user.groupName);
    await user.call.parts.fleet.groups.remove(group.id);
    return DONE;
  },
  GetAgentGroup: async (user: User): Promise<Result> => {
    const group = await findGroup(user.call.parts.fleet, user.groupName);
    if (!group) return refusals.groupUnknown(user.groupName);
    return { payload: { agentGroup: { name: group.name, value: group.description } } };
  },
  ListAgentGroups: async ({ call }: User): Promise<Result> => {
    const groups = await listGroups(call.parts.fleet);
    return { payload: { agentGroups: groups.map(({ name, description: value }) => ({ name, value })) } };
  },
  ListAgents: async (user: User): Promise<Result> => {
    const group = await findGroup(user.call.parts.fleet, user.groupName);
    if (!group) return refusals.groupUnknown(user.groupName);
    return { payload: { agents: (await listMembers(user.call.parts.fleet, group.id)).map(writeAgent) } };
  },
  CreateConfig: createConfig,
  UpdateConfig: async ({ call, kind, configName, detail }: User): Promise<Result> => {
    const config = await findMeta(call.parts.fleet, configName, [kind]);
    if (!config) return refusals.configUnknown(configName);
    if (!detail) return INVALID;
    await call.parts.fleet.configs.change(config.id, { text: read(detail.detail) }, call.actor, { give: true });
    return DONE;
  },
  /** Agents lose it, which with the original they do not. */
  DeleteConfig: async ({ call, kind, configName }: User): Promise<Result> => {
    const config = await findMeta(call.parts.fleet, configName, [kind]);
    if (!config) return refusals.configUnknown(configName);
    await call.parts.fleet.configs.remove(config.id, call.actor);
    return DONE;
  },
  GetConfig: async ({ call, kind, configName }: User): Promise<Result> => {
    const config = await findConfig(call.parts.fleet, configName, [kind]);
    if (!config) return refusals.configUnknown(configName);
    return {
      payload: { configDetail: { name: config.name, version: config.revision, detail: Buffer.from(config.text) } },
    };
  },
  ListConfigs: async ({ call, kind }: User): Promise<Result> => {
    const configs = await listConfigs(call.parts.fleet, [kind]);
    const configDetails = configs.map(({ name, revision: version, text }) => {
      return { name, version, detail: Buffer.from(text) };
    });
    return { payload: { configDetails } };
  },
  ApplyConfigToAgentGroup: async (user: User): Promise<Result> => {
    const bound = await findBoth(user);
    if ("code" in bound) return bound;
    const { config, group } = bound;
    const exists = refusals.alreadyApplied(user.groupName, user.configName);
    if (config.groups.some(({ id }) => id === group.id)) return exists;
    const { configs } = user.call.parts.fleet;
    return (await configs.assign(config.id, group.id, undefined, user.call.actor)).isNew ? DONE : exists;
  },
  RemoveConfigFromAgentGroup: async (user: User): Promise<Result> => {
    const bound = await findBoth(user);
    if ("code" in bound) return bound;
    const { configs } = user.call.parts.fleet;
    const isGone = await configs.unassign(bound.config.id, bound.group.id, user.call.actor);
    return isGone ? DONE : refusals.notApplied(user.groupName, user.configName);
  },
  GetAppliedConfigsForAgentGroup: async (user: User): Promise<Result> => {
    const group = await findGroup(user.call.parts.fleet, user.groupName);
    if (!group) return refusals.groupUnknown(user.groupName);
    const assignments = await user.call.parts.fleet.configs.assignments({ groupId: group.id });
    const own = assignments.filter(({ kind }) => kind === user.kind);
    return { payload: { configNames: own.map(({ configName }) => configName) } };
  },
  GetAppliedAgentGroupsWithConfig: async ({ call, kind, configName }: User): Promise<Result> => {
    const config = await findMeta(call.parts.fleet, configName, [kind]);
    if (!config) return refusals.configUnknown(configName);
    return { payload: { agentGroupNames: [...config.groups].sort(byName).map((group) => group.name) } };
  },
  GetConfigStatusList: async ({ call, kind }: User): Promise<Result> => {
    const id = read(call.message.instanceId ?? new Uint8Array());
    const agent = await call.agents.recall(id, call.request.remoteAddress);
    if (!agent) return refusals.agentUnknown(id);
    const { configs } = call.parts.fleet;
    const told = await configs.ofAgent(agent.state.id);
    const kinds = new Map((await configs.assignments()).map((one) => [one.configId, one.kind]));
    const own = told.filter((one) => (kinds.get(one.configId) ?? kind) === kind);
    return { payload: { configStatus: own.map(writeStatus) } };
  },
} as const;

async function createGroup({ call, groupName: name }: User): Promise<Result> {
  const { fleet } = call.parts;
  if (name === "" || name.length > MAX_NAME || name.includes("\0")) return INVALID;
  if (await findGroup(fleet, name)) return refusals.groupExists(name);
  // tags with a name are labels, too
  const selector = isLabelKey(name) ? name : null;
  try {
    await fleet.groups.create({ name, description: call.message.agentGroup?.value ?? "", selector });
    return DONE;
  } catch (error) {
    if (hasCode(error, "already_exists")) return refusals.groupExists(name);
    throw error;
  }
}

async function createConfig({ call, kind, configName: name, detail }: User): Promise<Result> {
  // the number itself is ours to give: one that was used before must not come again
  if (name === "" || !detail || detail.version <= 0) return INVALID;
  const text = read(detail.detail);
  const format = text.trimStart().startsWith("{") ? ("json" as const) : ("yaml" as const);
  try {
    await call.parts.fleet.configs.create({ name, kind, format, text }, call.actor);
    return DONE;
  } catch (error) {
    if (hasCode(error, "already_exists")) return refusals.configExists(name);
    throw error;
  }
}

async function findBoth({ call, kind, groupName, configName }: User) {
  const group = await findGroup(call.parts.fleet, groupName);
  if (!group) return refusals.groupUnknown(groupName);
  const config = await findMeta(call.parts.fleet, configName, [kind]);
  return config ? { config, group } : refusals.configUnknown(configName);
}

function writeAgent({ id, agentType, version, ip, hostname, details }: StoredAgent) {
  const extras = Object.entries(details).filter(([name]) => name.startsWith("attribute."));
  return {
    capabilities: Number(details.capabilities ?? 0),
    instanceId: Buffer.from(id),
    agentType,
    attributes: {
      version: Buffer.from(version),
      ip: Buffer.from(ip),
      hostname: Buffer.from(hostname),
      hostid: Buffer.from(details.hostId ?? ""),
      extras: new Map(extras.map(([name, value]) => [name.slice("attribute.".length), Buffer.from(value)])),
    },
    runningStatus: details.runningStatus ?? "",
    startupTime: Number(details.startupTime ?? 0),
  };
}

const STATUSES: Readonly<Record<FleetStatus, number>> = {
  pending: ConfigStatus.UNSET,
  unknown: ConfigStatus.UNSET,
  applying: ConfigStatus.APPLYING,
  applied: ConfigStatus.APPLIED,
  failed: ConfigStatus.FAILED,
};

function writeStatus(told: {
  configName: string;
  wanted: number | null;
  applied: number | null;
  status: FleetStatus;
  error: string | null;
}) {
  const version = told.applied ?? told.wanted ?? 0;
  return { name: told.configName, version, status: STATUSES[told.status], message: told.error ?? "" };
}

function read(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
