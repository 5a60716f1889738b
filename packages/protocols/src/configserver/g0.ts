import { codec } from "./codec.ts";
import {
  type Draft,
  type Fields,
  float,
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
 * The seed's generation. Its messages with their numbers: proto/g0.proto.
 * A request's id and an answer's three fields are in every one; the seed's own tables leave them out.
 */

export const UpdateStatus = { SAME: 0, NEW: 1, DELETED: 2, MODIFIED: 3 } as const;

const id = { requestId: string(1) };
const answer = { responseId: string(1), code: string(2), message: string(3) };

const agentGroupTag = { name: string(1), value: string(2) };
const agentGroup = { groupName: string(1), description: string(2), tags: list(3, agentGroupTag) };
const config = { configName: string(1), agentType: string(2), description: string(3), content: string(4) };
const agent = {
  agentId: string(1),
  agentType: string(2),
  ip: string(3),
  version: string(4),
  runningStatus: string(5),
  /** Seconds, as every time of this protocol. */
  startupTime: int64(6),
  latestHeartbeatTime: int64(7),
  tags: map(8, "string"),
  runningDetails: map(9, "string"),
};
const runningStatistics = { cpu: float(1), memory: int64(2), extras: map(100, "string") };
/** For SAME and DELETED only the name counts: their version is 0 whatever it is. */
const configUpdateInfo = { configName: string(1), updateStatus: int32(2), configVersion: int64(3), content: string(4) };

export type G0AgentGroup = MessageOf<typeof agentGroup>;
export type G0Config = MessageOf<typeof config>;
export type G0Agent = MessageOf<typeof agent>;
export type G0RunningStatistics = MessageOf<typeof runningStatistics>;
export type G0ConfigUpdateInfo = MessageOf<typeof configUpdateInfo>;

function request<Table extends Fields>(table: Table) {
  return codec({ ...id, ...table });
}

function response<Table extends Fields>(table: Table) {
  return codec({ ...answer, ...table });
}

const groupRequest = request({ agentGroup: message(2, agentGroup) });
const configRequest = request({ configDetail: message(2, config) });
const groupNameRequest = request({ groupName: string(2) });
const configNameRequest = request({ configName: string(2) });
const bindingRequest = request({ configName: string(2), groupName: string(3) });
const listRequest = codec(id);
const plainResponse = codec(answer);

/** Codecs by the message's name in proto/g0.proto. */
export const G0_MESSAGES = {
  HeartBeatRequest: request({
    agentId: string(2),
    agentType: string(3),
    agentVersion: string(4),
    ip: string(5),
    tags: map(6, "string"),
    runningStatus: string(7),
    startupTime: int64(8),
  }),
  HeartBeatResponse: plainResponse,
  RunningStatisticsRequest: request({ agentId: string(2), runningDetails: message(3, runningStatistics) }),
  RunningStatisticsResponse: plainResponse,
  AlarmRequest: request({ agentId: string(2), type: string(3), detail: string(4) }),
  AlarmResponse: plainResponse,
  AgentGetConfigListRequest: request({ agentId: string(2), configVersions: map(3, "int64") }),
  AgentGetConfigListResponse: response({ configUpdateInfos: list(4, configUpdateInfo) }),
  CreateAgentGroupRequest: groupRequest,
  CreateAgentGroupResponse: plainResponse,
  UpdateAgentGroupRequest: groupRequest,
  UpdateAgentGroupResponse: plainResponse,
  DeleteAgentGroupRequest: groupNameRequest,
  DeleteAgentGroupResponse: plainResponse,
  GetAgentGroupRequest: groupNameRequest,
  GetAgentGroupResponse: response({ agentGroup: message(4, agentGroup) }),
  ListAgentGroupsRequest: listRequest,
  ListAgentGroupsResponse: response({ agentGroups: list(4, agentGroup) }),
  CreateConfigRequest: configRequest,
  CreateConfigResponse: plainResponse,
  UpdateConfigRequest: configRequest,
  UpdateConfigResponse: plainResponse,
  DeleteConfigRequest: configNameRequest,
  DeleteConfigResponse: plainResponse,
  GetConfigRequest: configNameRequest,
  GetConfigResponse: response({ configDetail: message(4, config) }),
  ListConfigsRequest: listRequest,
  ListConfigsResponse: response({ configDetails: list(4, config) }),
  ApplyConfigToAgentGroupRequest: bindingRequest,
  ApplyConfigToAgentGroupResponse: plainResponse,
  RemoveConfigFromAgentGroupRequest: bindingRequest,
  RemoveConfigFromAgentGroupResponse: plainResponse,
  GetAppliedConfigsForAgentGroupRequest: groupNameRequest,
  GetAppliedConfigsForAgentGroupResponse: response({ configNames: strings(4) }),
  GetAppliedAgentGroupsRequest: configNameRequest,
  GetAppliedAgentGroupsResponse: response({ agentGroupNames: strings(4) }),
  ListAgentsRequest: groupNameRequest,
  ListAgentsResponse: response({ agents: list(4, agent) }),
} as const;

type Decode<Name extends keyof typeof G0_MESSAGES> = Extract<
  ReturnType<(typeof G0_MESSAGES)[Name]["decode"]>,
  { readonly ok: true }
>["message"];

export type G0HeartBeatRequest = Decode<"HeartBeatRequest">;
export type G0RunningStatisticsRequest = Decode<"RunningStatisticsRequest">;
export type G0AlarmRequest = Decode<"AlarmRequest">;
export type G0GetConfigListRequest = Decode<"AgentGetConfigListRequest">;
export type G0GetConfigListResponse = Decode<"AgentGetConfigListResponse">;
export type G0Draft<Name extends keyof typeof G0_MESSAGES> = Draft<Decode<Name>>;
