/** What an action came to, in the words of the seed. */
export interface Outcome {
  readonly code: ConfigServerCode;
  readonly message: string;
}

/**
 * The seed's codes with their HTTP statuses. InvalidParameter and AgentAlreadyExist are reserved: nothing ever answers them,
 * neither here nor in the original, where RequestTimeout and ServerBusy are not used either.
 */
export const CONFIGSERVER_CODES = {
  Accept: 200,
  AgentGroupAlreadyExist: 400,
  ConfigAlreadyExist: 400,
  AgentAlreadyExist: 400,
  InvalidParameter: 400,
  BadRequest: 400,
  AgentGroupNotExist: 404,
  ConfigNotExist: 404,
  AgentNotExist: 404,
  InternalServerError: 500,
  RequestTimeout: 500,
  ServerBusy: 503,
} as const;

export type ConfigServerCode = keyof typeof CONFIGSERVER_CODES;

/** The group that everybody is in; it is there from the start and cannot be deleted. */
export const DEFAULT_GROUP = { name: "default", description: "Default agent group, include all Agents." } as const;

export function accept(message: string): Outcome {
  return { code: "Accept", message };
}

/** Also for what is missing: those texts are in the table of actions. */
export function badRequest(message: string): Outcome {
  return { code: "BadRequest", message };
}

/** Refusals with a text of their own. Names are put in as they are. */
export const refusals = {
  groupExists: (group: string): Outcome => ({
    code: "AgentGroupAlreadyExist",
    message: `Agent group ${group} already exists.`,
  }),
  groupUnknown: (group: string): Outcome => ({
    code: "AgentGroupNotExist",
    message: `Agent group ${group} doesn't exist.`,
  }),
  defaultGroupStays: (): Outcome => badRequest(`Cannot delete agent group '${DEFAULT_GROUP.name}'`),
  groupInUse: (group: string): Outcome => ({
    code: "InternalServerError",
    message: `Agent group ${group} was applied to some configs, cannot be deleted.`,
  }),
  configExists: (config: string): Outcome => ({
    code: "ConfigAlreadyExist",
    message: `Config ${config} already exists.`,
  }),
  configUnknown: (config: string): Outcome => ({ code: "ConfigNotExist", message: `Config ${config} doesn't exist.` }),
  configInUse: (config: string): Outcome => ({
    code: "InternalServerError",
    message: `Config ${config} was applied to some agent groups, cannot be deleted.`,
  }),
  alreadyApplied: (group: string, config: string): Outcome => ({
    code: "ConfigAlreadyExist",
    message: `Agent group ${group} already has config ${config}.`,
  }),
  notApplied: (group: string, config: string): Outcome => ({
    code: "ConfigNotExist",
    message: `Agent group ${group} doesn't have config ${config}.`,
  }),
  agentUnknown: (agent: string): Outcome => ({ code: "AgentNotExist", message: `Agent ${agent} doesn't exist.` }),
} as const;
