import { z } from "zod";
import { instant } from "./shared.ts";

const commaList = z
  .string()
  .max(4000)
  .transform((text) => text.split(",").filter((part) => part !== ""));

export const metricQuerySchema = z.object({
  agentId: z.string(),
  /** Comma-separated metric names, the host's own or `<measurement>.<field>`; absent means all of the host's own. */
  names: commaList.optional(),
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  /** The server picks a coarser step when more than `maxPoints` would be answered. */
  stepMs: z.coerce.number().int().min(1000).optional(),
  maxPoints: z.coerce.number().int().min(2).max(5000).default(600),
});

const values = z.array(z.number().nullable());
export const metricAnswerSchema = z.object({
  from: instant,
  stepMs: z.number().int(),
  /** Point i covers from + i·step to from + (i+1)·step; null where nothing was measured. */
  series: z.array(
    z.object({
      name: z.string(),
      unit: z.string(),
      /** What tells series of one name apart; absent for a host's own measurements, of which there is one each. */
      labels: z.record(z.string(), z.string()).optional(),
      avg: values,
      min: values,
      max: values,
    }),
  ),
});
export type MetricAnswer = z.infer<typeof metricAnswerSchema>;

export const metricSeriesQuerySchema = z.object({
  agentId: z.string(),
  measurement: z.string().max(1024).optional(),
});

/** What an agent's collectors and programs have written; `<measurement>.<field>` is the name to ask for. */
export const metricSeriesPageSchema = z.object({
  items: z.array(
    z.object({ measurement: z.string(), labels: z.record(z.string(), z.string()), fields: z.array(z.string()) }),
  ),
});
export type MetricSeriesPage = z.infer<typeof metricSeriesPageSchema>;

const ratio = z.number();
export const hostDetailSchema = z.object({
  cores: z.array(z.object({ user: ratio, system: ratio, iowait: ratio })),
  memory: z.object({ total: z.number(), used: z.number(), buffers: z.number(), cached: z.number() }),
  swap: z.object({ total: z.number(), used: z.number() }),
  load: z.tuple([z.number(), z.number(), z.number()]),
  filesystems: z.array(
    z.object({ mount: z.string(), device: z.string(), type: z.string(), total: z.number(), used: z.number() }),
  ),
  disks: z.array(
    z.object({
      device: z.string(),
      readBytes: z.number(),
      writeBytes: z.number(),
      reads: z.number(),
      writes: z.number(),
      busy: ratio,
    }),
  ),
  networks: z.array(z.object({ name: z.string(), receiveBytes: z.number(), transmitBytes: z.number() })),
  uptimeS: z.number(),
  processes: z.object({ total: z.number(), running: z.number() }),
  cpuModel: z.string().optional(),
});

export const hostSampleSchema = z.object({
  agentId: z.string(),
  /** When the server received it. */
  at: instant,
  values: z.record(z.string(), z.number()),
  detail: hostDetailSchema.nullable(),
});
/** The newest reading of an agent's host. */
export type LatestSample = z.infer<typeof hostSampleSchema>;
