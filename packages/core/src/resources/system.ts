import { z } from "zod";
import { agentCountsSchema } from "./agents.ts";
import { instant } from "./shared.ts";

export const doorSchema = z.object({
  name: z.string(),
  /** `off`, `token`, `loopback` or the address ranges that may use it. */
  policy: z.string(),
  listeners: z.array(z.string()),
  /** In words: who can reach it. */
  openTo: z.string(),
  connections: z.number().int(),
});
export type Door = z.infer<typeof doorSchema>;

export const systemSchema = z.object({
  version: z.string(),
  startedAt: instant,
  now: instant,
  publicUrl: z.string(),
  database: z.string(),
  bus: z.string(),
  agents: agentCountsSchema,
  commands: z.object({ running: z.number().int(), last24h: z.number().int() }),
  doors: z.array(doorSchema),
  /** What the operator should know, most serious first; `code` is stable, `message` is English. */
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});
/** The server as an operator sees it. */
export type SystemInfo = z.infer<typeof systemSchema>;

export const healthSchema = z.object({
  status: z.enum(["ok", "degraded", "unavailable"]),
  checks: z.record(z.string(), z.string()),
});
export type Health = z.infer<typeof healthSchema>;
