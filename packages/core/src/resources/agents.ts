import { z } from "zod";
import { CAPABILITIES } from "../capabilities.ts";
import { instant, labelsSchema, page, pageQuerySchema } from "./shared.ts";

export const agentStatusSchema = z.enum(["online", "stale", "offline"]);
/** online: it talks; stale: connected but silent for too long; offline: not connected. */
export type AgentStatus = z.infer<typeof agentStatusSchema>;

/** The newest values of the fleet's most watched measurements; null where the agent does not report them. */
export const agentGaugesSchema = z.object({
  at: instant,
  cpu: z.number().nullable(),
  memory: z.number().nullable(),
  filesystem: z.number().nullable(),
  load1: z.number().nullable(),
  receive: z.number().nullable(),
  transmit: z.number().nullable(),
});
export type AgentGauges = z.infer<typeof agentGaugesSchema>;

export const agentSchema = z.object({
  id: z.string(),
  protocol: z.string(),
  externalId: z.string(),
  name: z.string(),
  hostname: z.string(),
  addresses: z.array(z.string()),
  os: z.string().nullable(),
  arch: z.string().nullable(),
  version: z.string().nullable(),
  labels: labelsSchema,
  /** Whatever else it tells of itself, in words of its protocol. */
  details: z.record(z.string(), z.string()),
  capabilities: z.array(z.enum(CAPABILITIES)),
  status: agentStatusSchema,
  statusReason: z.string(),
  statusSince: instant,
  firstSeenAt: instant,
  lastSeenAt: instant.nullable(),
  /** How many live sockets claim this agent's id; above one somebody cloned it. */
  connections: z.number().int(),
  clockSkewMs: z.number().int().nullable(),
  gauges: agentGaugesSchema.nullable(),
});
export type Agent = z.infer<typeof agentSchema>;

export const agentPageSchema = page(agentSchema).extend({ total: z.number().int() });

export const agentListQuerySchema = pageQuerySchema.extend({
  /** Matches part of the name, hostname, external id or an address, ignoring case. */
  filter: z.string().max(200).optional(),
  /** `role=web,env!=dev,zone in (a,b),!legacy` */
  selector: z.string().max(2000).optional(),
  status: agentStatusSchema.optional(),
  group: z.string().optional(),
  sort: z
    .enum(["name", "-name", "status", "-status", "lastSeenAt", "-lastSeenAt", "firstSeenAt", "-firstSeenAt"])
    .default("name"),
});
export type AgentListQuery = z.input<typeof agentListQuerySchema>;

export const agentPatchSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  labels: labelsSchema.optional(),
});
export type AgentPatch = z.infer<typeof agentPatchSchema>;

export const agentCountsSchema = z.object({
  total: z.number().int(),
  online: z.number().int(),
  stale: z.number().int(),
  offline: z.number().int(),
  conflicts: z.number().int(),
});
export type AgentCounts = z.infer<typeof agentCountsSchema>;

export const labelSummarySchema = z.object({
  items: z.array(
    z.object({ key: z.string(), values: z.array(z.object({ value: z.string(), agents: z.number().int() })) }),
  ),
});
export type LabelSummary = z.infer<typeof labelSummarySchema>;

/** An agent that carries one of a group's tags is in it; its labels count as tags too. */
export const groupTagSchema = z.object({ name: z.string().max(255), value: z.string().max(255) });

export const groupSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  selector: z.string().nullable(),
  agentIds: z.array(z.string()),
  agents: z.number().int(),
  tags: z.array(groupTagSchema),
  /** Where two groups give the same config the one with the greater position decides. */
  position: z.number().int(),
  createdAt: instant,
});
/** A named set of agents: everyone the selector meets, those that carry one of the tags, and those added by hand. */
export type Group = z.infer<typeof groupSchema>;

export const groupWriteSchema = z.strictObject({
  name: z.string().min(1).max(100),
  description: z.string().max(1000).default(""),
  selector: z.string().max(2000).nullable().default(null),
  agentIds: z.array(z.string()).max(10_000).default([]),
  tags: z.array(groupTagSchema).max(256).default([]),
  /** Absent: behind all others, or where it is. */
  position: z.number().int().min(0).max(1_000_000_000).optional(),
});
export type GroupWrite = z.input<typeof groupWriteSchema>;

/** Who would be a member, before a group is stored. */
export const groupPreviewQuerySchema = groupWriteSchema.pick({ selector: true, agentIds: true, tags: true });
export type GroupPreviewQuery = z.input<typeof groupPreviewQuerySchema>;
export const groupPreviewSchema = z.object({
  agents: z.number().int(),
  /** At most a hundred of them, by name. */
  items: z.array(z.object({ id: z.string(), name: z.string(), status: z.string() })),
});
export type GroupPreview = z.infer<typeof groupPreviewSchema>;
