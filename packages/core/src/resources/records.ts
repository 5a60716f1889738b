import { z } from "zod";
import { POINT_CATEGORIES } from "../points.ts";
import { instant, pageQuerySchema } from "./shared.ts";

/** Everything that is written but measurements, which are asked for as metrics. */
export const RECORD_CATEGORIES = POINT_CATEGORIES.filter((category) => category !== "metric");

const categorySchema = z.enum(RECORD_CATEGORIES as [string, ...string[]]);

export const recordListQuerySchema = pageQuerySchema.extend({
  agentId: z.string().max(100).optional(),
  category: categorySchema.optional(),
  /** The measurement: where a log line came from, the class of an object. */
  measurement: z.string().max(1024).optional(),
  status: z.string().max(64).optional(),
  /** Part of the message, ignoring the case of ASCII letters. */
  contains: z.string().max(500).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  /** Only what arrived after this `tailCursor`, in the order of arrival: the way to follow. */
  after: z.string().max(50).optional(),
  /** `true`: the newest state of each object instead of what was written when. */
  latest: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),
});
export type RecordListQuery = z.output<typeof recordListQuerySchema>;
export type RecordFilters = Omit<z.input<typeof recordListQuerySchema>, "limit" | "cursor">;

export const recordSchema = z.object({
  id: z.string(),
  category: z.string(),
  agentId: z.string(),
  agentName: z.string(),
  at: instant,
  /** The same in ns since 1970, since JSON's numbers do not reach so far. */
  timeNs: z.string(),
  receivedAt: instant,
  measurement: z.string(),
  status: z.string().nullable(),
  message: z.string(),
  tags: z.record(z.string(), z.string()),
  /** Integers beyond 2^53 are texts, bytes are base64. */
  fields: z.record(z.string(), z.unknown()),
});
export type RecordItem = z.infer<typeof recordSchema>;

export const recordPageSchema = z.object({
  /** Newest first; with `after` in the order of arrival. May be fewer than `limit`, even none, while there are more. */
  items: z.array(recordSchema),
  /** Null when everything that matches was seen. */
  nextCursor: z.string().nullable(),
  /** For `after`: behind everything that had arrived when this was answered. */
  tailCursor: z.string(),
});
export type RecordPage = z.infer<typeof recordPageSchema>;
