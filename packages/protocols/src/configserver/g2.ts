import { codec } from "./codec.ts";
import {
  bits,
  bytes,
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
  uint64,
} from "./fields.ts";

/*
 * What LoongCollector speaks. The messages with their numbers: proto/g2.proto. Ids and details are bytes, in fact text;
 * the version -1 in an update means delete, 0 is nobody's.
 */

export const ConfigStatus = { UNSET: 0, APPLYING: 1, APPLIED: 2, FAILED: 3 } as const;
/** Bits from 2^16 on are anybody's. */
export const AgentCapability = {
  CONTINUOUS_PIPELINE_CONFIG: 1,
  INSTANCE_CONFIG: 2,
  ONETIME_PIPELINE_CONFIG: 4,
} as const;
export const ServerCapability = {
  ATTRIBUTES: 1,
  CONTINUOUS_PIPELINE_CONFIG_STATUS: 2,
  INSTANCE_CONFIG_STATUS: 4,
  ONETIME_PIPELINE_CONFIG_STATUS: 8,
} as const;
export const RequestFlag = { FULL_STATE: 1 } as const;
export const ResponseFlag = {
  REPORT_FULL_STATE: 1,
  FETCH_CONTINUOUS_PIPELINE_CONFIG_DETAIL: 2,
  FETCH_INSTANCE_CONFIG_DETAIL: 4,
} as const;
export const DELETED_VERSION = -1;

const commonResponse = { status: int32(1), errorMessage: bytes(2) };
const id = { requestId: bytes(1) };
const answer = { requestId: bytes(1), commonResponse: message(2, commonResponse) };

const agentGroupTag = { name: string(1), value: string(2) };
const configInfo = { name: string(1), version: int64(2), status: int32(3), message: string(4), extra: map(5, "bytes") };
const agentAttributes = {
  version: bytes(1),
  ip: bytes(2),
  hostname: bytes(3),
  hostid: bytes(4),
  extras: map(100, "bytes"),
};
const configDetail = { name: string(1), version: int64(2), detail: bytes(3), extra: map(4, "bytes") };
const commandDetail = { name: string(1), detail: bytes(2), expireTime: int64(3), extra: map(4, "bytes") };
const agent = {
  capabilities: bits(1),
  instanceId: bytes(2),
  agentType: string(3),
  attributes: message(4, agentAttributes),
  runningStatus: string(5),
  startupTime: int64(6),
};

export type G2CommonResponse = MessageOf<typeof commonResponse>;
export type G2AgentGroupTag = MessageOf<typeof agentGroupTag>;
export type G2ConfigInfo = MessageOf<typeof configInfo>;
export type G2AgentAttributes = MessageOf<typeof agentAttributes>;
export type G2ConfigDetail = MessageOf<typeof configDetail>;
export type G2CommandDetail = MessageOf<typeof commandDetail>;
export type G2Agent = MessageOf<typeof agent>;

function request<Table extends Fields>(table: Table) {
  return codec({ ...id, ...table });
}

function response<Table extends Fields>(table: Table) {
  return codec({ ...answer, ...table });
}

/** What an agent says of its configs, in three consecutive fields. */
const reports = (first: number) => ({
  continuousPipelineConfigs: list(first, configInfo),
  instanceConfigs: list(first + 1, configInfo),
  onetimePipelineConfigs: list(first + 2, configInfo),
});

/** What it is to do about them. */
const updates = (first: number) => ({
  continuousPipelineConfigUpdates: list(first, configDetail),
  instanceConfigUpdates: list(first + 1, configDetail),
  onetimePipelineConfigUpdates: list(first + 2, commandDetail),
});

const groupRequest = request({ agentGroup: message(2, agentGroupTag) });
const configRequest = request({ configDetail: message(2, configDetail) });
const groupNameRequest = request({ groupName: string(2) });
const configNameRequest = request({ configName: string(2) });
const bindingRequest = request({ configName: string(2), groupName: string(3) });
const listRequest = codec(id);
const plainResponse = codec(answer);

/** Codecs by the message's name in proto/g2.proto. */
export const G2_MESSAGES = {
  HeartbeatRequest: request({
    sequenceNum: uint64(2),
    capabilities: bits(3),
    instanceId: bytes(4),
    agentType: string(5),
    attributes: message(6, agentAttributes),
    tags: list(7, agentGroupTag),
    runningStatus: string(8),
    startupTime: int64(9),
    ...reports(10),
    flags: bits(13),
    opaque: bytes(14),
  }),
  HeartbeatResponse: response({ capabilities: bits(3), ...updates(4), flags: bits(7), opaque: bytes(8) }),
  FetchConfigRequest: request({ instanceId: bytes(2), ...reports(3) }),
  FetchConfigResponse: response(updates(3)),
  ReportStatusRequest: request({ instanceId: bytes(2), ...reports(3) }),
  ReportStatusResponse: plainResponse,
  CreateAgentGroupRequest: groupRequest,
  CreateAgentGroupResponse: plainResponse,
  UpdateAgentGroupRequest: groupRequest,
  UpdateAgentGroupResponse: plainResponse,
  DeleteAgentGroupRequest: groupNameRequest,
  DeleteAgentGroupResponse: plainResponse,
  GetAgentGroupRequest: groupNameRequest,
  GetAgentGroupResponse: response({ agentGroup: message(3, agentGroupTag) }),
  ListAgentGroupsRequest: listRequest,
  ListAgentGroupsResponse: response({ agentGroups: list(4, agentGroupTag) }),
  CreateConfigRequest: configRequest,
  CreateConfigResponse: plainResponse,
  UpdateConfigRequest: configRequest,
  UpdateConfigResponse: plainResponse,
  DeleteConfigRequest: configNameRequest,
  DeleteConfigResponse: plainResponse,
  GetConfigRequest: configNameRequest,
  GetConfigResponse: response({ configDetail: message(3, configDetail) }),
  GetConfigStatusListRequest: request({ instanceId: bytes(2) }),
  GetConfigStatusListResponse: response({ configStatus: list(3, configInfo) }),
  ListConfigsRequest: listRequest,
  ListConfigsResponse: response({ configDetails: list(3, configDetail) }),
  ApplyConfigToAgentGroupRequest: bindingRequest,
  ApplyConfigToAgentGroupResponse: plainResponse,
  RemoveConfigFromAgentGroupRequest: bindingRequest,
  RemoveConfigFromAgentGroupResponse: plainResponse,
  GetAppliedConfigsForAgentGroupRequest: groupNameRequest,
  GetAppliedConfigsForAgentGroupResponse: response({ configNames: strings(4) }),
  GetAppliedAgentGroupsRequest: configNameRequest,
  GetAppliedAgentGroupsResponse: response({ agentGroupNames: strings(3) }),
  ListAgentsRequest: groupNameRequest,
  ListAgentsResponse: response({ agents: list(3, agent) }),
} as const;

type Decode<Name extends keyof typeof G2_MESSAGES> = Extract<
  ReturnType<(typeof G2_MESSAGES)[Name]["decode"]>,
  { readonly ok: true }
>["message"];

export type G2HeartbeatRequest = Decode<"HeartbeatRequest">;
export type G2HeartbeatResponse = Decode<"HeartbeatResponse">;
export type G2FetchConfigRequest = Decode<"FetchConfigRequest">;
export type G2FetchConfigResponse = Decode<"FetchConfigResponse">;
export type G2ReportStatusRequest = Decode<"ReportStatusRequest">;
export type G2Draft<Name extends keyof typeof G2_MESSAGES> = Draft<Decode<Name>>;
