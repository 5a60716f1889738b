import { many, mapOf, one, type TinySchema } from "./tiny-protobuf.ts";

/** The messages of the three generations by their field numbers, read from the originals' definitions once more. */
const TAG = { name: one(1, "string"), value: one(2, "string") };
const GROUP = { group_name: one(1, "string"), description: one(2, "string"), tags: many(3, TAG) };

interface Action {
  readonly request: TinySchema;
  readonly response: TinySchema;
}

/** `code` is a text in G0 and a number in G1; the payload of an answer is always field 4. */
function action(code: "string" | "int64", request: TinySchema, payload: TinySchema = {}): Action {
  return {
    request: { request_id: one(1, "string"), ...request },
    response: { response_id: one(1, "string"), code: one(2, code), message: one(3, "string"), ...payload },
  };
}

function userActions(code: "string" | "int64", config: TinySchema, agent: TinySchema) {
  const group = { group_name: one(2, "string") };
  const name = { config_name: one(2, "string") };
  const both = { config_name: one(2, "string"), group_name: one(3, "string") };
  return {
    CreateAgentGroup: action(code, { agent_group: one(2, GROUP) }),
    UpdateAgentGroup: action(code, { agent_group: one(2, GROUP) }),
    DeleteAgentGroup: action(code, group),
    GetAgentGroup: action(code, group, { agent_group: one(4, GROUP) }),
    ListAgentGroups: action(code, {}, { agent_groups: many(4, GROUP) }),
    CreateConfig: action(code, { config_detail: one(2, config) }),
    UpdateConfig: action(code, { config_detail: one(2, config) }),
    DeleteConfig: action(code, name),
    GetConfig: action(code, name, { config_detail: one(4, config) }),
    ListConfigs: action(code, {}, { config_details: many(4, config) }),
    ApplyConfigToAgentGroup: action(code, both),
    RemoveConfigFromAgentGroup: action(code, both),
    GetAppliedConfigsForAgentGroup: action(code, group, { config_names: many(4, "string") }),
    GetAppliedAgentGroups: action(code, name, { agent_group_names: many(4, "string") }),
    ListAgents: action(code, group, { agents: many(4, agent) }),
  };
}

/** The method with which the originals ask for each of them. */
export const CONFIGSERVER_METHODS = {
  CreateAgentGroup: "POST",
  UpdateAgentGroup: "PUT",
  DeleteAgentGroup: "DELETE",
  GetAgentGroup: "GET",
  ListAgentGroups: "GET",
  CreateConfig: "POST",
  UpdateConfig: "PUT",
  DeleteConfig: "DELETE",
  GetConfig: "GET",
  ListConfigs: "GET",
  ApplyConfigToAgentGroup: "PUT",
  RemoveConfigFromAgentGroup: "DELETE",
  GetAppliedConfigsForAgentGroup: "GET",
  GetAppliedAgentGroups: "GET",
  ListAgents: "GET",
} as const;

export type ConfigServerUserAction = keyof typeof CONFIGSERVER_METHODS;

const CONFIG_0 = {
  config_name: one(1, "string"),
  agent_type: one(2, "string"),
  description: one(3, "string"),
  content: one(4, "string"),
};
const AGENT_0 = {
  agent_id: one(1, "string"),
  agent_type: one(2, "string"),
  ip: one(3, "string"),
  version: one(4, "string"),
  running_status: one(5, "string"),
  startup_time: one(6, "int64"),
  latest_heartbeat_time: one(7, "int64"),
  tags: mapOf(8, "string"),
  running_details: mapOf(9, "string"),
};
const UPDATE_0 = {
  config_name: one(1, "string"),
  update_status: one(2, "int64"),
  config_version: one(3, "int64"),
  content: one(4, "string"),
};
const STATISTICS_0 = { cpu: one(1, "float"), memory: one(2, "int64"), extras: mapOf(100, "string") };

export const G0 = {
  ...userActions("string", CONFIG_0, AGENT_0),
  HeartBeat: action("string", {
    agent_id: one(2, "string"),
    agent_type: one(3, "string"),
    agent_version: one(4, "string"),
    ip: one(5, "string"),
    tags: mapOf(6, "string"),
    running_status: one(7, "string"),
    startup_time: one(8, "int64"),
  }),
  RunningStatistics: action("string", { agent_id: one(2, "string"), running_details: one(3, STATISTICS_0) }),
  Alarm: action("string", { agent_id: one(2, "string"), type: one(3, "string"), detail: one(4, "string") }),
  GetConfigList: action(
    "string",
    { agent_id: one(2, "string"), config_versions: mapOf(3, "int64") },
    { config_update_infos: many(4, UPDATE_0) },
  ),
};

const CONFIG_1 = {
  type: one(1, "int64"),
  name: one(2, "string"),
  version: one(3, "int64"),
  context: one(4, "string"),
  detail: one(5, "string"),
};
const INFO_1 = { type: one(1, "int64"), name: one(2, "string"), version: one(3, "int64"), context: one(4, "string") };
const CHECK_1 = {
  type: one(1, "int64"),
  name: one(2, "string"),
  old_version: one(3, "int64"),
  new_version: one(4, "int64"),
  context: one(5, "string"),
  check_status: one(6, "int64"),
};
const ATTRIBUTES_1 = {
  version: one(1, "string"),
  category: one(2, "string"),
  ip: one(3, "string"),
  hostname: one(4, "string"),
  region: one(5, "string"),
  zone: one(6, "string"),
  extras: mapOf(100, "string"),
};
const AGENT_1 = {
  agent_id: one(1, "string"),
  agent_type: one(2, "string"),
  attributes: one(3, ATTRIBUTES_1),
  tags: many(4, "string"),
  running_status: one(5, "string"),
  startup_time: one(6, "int64"),
  interval: one(7, "int64"),
};

export const G1 = {
  ...userActions("int64", CONFIG_1, AGENT_1),
  HeartBeat: action(
    "int64",
    {
      agent_id: one(2, "string"),
      agent_type: one(3, "string"),
      attributes: one(4, ATTRIBUTES_1),
      tags: many(5, "string"),
      running_status: one(6, "string"),
      startup_time: one(7, "int64"),
      interval: one(8, "int64"),
      pipeline_configs: many(9, INFO_1),
      agent_configs: many(10, INFO_1),
    },
    { pipeline_check_results: many(4, CHECK_1), agent_check_results: many(5, CHECK_1) },
  ),
  FetchPipelineConfig: action(
    "int64",
    { agent_id: one(2, "string"), req_configs: many(3, INFO_1) },
    { config_details: many(4, CONFIG_1) },
  ),
  FetchAgentConfig: action(
    "int64",
    { agent_id: one(2, "string"), attributes: one(3, ATTRIBUTES_1), req_configs: many(4, INFO_1) },
    { config_details: many(4, CONFIG_1) },
  ),
};

const INFO_2 = {
  name: one(1, "string"),
  version: one(2, "int64"),
  status: one(3, "int64"),
  message: one(4, "string"),
  extra: mapOf(5, "bytes"),
};
const DETAIL_2 = {
  name: one(1, "string"),
  version: one(2, "int64"),
  detail: one(3, "bytes"),
  extra: mapOf(4, "bytes"),
};
const COMMAND_2 = {
  name: one(1, "string"),
  detail: one(2, "bytes"),
  expire_time: one(3, "int64"),
  extra: mapOf(4, "bytes"),
};
const ATTRIBUTES_2 = {
  version: one(1, "bytes"),
  ip: one(2, "bytes"),
  hostname: one(3, "bytes"),
  hostid: one(4, "bytes"),
  extras: mapOf(100, "bytes"),
};
const COMMON_2 = { status: one(1, "int64"), errorMessage: one(2, "string") };
const AGENT_2 = {
  capabilities: one(1, "int64"),
  instance_id: one(2, "string"),
  agent_type: one(3, "string"),
  attributes: one(4, ATTRIBUTES_2),
  running_status: one(5, "string"),
  startup_time: one(6, "int64"),
};

/** An answer has the request's id as 1 and the common part as 2. */
function action2(request: TinySchema, payload: TinySchema = {}): Action {
  return {
    request: { request_id: one(1, "string"), ...request },
    response: { request_id: one(1, "string"), common_response: one(2, COMMON_2), ...payload },
  };
}

const reported = (first: number) => ({
  continuous_pipeline_configs: many(first, INFO_2),
  instance_configs: many(first + 1, INFO_2),
  onetime_pipeline_configs: many(first + 2, INFO_2),
});
const updates = (first: number) => ({
  continuous_pipeline_config_updates: many(first, DETAIL_2),
  instance_config_updates: many(first + 1, DETAIL_2),
  onetime_pipeline_config_updates: many(first + 2, COMMAND_2),
});
const fetch2 = action2({ instance_id: one(2, "string"), ...reported(3) }, updates(3));

export const G2 = {
  Heartbeat: action2(
    {
      sequence_num: one(2, "int64"),
      capabilities: one(3, "int64"),
      instance_id: one(4, "string"),
      agent_type: one(5, "string"),
      attributes: one(6, ATTRIBUTES_2),
      tags: many(7, TAG),
      running_status: one(8, "string"),
      startup_time: one(9, "int64"),
      ...reported(10),
      flags: one(13, "int64"),
      opaque: one(14, "bytes"),
    },
    { capabilities: one(3, "int64"), ...updates(4), flags: one(7, "int64"), opaque: one(8, "bytes") },
  ),
  FetchPipelineConfig: fetch2,
  FetchInstanceConfig: fetch2,
  FetchConfig: fetch2,
  ReportStatus: action2({ instance_id: one(2, "string"), ...reported(3) }),
  ListAgents: action2({ group_name: one(2, "string") }, { agents: many(3, AGENT_2) }),
};

/** What a request came back with: undecoded, and decoded by the action's own answer. */
export interface ConfigServerAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any field of any message
  readonly body: any;
}
