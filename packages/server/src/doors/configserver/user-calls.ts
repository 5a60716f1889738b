import { hasCode, MusterError } from "@muster/core";
import {
  type Action,
  accept,
  badRequest,
  DEFAULT_GROUP,
  type Missing,
  type Outcome,
  refusals,
  type UserActionName,
} from "@muster/protocols/configserver";
import type { Call } from "./calls.ts";
import { listMembers, type StoredAgent } from "./stored-agents.ts";
import {
  byName,
  changeGroup,
  findConfig,
  findGroup,
  findMeta,
  listConfigs,
  listGroups,
  type StoredConfig,
  type StoredGroup,
} from "./stored-configs.ts";

/** A config as users write it, in whatever generation. */
export interface WrittenConfig {
  readonly name: string;
  readonly kind: string;
  /** Undefined where the generation has none. */
  readonly agentType: string | undefined;
  readonly description: string;
  readonly text: string;
}

export interface WrittenGroup {
  readonly groupName: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
}

/** What a generation calls things, and which kinds of configs it knows. */
export interface UserDialect {
  readonly kinds: readonly string[];
  readConfig(message: unknown): WrittenConfig | undefined;
  writeConfig(config: StoredConfig): object;
  writeAgent(agent: StoredAgent): object;
}

/** Every field that a request of users may have. */
interface UserMessage {
  readonly groupName?: string;
  readonly configName?: string;
  readonly agentGroup?: WrittenGroup;
  readonly configDetail?: unknown;
}

/** What came of a call: a refusal, or what goes into the answer beside the success. */
type Result = { readonly refusal?: Outcome; readonly payload?: object };

const MAX_NAME = 200;
const MAX_DESCRIPTION = 10_000;
const MAX_TAGS = 256;
const MAX_TAG = 255;

/** Carries out a user's action. The order of the checks is the originals'. */
export async function callUser(
  action: Action,
  call: Call<UserMessage>,
  dialect: UserDialect,
): Promise<{ outcome: Outcome; payload?: object }> {
  const { message } = call;
  const config = message.configDetail === undefined ? undefined : dialect.readConfig(message.configDetail);
  const missing = findMissing(action.missing, {
    groupName: message.groupName ?? message.agentGroup?.groupName,
    configName: message.configName ?? config?.name,
    content: config?.text,
  });
  if (missing !== undefined) return { outcome: badRequest(missing) };
  const user: User = { call, dialect, message, config, group: message.agentGroup };
  const result = await USER_CALLS[action.name as UserActionName](user);
  if (result.refusal) return { outcome: result.refusal };
  return { outcome: accept(action.success), ...(result.payload && { payload: result.payload }) };
}

interface User {
  readonly call: Call<UserMessage>;
  readonly dialect: UserDialect;
  readonly message: UserMessage;
  readonly config: WrittenConfig | undefined;
  readonly group: WrittenGroup | undefined;
}

function findMissing(missing: Missing, given: Readonly<Record<string, string | undefined>>): string | undefined {
  for (const [field, text] of Object.entries(missing)) if (!given[field]) return text;
  return undefined;
}

const USER_CALLS: Readonly<Record<UserActionName, (user: User) => Promise<Result>>> = {
  CreateAgentGroup: createGroup,
  UpdateAgentGroup: updateGroup,
  DeleteAgentGroup: deleteGroup,
  GetAgentGroup: (user) => withGroup(user, async (group) => ({ payload: { agentGroup: writeGroup(group) } })),
  ListAgentGroups: async ({ call }) => {
    const groups = await listGroups(call.parts.fleet);
    return { payload: { agentGroups: groups.map(writeGroup) } };
  },
  CreateConfig: createConfig,
  UpdateConfig: updateConfig,
  DeleteConfig: deleteConfig,
  GetConfig: async ({ call, dialect, message }) => {
    const name = message.configName ?? "";
    const config = await findConfig(call.parts.fleet, name, dialect.kinds);
    return config
      ? { payload: { configDetail: dialect.writeConfig(config) } }
      : { refusal: refusals.configUnknown(name) };
  },
  ListConfigs: async ({ call, dialect }) => {
    const configs = await listConfigs(call.parts.fleet, dialect.kinds);
    return { payload: { configDetails: configs.map((config) => dialect.writeConfig(config)) } };
  },
  ApplyConfigToAgentGroup: applyConfig,
  RemoveConfigFromAgentGroup: removeFromGroup,
  GetAppliedConfigsForAgentGroup: (user) =>
    withGroup(user, async ({ id: groupId }) => {
      const assignments = await user.call.parts.fleet.configs.assignments({ groupId });
      const visible = assignments.filter(({ kind }) => user.dialect.kinds.includes(kind));
      return { payload: { configNames: visible.map(({ configName }) => configName) } };
    }),
  GetAppliedAgentGroups: async ({ call, dialect, message }) => {
    const name = message.configName ?? "";
    const config = await findMeta(call.parts.fleet, name, dialect.kinds);
    if (!config) return { refusal: refusals.configUnknown(name) };
    return { payload: { agentGroupNames: [...config.groups].sort(byName).map((group) => group.name) } };
  },
  ListAgents: (user) =>
    withGroup(user, async (group) => {
      const agents = await listMembers(user.call.parts.fleet, group.id);
      return { payload: { agents: agents.map((agent) => user.dialect.writeAgent(agent)) } };
    }),
};

async function withGroup({ call, message }: User, use: (group: StoredGroup) => Promise<Result>): Promise<Result> {
  const name = message.groupName ?? "";
  const group = await findGroup(call.parts.fleet, name);
  return group ? use(group) : { refusal: refusals.groupUnknown(name) };
}

async function createGroup({ call, group }: User): Promise<Result> {
  const { groupName: name, description, tags } = checkGroup(group);
  const { groups } = call.parts.fleet;
  if (name === DEFAULT_GROUP.name) return { refusal: refusals.groupExists(name) };
  return orExists(groups.create({ name, description, tags: [...tags] }), refusals.groupExists(name));
}

async function updateGroup({ call, group }: User): Promise<Result> {
  const { groupName: name, description, tags } = checkGroup(group);
  const known = await findGroup(call.parts.fleet, name);
  if (!known) return { refusal: refusals.groupUnknown(name) };
  await changeGroup(call.parts.fleet, known.id, { description, tags });
  return {};
}

function deleteGroup(user: User): Promise<Result> {
  const { groups, configs } = user.call.parts.fleet;
  if (user.message.groupName === DEFAULT_GROUP.name) return Promise.resolve({ refusal: refusals.defaultGroupStays() });
  return withGroup(user, async ({ id, name }) => {
    if ((await configs.assignments({ groupId: id })).length > 0) return { refusal: refusals.groupInUse(name) };
    await groups.remove(id);
    return {};
  });
}

async function createConfig({ call, config }: User): Promise<Result> {
  if (!config) throw nothingWritten();
  const { name, kind, agentType, description, text } = config;
  const write = { name, kind, description, text, format: formatOf(kind, text), ...(agentType && { agentType }) };
  checkDescription(description);
  return orExists(call.parts.fleet.configs.create(write, call.actor), refusals.configExists(name));
}

/** Every group that has it gets the new text at once; where nothing is new, nothing happens. */
async function updateConfig({ call, dialect, config }: User): Promise<Result> {
  if (!config) throw nothingWritten();
  const { configs } = call.parts.fleet;
  const { name, agentType, description, text } = config;
  const known = await findMeta(call.parts.fleet, name, dialect.kinds);
  if (!known) return { refusal: refusals.configUnknown(name) };
  checkDescription(description);
  const edit = { text, description, ...(agentType !== undefined && { agentType }) };
  return orGone(configs.change(known.id, edit, call.actor, { give: true }), refusals.configUnknown(name));
}

async function deleteConfig({ call, dialect, message }: User): Promise<Result> {
  const name = message.configName ?? "";
  const config = await findMeta(call.parts.fleet, name, dialect.kinds);
  if (!config) return { refusal: refusals.configUnknown(name) };
  if (config.groups.length > 0) return { refusal: refusals.configInUse(name) };
  return orGone(call.parts.fleet.configs.remove(config.id, call.actor), refusals.configUnknown(name));
}

function applyConfig(user: User): Promise<Result> {
  const { configs } = user.call.parts.fleet;
  return withGroup(user, async (group) => {
    const name = user.message.configName ?? "";
    const config = await findMeta(user.call.parts.fleet, name, user.dialect.kinds);
    if (!config) return { refusal: refusals.configUnknown(name) };
    const exists = { refusal: refusals.alreadyApplied(group.name, name) };
    // it may have an older revision, by a rollout that has not come so far: that is not ours to change
    if (config.groups.some(({ id }) => id === group.id)) return exists;
    const given = await configs.assign(config.id, group.id, undefined, user.call.actor);
    return given.isNew ? {} : exists;
  });
}

function removeFromGroup(user: User): Promise<Result> {
  const { configs } = user.call.parts.fleet;
  return withGroup(user, async (group) => {
    const name = user.message.configName ?? "";
    const config = await findMeta(user.call.parts.fleet, name, user.dialect.kinds);
    if (!config) return { refusal: refusals.configUnknown(name) };
    const isGone = await configs.unassign(config.id, group.id, user.call.actor);
    return isGone ? {} : { refusal: refusals.notApplied(group.name, name) };
  });
}

function writeGroup({ name, description, tags }: StoredGroup): object {
  return { groupName: name, description, tags };
}

/** Pipelines are YAML, of which JSON is a part. */
function formatOf(kind: string, text: string): "yaml" | "json" {
  return kind === "settings" && text.trimStart().startsWith("{") ? "json" : "yaml";
}

function checkGroup(group: WrittenGroup | undefined): WrittenGroup {
  if (!group) throw nothingWritten();
  if (group.groupName.length > MAX_NAME || group.groupName.includes("\0"))
    throw new MusterError("invalid_argument", `GroupName must be at most ${MAX_NAME} characters, without NUL.`);
  checkDescription(group.description);
  const isTooLong = group.tags.some(({ name, value }) => name.length > MAX_TAG || value.length > MAX_TAG);
  if (group.tags.length > MAX_TAGS || isTooLong)
    throw new MusterError("invalid_argument", `A group has at most ${MAX_TAGS} tags of ${MAX_TAG} characters.`);
  return group;
}

function checkDescription(description: string): void {
  if (description.length > MAX_DESCRIPTION || description.includes("\0"))
    throw new MusterError(
      "invalid_argument",
      `Description must be at most ${MAX_DESCRIPTION} characters, without NUL.`,
    );
}

/** The door refuses it before, for want of a name. */
function nothingWritten(): MusterError {
  return new MusterError("invalid_argument", "the request holds nothing to write");
}

async function orExists(write: Promise<unknown>, refusal: Outcome): Promise<Result> {
  return write.then(
    () => ({}),
    (error: unknown) => {
      if (hasCode(error, "already_exists")) return { refusal };
      throw error;
    },
  );
}

/** Somebody else was quicker. */
async function orGone(write: Promise<unknown>, refusal: Outcome): Promise<Result> {
  return write.then(
    () => ({}),
    (error: unknown) => {
      if (hasCode(error, "not_found")) return { refusal };
      throw error;
    },
  );
}
