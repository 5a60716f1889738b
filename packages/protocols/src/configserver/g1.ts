import { codec } from "./codec.ts";
import {
  type Draft,
  type Fields,
  int32,
  int64,
  list,
  type MessageOf,
  map,
  message,
  string,
  strings,
} from "./fields.ts";

/*
 * What every released iLogtail agent and the web pages of the original speak. The messages with their numbers:
 * proto/g1.proto. An agent's answers call their first field request_id, a user's response_id.
 */

export const ConfigType = { PIPELINE_CONFIG: 0, AGENT_CONFIG: 1 } as const;
export const CheckStatus = { NEW: 0, DELETED: 1, MODIFIED: 2 } as const;
export const RespCode = { ACCEPT: 0, INVALID_PARAMETER: 1, INTERNAL_SERVER_ERROR: 2 } as const;

const id = { requestId: string(1) };
const agentAnswer = { requestId: string(1), code: int32(2), message: string(3) };
const userAnswer = { responseId: string(1), code: int32(2), message: string(3) };

const configInfo = { type: int32(1), name: string(2), version: int64(3), context: string(4) };
const configCheckResult = {
  type: int32(1),
  name: string(2),
  oldVersion: int64(3),
  newVersion: int64(4),
  context: string(5),
  checkStatus: int32(6),
};
const configDetail = { type: int32(1), name: string(2), version: int64(3), context: string(4), detail: string(5) };
const agentAttributes = {
  version: string(1),
  category: string(2),
  ip: string(3),
  hostname: string(4),
  region: string(5),
  zone: string(6),
  extras: map(100, "string"),
};
const command = { type: string(1), name: string(2), id: string(3), args: map(4, "string") };
const agentGroupTag = { name: string(1), value: string(2) };
const agentGroup = { groupName: string(1), description: string(2), tags: list(3, agentGroupTag) };
/** `attributes` must be given, if empty: the web pages of the original look into it. */
const agent = {
  agentId: string(1),
  agentType: string(2),
  attributes: message(3, agentAttributes),
  tags: strings(4),
  runningStatus: string(5),
  startupTime: int64(6),
  interval: int32(7),
};

export type G1ConfigInfo = MessageOf<typeof configInfo>;
export type G1ConfigCheckResult = MessageOf<typeof configCheckResult>;
export type G1ConfigDetail = MessageOf<typeof configDetail>;
export type G1AgentAttributes = MessageOf<typeof agentAttributes>;
export type G1AgentGroup = MessageOf<typeof agentGroup>;
export type G1Agent = MessageOf<typeof agent>;

function request<Table extends Fields>(table: Table) {
  return codec({ ...id, ...table });
}

function agentResponse<Table extends Fields>(table: Table) {
  return codec({ ...agentAnswer, ...table });
}

function userResponse<Table extends Fields>(table: Table) {
  return codec({ ...userAnswer, ...table });
}

const groupRequest = request({ agentGroup: message(2, agentGroup) });
const configRequest = request({ configDetail: message(2, configDetail) });
const groupNameRequest = request({ groupName: string(2) });
const configNameRequest = request({ configName: string(2) });
const bindingRequest = request({ configName: string(2), groupName: string(3) });
const listRequest = codec(id);
const plainResponse = codec(userAnswer);
const fetchResponse = agentResponse({ configDetails: list(4, configDetail) });

/** Codecs by the message's name in proto/g1.proto. */
export const G1_MESSAGES = {
  HeartBeatRequest: request({
    agentId: string(2),
    agentType: string(3),
    attributes: message(4, agentAttributes),
    tags: strings(5),
    runningStatus: string(6),
    startupTime: int64(7),
    /** Seconds. */
    interval: int32(8),
    pipelineConfigs: list(9, configInfo),
    agentConfigs: list(10, configInfo),
  }),
  HeartBeatResponse: agentResponse({
    pipelineCheckResults: list(4, configCheckResult),
    agentCheckResults: list(5, configCheckResult),
    customCommands: list(6, command),
  }),
  FetchPipelineConfigRequest: request({ agentId: string(2), reqConfigs: list(3, configInfo) }),
  FetchPipelineConfigResponse: fetchResponse,
  FetchAgentConfigRequest: request({
    agentId: string(2),
    attributes: message(3, agentAttributes),
    reqConfigs: list(4, configInfo),
  }),
  FetchAgentConfigResponse: fetchResponse,
  CreateAgentGroupRequest: groupRequest,
  CreateAgentGroupResponse: plainResponse,
  UpdateAgentGroupRequest: groupRequest,
  UpdateAgentGroupResponse: plainResponse,
  DeleteAgentGroupRequest: groupNameRequest,
  DeleteAgentGroupResponse: plainResponse,
  GetAgentGroupRequest: groupNameRequest,
  GetAgentGroupResponse: userResponse({ agentGroup: message(4, agentGroup) }),
  ListAgentGroupsRequest: listRequest,
  ListAgentGroupsResponse: userResponse({ agentGroups: list(4, agentGroup) }),
  CreateConfigRequest: configRequest,
  CreateConfigResponse: plainResponse,
  UpdateConfigRequest: configRequest,
  UpdateConfigResponse: plainResponse,
  DeleteConfigRequest: configNameRequest,
  DeleteConfigResponse: plainResponse,
  GetConfigRequest: configNameRequest,
  GetConfigResponse: userResponse({ configDetail: message(4, configDetail) }),
  ListConfigsRequest: listRequest,
  ListConfigsResponse: userResponse({ configDetails: list(4, configDetail) }),
  ApplyConfigToAgentGroupRequest: bindingRequest,
  ApplyConfigToAgentGroupResponse: plainResponse,
  RemoveConfigFromAgentGroupRequest: bindingRequest,
  RemoveConfigFromAgentGroupResponse: plainResponse,
  GetAppliedConfigsForAgentGroupRequest: groupNameRequest,
  GetAppliedConfigsForAgentGroupResponse: userResponse({ configNames: strings(4) }),
  GetAppliedAgentGroupsRequest: configNameRequest,
  GetAppliedAgentGroupsResponse: userResponse({ agentGroupNames: strings(4) }),
  ListAgentsRequest: groupNameRequest,
  ListAgentsResponse: userResponse({ agents: list(4, agent) }),
} as const;

type Decode<Name extends keyof typeof G1_MESSAGES> = Extract<
  ReturnType<(typeof G1_MESSAGES)[Name]["decode"]>,
  { readonly ok: true }
>["message"];

export type G1HeartBeatRequest = Decode<"HeartBeatRequest">;
export type G1HeartBeatResponse = Decode<"HeartBeatResponse">;
export type G1FetchPipelineConfigRequest = Decode<"FetchPipelineConfigRequest">;
export type G1FetchConfigResponse = Decode<"FetchPipelineConfigResponse">;
export type G1FetchAgentConfigRequest = Decode<"FetchAgentConfigRequest">;
export type G1Draft<Name extends keyof typeof G1_MESSAGES> = Draft<Decode<Name>>;
