import { z } from "zod";
import {
  CONFIG_FORMATS,
  CONFIG_LIMITS,
  CONFIG_STATUSES,
  ROLLOUT_AGENT_STATES,
  ROLLOUT_STATES,
  type RolloutState,
} from "../config-limits.ts";
import { countOrShareSchema, instant, page, pageQuerySchema } from "./shared.ts";

export { CONFIG_LIMITS, type RolloutState };

const name = z.string().min(1).max(CONFIG_LIMITS.nameLength);
const text = z.string().max(CONFIG_LIMITS.textBytes);
const message = z.string().max(CONFIG_LIMITS.messageLength);

export const configFormatSchema = z.enum(CONFIG_FORMATS);
export type ConfigFormat = z.infer<typeof configFormatSchema>;

/** What a document is for; says which agents can take it and how it is checked. */
export const configKindSchema = z.object({
  id: z.string(),
  title: z.string(),
  formats: z.array(configFormatSchema),
  /** Agents need one of these capabilities. */
  capability: z.string(),
  /** Names become file names on hosts. */
  fileNames: z.boolean(),
});
export type ConfigKind = z.infer<typeof configKindSchema>;

/** A named document; its text is in its revisions. */
export const configSchema = z.object({
  id: z.string(),
  name,
  kind: z.string(),
  format: configFormatSchema,
  description: z.string(),
  /** Which agents are meant, such as `ilogtail`; empty for all that can take its kind. */
  agentType: z.string(),
  /** When a one-time config must not start any more; null for all others. */
  expiresAt: instant.nullable(),
  /** The newest one; agents get what was given to their groups. */
  revision: z.number().int(),
  groups: z.array(z.object({ id: z.string(), name: z.string(), revision: z.number().int() })),
  /** The rollout that is under way; null when none is. */
  rolloutId: z.string().nullable(),
  createdAt: instant,
  updatedAt: instant,
  updatedBy: z.string(),
});
export type Config = z.infer<typeof configSchema>;

/** Never changes once it is written. */
export const configRevisionSchema = z.object({
  configId: z.string(),
  revision: z.number().int(),
  text,
  /** SHA-256 in hex of the text before variables are filled in. */
  digest: z.string(),
  message,
  createdAt: instant,
  createdBy: z.string(),
  /** `label.region`, `secret.token`: what the text asks for. */
  variables: z.array(z.string()),
});
export type ConfigRevision = z.infer<typeof configRevisionSchema>;

export const configStatusSchema = z.enum(CONFIG_STATUSES);
export type ConfigStatus = z.infer<typeof configStatusSchema>;

/** What one agent should have of one config, and what it says itself. */
export const agentConfigSchema = z.object({
  agentId: z.string(),
  agentName: z.string(),
  configId: z.string(),
  configName: z.string(),
  /** The group that decides, the last one in the order of groups; null when it should not have it any more. */
  groupId: z.string().nullable(),
  wanted: z.number().int().nullable(),
  /** What it runs; null when it runs none. */
  applied: z.number().int().nullable(),
  status: configStatusSchema,
  /** Why it failed, in the agent's words. */
  error: z.string().nullable(),
  since: instant,
  /** It runs something that was never given to it, or another text than the revision's. */
  drifted: z.boolean(),
});
export type AgentConfig = z.infer<typeof agentConfigSchema>;

export const configWriteSchema = z.strictObject({
  name,
  kind: z.string().min(1).max(50),
  format: configFormatSchema.optional(),
  description: z.string().max(1000).default(""),
  text,
  message: message.optional(),
});
export type ConfigWrite = z.input<typeof configWriteSchema>;

export const configChangeSchema = z.strictObject({
  text: text.optional(),
  description: z.string().max(1000).optional(),
  message: message.optional(),
  /** The revision that was edited; refused when it is no longer the newest. */
  baseRevision: z.number().int().nonnegative().optional(),
});
export type ConfigChange = z.infer<typeof configChangeSchema>;

/** What only some agents make something of. */
const told = {
  /** Which agents are meant, such as `ilogtail`; empty for all that can take its kind. */
  agentType: z.string().max(100).optional(),
  /** When a one-time config must not start any more. */
  expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
};
export const configCreateSchema = configWriteSchema.extend(told);
export type ConfigCreate = z.input<typeof configCreateSchema>;
export const configEditSchema = configChangeSchema.extend(told);
export type ConfigEdit = z.infer<typeof configEditSchema>;

export const configPageSchema = page(configSchema);
export const configListQuerySchema = pageQuerySchema.extend({
  filter: z.string().max(200).optional(),
  kind: z.string().max(50).optional(),
});
export type ConfigListQuery = z.input<typeof configListQuerySchema>;
export const configRevisionListSchema = z.object({ items: z.array(configRevisionSchema) });
export const configKindListSchema = z.object({ items: z.array(configKindSchema) });
export const agentConfigPageSchema = page(agentConfigSchema);
export const agentConfigListSchema = z.object({ items: z.array(agentConfigSchema) });
export const agentConfigListQuerySchema = pageQuerySchema.extend({ status: configStatusSchema.optional() });
export type AgentConfigListQuery = z.input<typeof agentConfigListQuerySchema>;

/** Absent: the newest revision. */
export const configAssignSchema = z.strictObject({ revision: z.number().int().positive().optional() });

/** Waves are counts ("1") or shares ("10%") of the agents, growing; the last is "100%". One wave of 100% is at once. */
export const rolloutWriteSchema = z.strictObject({
  configId: z.string().max(100),
  revision: z.number().int().positive(),
  groups: z.array(z.string().max(200)).min(1).max(100),
  waves: z.array(countOrShareSchema).min(1).max(20).default(["100%"]),
  /** How long the agents of a wave must be applied and online before the next one begins. */
  healthyMs: z.number().int().min(0).max(86_400_000).default(30_000),
  /** An online agent that has not reported by then counts as failed. */
  applyTimeoutMs: z.number().int().min(1000).max(86_400_000).default(600_000),
  /** More failures than this halt it: a count, or a share of the agents that were begun. */
  failureBudget: countOrShareSchema.default(0),
});
export type RolloutWrite = z.input<typeof rolloutWriteSchema>;
/** The same with its defaults. */
export type RolloutSpec = z.output<typeof rolloutWriteSchema>;

export const rolloutSchema = z.object({
  id: z.string(),
  configId: z.string(),
  configName: z.string(),
  revision: z.number().int(),
  groups: z.array(z.object({ id: z.string(), name: z.string() })),
  state: z.enum(ROLLOUT_STATES),
  /** Why it is in this state, for people. */
  reason: z.string(),
  /** Begun waves, from 1; agents in each, how many are begun, applied, failed and away. */
  wave: z.number().int(),
  waves: z.array(
    z.object({
      size: z.string(),
      agents: z.number().int(),
      applied: z.number().int(),
      failed: z.number().int(),
      pending: z.number().int(),
      offline: z.number().int(),
    }),
  ),
  healthyMs: z.number().int(),
  applyTimeoutMs: z.number().int(),
  failureBudget: countOrShareSchema,
  createdAt: instant,
  createdBy: z.string(),
  endedAt: instant.nullable(),
});
export type Rollout = z.infer<typeof rolloutSchema>;
export const rolloutPageSchema = page(rolloutSchema);
export const rolloutListQuerySchema = pageQuerySchema.extend({
  configId: z.string().max(100).optional(),
  state: z.enum(ROLLOUT_STATES).optional(),
});
export type RolloutListQuery = z.input<typeof rolloutListQuerySchema>;

export const rolloutAgentStateSchema = z.enum(ROLLOUT_AGENT_STATES);
export type RolloutAgentState = z.infer<typeof rolloutAgentStateSchema>;

/** One agent of a rollout. */
export const rolloutAgentSchema = z.object({
  agentId: z.string(),
  agentName: z.string(),
  online: z.boolean(),
  /** From 1. */
  wave: z.number().int(),
  state: rolloutAgentStateSchema,
  /** Why it failed, for people. */
  error: z.string().nullable(),
  since: instant,
});
export type RolloutAgent = z.infer<typeof rolloutAgentSchema>;
export const rolloutAgentPageSchema = page(rolloutAgentSchema);
export const rolloutAgentListQuerySchema = pageQuerySchema.extend({
  wave: z.coerce.number().int().positive().optional(),
  state: rolloutAgentStateSchema.optional(),
});
export type RolloutAgentListQuery = z.input<typeof rolloutAgentListQuerySchema>;

/** Agents of a rollout that failed with the same words. */
export const rolloutErrorSchema = z.object({ error: z.string(), agents: z.number().int() });
export type RolloutError = z.infer<typeof rolloutErrorSchema>;
export const rolloutErrorListSchema = z.object({ items: z.array(rolloutErrorSchema) });

/** What one would give to whom; groups by id. */
export const configPlanRequestSchema = z.strictObject({
  configId: z.string().max(200),
  revision: z.number().int().positive(),
  groups: z.array(z.string().max(200)).min(1).max(100).readonly(),
});
export type ConfigPlanRequest = z.infer<typeof configPlanRequestSchema>;
/** What would change, before it is done. */
export const configPlanSchema = z.object({
  /** Agents that would get another text, that have it already, that cannot take it. */
  changed: z.number().int(),
  unchanged: z.number().int(),
  unable: z.number().int(),
  /** At most a hundred of those that would change or cannot take it. */
  items: z.array(
    z.object({
      agentId: z.string(),
      agentName: z.string(),
      outcome: z.enum(["changed", "unable"]),
      from: z.number().int().nullable(),
      to: z.number().int().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});
export type ConfigPlan = z.infer<typeof configPlanSchema>;

/** A secret as it is shown: never its value. */
export const configSecretSchema = z.object({
  name,
  description: z.string(),
  updatedAt: instant,
  updatedBy: z.string(),
  /** Configs whose newest revision asks for it. */
  usedBy: z.array(z.string()),
});
export type ConfigSecret = z.infer<typeof configSecretSchema>;
export const configSecretWriteSchema = z.strictObject({
  value: z.string().min(1).max(CONFIG_LIMITS.secretBytes),
  description: z.string().max(1000).default(""),
});
export const configSecretListSchema = z.object({ items: z.array(configSecretSchema) });
/** A description that is not given stays. */
export const configSecretPutSchema = configSecretWriteSchema.extend({ description: z.string().max(1000).optional() });
export type ConfigSecretPut = z.infer<typeof configSecretPutSchema>;
/** Ids of configs that agents get anew, since they ask for the secret. */
export const configSecretStoredSchema = z.object({ revised: z.array(z.string()) });
