import type { Codec } from "./codec.ts";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";
import { type Missing, USER_TEXTS, type UserActionName, type UserActionTexts } from "./user-texts.ts";

/** G0 is the seed, G1 every released iLogtail, G2 LoongCollector. */
export type Generation = "g0" | "g1" | "g2";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** One thing to ask of a server, for both ends of the wire. */
export interface Action<Request extends object = object, Response extends object = object> {
  readonly name: string;
  readonly side: "User" | "Agent";
  /** Without the slash that the seed puts at its end. */
  readonly path: string;
  /** The first is what an original server of this generation takes; the others are taken here as well. */
  readonly methods: readonly [Method, ...Method[]];
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  /** The message of a success; G2 has none. */
  readonly success: string;
  readonly missing: Missing;
}

type Rest = Partial<Pick<Action, "missing">>;

function agent<Request extends object, Response extends object>(
  name: string,
  request: Codec<Request>,
  response: Codec<Response>,
  success = "",
  { missing = {} }: Rest = {},
): Action<Request, Response> {
  return { name, side: "Agent", path: `/Agent/${name}`, methods: ["POST"], request, response, success, missing };
}

/** Both generations read with either method; which one is the original's differs. */
function userActions(readMethods: readonly [Method, Method], content: string) {
  return <Request extends object, Response extends object>(
    name: UserActionName,
    request: Codec<Request>,
    response: Codec<Response>,
  ): Action<Request, Response> => {
    const texts: UserActionTexts = USER_TEXTS[name];
    const missing = texts.missing.content === undefined ? texts.missing : { ...texts.missing, content };
    const methods: readonly [Method, ...Method[]] = texts.verb === "read" ? readMethods : [texts.verb];
    return { name, side: "User", path: `/User/${name}`, methods, request, response, success: texts.success, missing };
  };
}

const NEEDS_AGENT: Rest = { missing: { agentId: "Need parameter AgentID." } };

const userG0 = userActions(["GET", "POST"], "Need parameter Content.");

export const G0_ACTIONS = {
  CreateAgentGroup: userG0(
    "CreateAgentGroup",
    G0_MESSAGES.CreateAgentGroupRequest,
    G0_MESSAGES.CreateAgentGroupResponse,
  ),
  UpdateAgentGroup: userG0(
    "UpdateAgentGroup",
    G0_MESSAGES.UpdateAgentGroupRequest,
    G0_MESSAGES.UpdateAgentGroupResponse,
  ),
  DeleteAgentGroup: userG0(
    "DeleteAgentGroup",
    G0_MESSAGES.DeleteAgentGroupRequest,
    G0_MESSAGES.DeleteAgentGroupResponse,
  ),
  GetAgentGroup: userG0("GetAgentGroup", G0_MESSAGES.GetAgentGroupRequest, G0_MESSAGES.GetAgentGroupResponse),
  ListAgentGroups: userG0("ListAgentGroups", G0_MESSAGES.ListAgentGroupsRequest, G0_MESSAGES.ListAgentGroupsResponse),
  CreateConfig: userG0("CreateConfig", G0_MESSAGES.CreateConfigRequest, G0_MESSAGES.CreateConfigResponse),
  UpdateConfig: userG0("UpdateConfig", G0_MESSAGES.UpdateConfigRequest, G0_MESSAGES.UpdateConfigResponse),
  DeleteConfig: userG0("DeleteConfig", G0_MESSAGES.DeleteConfigRequest, G0_MESSAGES.DeleteConfigResponse),
  GetConfig: userG0("GetConfig", G0_MESSAGES.GetConfigRequest, G0_MESSAGES.GetConfigResponse),
  ListConfigs: userG0("ListConfigs", G0_MESSAGES.ListConfigsRequest, G0_MESSAGES.ListConfigsResponse),
  ApplyConfigToAgentGroup: userG0(
    "ApplyConfigToAgentGroup",
    G0_MESSAGES.ApplyConfigToAgentGroupRequest,
    G0_MESSAGES.ApplyConfigToAgentGroupResponse,
  ),
  RemoveConfigFromAgentGroup: userG0(
    "RemoveConfigFromAgentGroup",
    G0_MESSAGES.RemoveConfigFromAgentGroupRequest,
    G0_MESSAGES.RemoveConfigFromAgentGroupResponse,
  ),
  GetAppliedConfigsForAgentGroup: userG0(
    "GetAppliedConfigsForAgentGroup",
    G0_MESSAGES.GetAppliedConfigsForAgentGroupRequest,
    G0_MESSAGES.GetAppliedConfigsForAgentGroupResponse,
  ),
  GetAppliedAgentGroups: userG0(
    "GetAppliedAgentGroups",
    G0_MESSAGES.GetAppliedAgentGroupsRequest,
    G0_MESSAGES.GetAppliedAgentGroupsResponse,
  ),
  ListAgents: userG0("ListAgents", G0_MESSAGES.ListAgentsRequest, G0_MESSAGES.ListAgentsResponse),
  HeartBeat: agent(
    "HeartBeat",
    G0_MESSAGES.HeartBeatRequest,
    G0_MESSAGES.HeartBeatResponse,
    "Send heartbeat success",
    NEEDS_AGENT,
  ),
  RunningStatistics: agent(
    "RunningStatistics",
    G0_MESSAGES.RunningStatisticsRequest,
    G0_MESSAGES.RunningStatisticsResponse,
    "Send running statistics success",
    NEEDS_AGENT,
  ),
  Alarm: agent("Alarm", G0_MESSAGES.AlarmRequest, G0_MESSAGES.AlarmResponse, "Alarm success", NEEDS_AGENT),
  GetConfigList: agent(
    "GetConfigList",
    G0_MESSAGES.AgentGetConfigListRequest,
    G0_MESSAGES.AgentGetConfigListResponse,
    "Get config update infos success",
    NEEDS_AGENT,
  ),
} as const;

const userG1 = userActions(["POST", "GET"], "Need parameter Detail.");
const FETCHED = "Get Agent Config details success";

export const G1_ACTIONS = {
  CreateAgentGroup: userG1(
    "CreateAgentGroup",
    G1_MESSAGES.CreateAgentGroupRequest,
    G1_MESSAGES.CreateAgentGroupResponse,
  ),
  UpdateAgentGroup: userG1(
    "UpdateAgentGroup",
    G1_MESSAGES.UpdateAgentGroupRequest,
    G1_MESSAGES.UpdateAgentGroupResponse,
  ),
  DeleteAgentGroup: userG1(
    "DeleteAgentGroup",
    G1_MESSAGES.DeleteAgentGroupRequest,
    G1_MESSAGES.DeleteAgentGroupResponse,
  ),
  GetAgentGroup: userG1("GetAgentGroup", G1_MESSAGES.GetAgentGroupRequest, G1_MESSAGES.GetAgentGroupResponse),
  ListAgentGroups: userG1("ListAgentGroups", G1_MESSAGES.ListAgentGroupsRequest, G1_MESSAGES.ListAgentGroupsResponse),
  CreateConfig: userG1("CreateConfig", G1_MESSAGES.CreateConfigRequest, G1_MESSAGES.CreateConfigResponse),
  UpdateConfig: userG1("UpdateConfig", G1_MESSAGES.UpdateConfigRequest, G1_MESSAGES.UpdateConfigResponse),
  DeleteConfig: userG1("DeleteConfig", G1_MESSAGES.DeleteConfigRequest, G1_MESSAGES.DeleteConfigResponse),
  GetConfig: userG1("GetConfig", G1_MESSAGES.GetConfigRequest, G1_MESSAGES.GetConfigResponse),
  ListConfigs: userG1("ListConfigs", G1_MESSAGES.ListConfigsRequest, G1_MESSAGES.ListConfigsResponse),
  ApplyConfigToAgentGroup: userG1(
    "ApplyConfigToAgentGroup",
    G1_MESSAGES.ApplyConfigToAgentGroupRequest,
    G1_MESSAGES.ApplyConfigToAgentGroupResponse,
  ),
  RemoveConfigFromAgentGroup: userG1(
    "RemoveConfigFromAgentGroup",
    G1_MESSAGES.RemoveConfigFromAgentGroupRequest,
    G1_MESSAGES.RemoveConfigFromAgentGroupResponse,
  ),
  GetAppliedConfigsForAgentGroup: userG1(
    "GetAppliedConfigsForAgentGroup",
    G1_MESSAGES.GetAppliedConfigsForAgentGroupRequest,
    G1_MESSAGES.GetAppliedConfigsForAgentGroupResponse,
  ),
  GetAppliedAgentGroups: userG1(
    "GetAppliedAgentGroups",
    G1_MESSAGES.GetAppliedAgentGroupsRequest,
    G1_MESSAGES.GetAppliedAgentGroupsResponse,
  ),
  ListAgents: userG1("ListAgents", G1_MESSAGES.ListAgentsRequest, G1_MESSAGES.ListAgentsResponse),
  HeartBeat: agent(
    "HeartBeat",
    G1_MESSAGES.HeartBeatRequest,
    G1_MESSAGES.HeartBeatResponse,
    "Send heartbeat successGet config update infos success",
    NEEDS_AGENT,
  ),
  FetchPipelineConfig: agent(
    "FetchPipelineConfig",
    G1_MESSAGES.FetchPipelineConfigRequest,
    G1_MESSAGES.FetchPipelineConfigResponse,
    FETCHED,
  ),
  FetchAgentConfig: agent(
    "FetchAgentConfig",
    G1_MESSAGES.FetchAgentConfigRequest,
    G1_MESSAGES.FetchAgentConfigResponse,
    FETCHED,
  ),
} as const;

function userG2<Request extends object, Response extends object>(
  name: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Action<Request, Response> {
  return { name, side: "User", path: `/User/${name}`, methods: ["POST"], request, response, success: "", missing: {} };
}

const { FetchConfigRequest, FetchConfigResponse, ReportStatusRequest, ReportStatusResponse } = G2_MESSAGES;

/** The original registers no routes for instance configs, though its web pages call them. */
export const G2_ACTIONS = {
  Heartbeat: agent("Heartbeat", G2_MESSAGES.HeartbeatRequest, G2_MESSAGES.HeartbeatResponse),
  FetchPipelineConfig: agent("FetchPipelineConfig", FetchConfigRequest, FetchConfigResponse),
  FetchInstanceConfig: agent("FetchInstanceConfig", FetchConfigRequest, FetchConfigResponse),
  FetchConfig: agent("FetchConfig", FetchConfigRequest, FetchConfigResponse),
  ReportStatus: agent("ReportStatus", ReportStatusRequest, ReportStatusResponse),
  CreateAgentGroup: userG2(
    "CreateAgentGroup",
    G2_MESSAGES.CreateAgentGroupRequest,
    G2_MESSAGES.CreateAgentGroupResponse,
  ),
  UpdateAgentGroup: userG2(
    "UpdateAgentGroup",
    G2_MESSAGES.UpdateAgentGroupRequest,
    G2_MESSAGES.UpdateAgentGroupResponse,
  ),
  DeleteAgentGroup: userG2(
    "DeleteAgentGroup",
    G2_MESSAGES.DeleteAgentGroupRequest,
    G2_MESSAGES.DeleteAgentGroupResponse,
  ),
  GetAgentGroup: userG2("GetAgentGroup", G2_MESSAGES.GetAgentGroupRequest, G2_MESSAGES.GetAgentGroupResponse),
  ListAgentGroups: userG2("ListAgentGroups", G2_MESSAGES.ListAgentGroupsRequest, G2_MESSAGES.ListAgentGroupsResponse),
  ListAgents: userG2("ListAgents", G2_MESSAGES.ListAgentsRequest, G2_MESSAGES.ListAgentsResponse),
  CreatePipelineConfig: userG2(
    "CreatePipelineConfig",
    G2_MESSAGES.CreateConfigRequest,
    G2_MESSAGES.CreateConfigResponse,
  ),
  UpdatePipelineConfig: userG2(
    "UpdatePipelineConfig",
    G2_MESSAGES.UpdateConfigRequest,
    G2_MESSAGES.UpdateConfigResponse,
  ),
  DeletePipelineConfig: userG2(
    "DeletePipelineConfig",
    G2_MESSAGES.DeleteConfigRequest,
    G2_MESSAGES.DeleteConfigResponse,
  ),
  GetPipelineConfig: userG2("GetPipelineConfig", G2_MESSAGES.GetConfigRequest, G2_MESSAGES.GetConfigResponse),
  ListPipelineConfigs: userG2("ListPipelineConfigs", G2_MESSAGES.ListConfigsRequest, G2_MESSAGES.ListConfigsResponse),
  ApplyPipelineConfigToAgentGroup: userG2(
    "ApplyPipelineConfigToAgentGroup",
    G2_MESSAGES.ApplyConfigToAgentGroupRequest,
    G2_MESSAGES.ApplyConfigToAgentGroupResponse,
  ),
  RemovePipelineConfigFromAgentGroup: userG2(
    "RemovePipelineConfigFromAgentGroup",
    G2_MESSAGES.RemoveConfigFromAgentGroupRequest,
    G2_MESSAGES.RemoveConfigFromAgentGroupResponse,
  ),
  GetAppliedPipelineConfigsForAgentGroup: userG2(
    "GetAppliedPipelineConfigsForAgentGroup",
    G2_MESSAGES.GetAppliedConfigsForAgentGroupRequest,
    G2_MESSAGES.GetAppliedConfigsForAgentGroupResponse,
  ),
  GetAppliedAgentGroupsWithPipelineConfig: userG2(
    "GetAppliedAgentGroupsWithPipelineConfig",
    G2_MESSAGES.GetAppliedAgentGroupsRequest,
    G2_MESSAGES.GetAppliedAgentGroupsResponse,
  ),
  GetPipelineConfigStatusList: userG2(
    "GetPipelineConfigStatusList",
    G2_MESSAGES.GetConfigStatusListRequest,
    G2_MESSAGES.GetConfigStatusListResponse,
  ),
  CreateInstanceConfig: userG2(
    "CreateInstanceConfig",
    G2_MESSAGES.CreateConfigRequest,
    G2_MESSAGES.CreateConfigResponse,
  ),
  UpdateInstanceConfig: userG2(
    "UpdateInstanceConfig",
    G2_MESSAGES.UpdateConfigRequest,
    G2_MESSAGES.UpdateConfigResponse,
  ),
  DeleteInstanceConfig: userG2(
    "DeleteInstanceConfig",
    G2_MESSAGES.DeleteConfigRequest,
    G2_MESSAGES.DeleteConfigResponse,
  ),
  GetInstanceConfig: userG2("GetInstanceConfig", G2_MESSAGES.GetConfigRequest, G2_MESSAGES.GetConfigResponse),
  ListInstanceConfigs: userG2("ListInstanceConfigs", G2_MESSAGES.ListConfigsRequest, G2_MESSAGES.ListConfigsResponse),
  ApplyInstanceConfigToAgentGroup: userG2(
    "ApplyInstanceConfigToAgentGroup",
    G2_MESSAGES.ApplyConfigToAgentGroupRequest,
    G2_MESSAGES.ApplyConfigToAgentGroupResponse,
  ),
  RemoveInstanceConfigFromAgentGroup: userG2(
    "RemoveInstanceConfigFromAgentGroup",
    G2_MESSAGES.RemoveConfigFromAgentGroupRequest,
    G2_MESSAGES.RemoveConfigFromAgentGroupResponse,
  ),
  GetAppliedInstanceConfigsForAgentGroup: userG2(
    "GetAppliedInstanceConfigsForAgentGroup",
    G2_MESSAGES.GetAppliedConfigsForAgentGroupRequest,
    G2_MESSAGES.GetAppliedConfigsForAgentGroupResponse,
  ),
  GetAppliedAgentGroupsWithInstanceConfig: userG2(
    "GetAppliedAgentGroupsWithInstanceConfig",
    G2_MESSAGES.GetAppliedAgentGroupsRequest,
    G2_MESSAGES.GetAppliedAgentGroupsResponse,
  ),
  GetInstanceConfigStatusList: userG2(
    "GetInstanceConfigStatusList",
    G2_MESSAGES.GetConfigStatusListRequest,
    G2_MESSAGES.GetConfigStatusListResponse,
  ),
} as const;

export const CONFIGSERVER_ACTIONS = { g0: G0_ACTIONS, g1: G1_ACTIONS, g2: G2_ACTIONS } as const;

const byPath: Readonly<Record<Generation, ReadonlyMap<string, Action>>> = {
  g0: indexPaths(G0_ACTIONS),
  g1: indexPaths(G1_ACTIONS),
  g2: indexPaths(G2_ACTIONS),
};

function indexPaths(actions: Readonly<Record<string, Action>>): ReadonlyMap<string, Action> {
  return new Map(Object.values(actions).map((action) => [action.path, action]));
}

/** By a path with or without a slash at its end; case counts. */
export function findAction(generation: Generation, path: string): Action | undefined {
  return byPath[generation].get(path.endsWith("/") ? path.slice(0, -1) : path);
}
