/** `read` is what a generation reads with; each takes the other method for it as well. */
export type UserVerb = "POST" | "PUT" | "DELETE" | "read";

export interface UserActionTexts {
  readonly verb: UserVerb;
  readonly success: string;
  /** Answered with BadRequest when the field is empty, in this order. */
  readonly missing: Missing;
}

export interface Missing {
  readonly groupName?: string;
  readonly configName?: string;
  readonly content?: string;
  readonly agentId?: string;
}

/** What users can ask of G0 and G1, which differ in the messages and in one of these texts. */
export const USER_TEXTS = {
  CreateAgentGroup: {
    verb: "POST",
    success: "Add agent group success",
    missing: { groupName: "Agent group need parameter GroupName." },
  },
  UpdateAgentGroup: {
    verb: "PUT",
    success: "Update agent group success",
    missing: { groupName: "Agent group need parameter groupName." },
  },
  DeleteAgentGroup: {
    verb: "DELETE",
    success: "Delete agent group success",
    missing: { groupName: "Agent group need parameter groupName." },
  },
  GetAgentGroup: {
    verb: "read",
    success: "Get agent group success",
    missing: { groupName: "Agent group need parameter groupName." },
  },
  ListAgentGroups: { verb: "read", success: "Get agent group list success", missing: {} },
  CreateConfig: {
    verb: "POST",
    success: "Add config success",
    missing: { configName: "Need parameter ConfigName.", content: "Need parameter Content." },
  },
  UpdateConfig: {
    verb: "PUT",
    success: "Update config success",
    missing: { configName: "Need parameter ConfigName.", content: "Need parameter Content." },
  },
  DeleteConfig: {
    verb: "DELETE",
    success: "Delete config success",
    missing: { configName: "Need parameter ConfigName." },
  },
  GetConfig: { verb: "read", success: "Get config success", missing: { configName: "Need parameter ConfigName." } },
  ListConfigs: { verb: "read", success: "Get config list success", missing: {} },
  ApplyConfigToAgentGroup: {
    verb: "PUT",
    success: "Add config to agent group success",
    missing: { groupName: "Need parameter groupName.", configName: "Need parameter configName." },
  },
  RemoveConfigFromAgentGroup: {
    verb: "DELETE",
    success: "Remove config from agent group success",
    missing: { groupName: "Need parameter groupName.", configName: "Need parameter configName." },
  },
  GetAppliedConfigsForAgentGroup: {
    verb: "read",
    success: "Get agent group's applied configs success",
    missing: { groupName: "Need parameter GroupName." },
  },
  GetAppliedAgentGroups: {
    verb: "read",
    success: "Get group list success",
    missing: { configName: "Need parameter ConfigName." },
  },
  ListAgents: { verb: "read", success: "Get agent list success", missing: { groupName: "Need parameter groupName." } },
} as const satisfies Record<string, UserActionTexts>;

export type UserActionName = keyof typeof USER_TEXTS;
