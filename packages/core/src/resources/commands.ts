import { z } from "zod";
import { countOrShareSchema, instant, page, pageQuerySchema } from "./shared.ts";

export const RUN_STATUSES = [
  "queued",
  "delivered",
  "started",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "expired",
  "rejected",
  "unknown",
] as const;
export const runStatusSchema = z.enum(RUN_STATUSES);
/** Where a run is. The first three are on the way, the others are ends; `unknown` is an end that says we cannot know. */
export type RunStatus = z.infer<typeof runStatusSchema>;

/** The states in which nothing more will happen (but `unknown` is corrected when a late result arrives). */
export const FINAL_RUN_STATUSES: readonly RunStatus[] = [
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "expired",
  "rejected",
  "unknown",
];

export const targetsSchema = z.strictObject({
  ids: z.array(z.string().max(200)).max(100_000).default([]),
  selector: z.string().max(2000).optional(),
  groups: z.array(z.string().max(200)).max(100).default([]),
  all: z.boolean().default(false),
});
/** Who is meant: the union of ids, selector and groups, or all. Nothing given means nobody. */
export type Targets = z.input<typeof targetsSchema>;

const MAX_TEXT = 65_536;

export const commandRequestSchema = z
  .strictObject({
    text: z.string().min(1).max(MAX_TEXT).optional(),
    argv: z.array(z.string().max(MAX_TEXT)).min(1).max(1000).optional(),
    targets: targetsSchema,
    timeoutMs: z.number().int().min(1000).max(86_400_000).default(30_000),
    expiresInMs: z
      .number()
      .int()
      .min(1000)
      .max(30 * 86_400_000)
      .default(3_600_000),
    concurrency: countOrShareSchema.nullable().default(null),
    failureBudget: countOrShareSchema.nullable().default(null),
    env: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
          .max(200),
        z.string().max(32_768),
      )
      .default({}),
    cwd: z.string().max(4096).nullable().default(null),
    user: z.string().max(64).nullable().default(null),
  })
  .refine((request) => (request.text === undefined) !== (request.argv === undefined), "give either text or argv")
  .refine((request) => request.concurrency !== 0, {
    message: "a concurrency of 0 would never start",
    path: ["concurrency"],
  });
/** What a caller sends; defaults may be left out. */
export type CommandRequest = z.input<typeof commandRequestSchema>;
/** The same with defaults filled in. */
export type CommandSpec = z.output<typeof commandRequestSchema>;

const count = z.number().int();
export const runCountsSchema = z.object({
  queued: count,
  delivered: count,
  started: count,
  succeeded: count,
  failed: count,
  timed_out: count,
  cancelled: count,
  expired: count,
  rejected: count,
  unknown: count,
});
export type RunCounts = z.infer<typeof runCountsSchema>;

export const commandStatusSchema = z.enum(["running", "completed", "cancelled", "halted"]);
/** running: runs are on the way; completed: all ended; cancelled: by somebody; halted: by its failure budget. */
export type CommandStatus = z.infer<typeof commandStatusSchema>;

export const commandSchema = z.object({
  id: z.string(),
  status: commandStatusSchema,
  statusReason: z.string().nullable(),
  text: z.string().nullable(),
  argv: z.array(z.string()).nullable(),
  targets: z.object({
    ids: z.array(z.string()),
    selector: z.string().nullable(),
    groups: z.array(z.string()),
    all: z.boolean(),
  }),
  timeoutMs: z.number().int(),
  expiresAt: instant,
  concurrency: z.union([z.number(), z.string()]).nullable(),
  failureBudget: z.union([z.number(), z.string()]).nullable(),
  /** Names only: the values may be secrets. */
  envNames: z.array(z.string()),
  cwd: z.string().nullable(),
  user: z.string().nullable(),
  createdAt: instant,
  createdBy: z.string(),
  finishedAt: instant.nullable(),
  total: z.number().int(),
  counts: runCountsSchema,
});
export type Command = z.infer<typeof commandSchema>;
export const commandPageSchema = page(commandSchema);

export const runSchema = z.object({
  id: z.string(),
  commandId: z.string(),
  agentId: z.string(),
  agentName: z.string(),
  status: runStatusSchema,
  /** Why it ended as it did, in words; null when the status says it all. */
  reason: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  queuedAt: instant,
  deliveredAt: instant.nullable(),
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  executionMs: z.number().int().nullable(),
  /** True when the result came after the run had been given up. */
  late: z.boolean(),
  cancelRequested: z.boolean(),
  stdoutBytes: z.number().int(),
  stderrBytes: z.number().int(),
  /** Bytes left out in the middle of a stream that outgrew its limit. */
  cutBytes: z.number().int(),
  /** A digest of everything it wrote, once ended: equal digests mean equal outputs. */
  outputDigest: z.string().nullable(),
});
export type Run = z.infer<typeof runSchema>;
export const runPageSchema = page(runSchema);

/** A run with the text of its command, for lists across commands. */
export const runWithCommandSchema = runSchema.extend({ commandText: z.string() });
export type RunWithCommand = z.infer<typeof runWithCommandSchema>;
export const runWithCommandPageSchema = page(runWithCommandSchema);

export const runListQuerySchema = pageQuerySchema.extend({
  status: runStatusSchema.optional(),
  agentId: z.string().optional(),
});
export type RunListQuery = z.input<typeof runListQuerySchema>;

export const commandListQuerySchema = pageQuerySchema.extend({
  status: commandStatusSchema.optional(),
  filter: z.string().max(200).optional(),
});
export type CommandListQuery = z.input<typeof commandListQuerySchema>;

export const outputChunkSchema = z.object({
  seq: z.number().int(),
  stream: z.enum(["stdout", "stderr"]),
  at: instant,
  /** UTF-8 text; absent when the bytes are no valid UTF-8 and `base64` carries them. */
  text: z.string().optional(),
  base64: z.string().optional(),
  /** Instead of content: how many bytes are left out here. */
  cutBytes: z.number().int().optional(),
});
export type OutputChunk = z.infer<typeof outputChunkSchema>;

export const outputQuerySchema = z.object({
  after: z.coerce.number().int().min(-1).default(-1),
  follow: z.stringbool().default(false),
});

export const targetPreviewSchema = z.object({
  total: z.number().int(),
  online: z.number().int(),
  /** At most 1,000, by name. */
  items: z.array(z.object({ id: z.string(), name: z.string(), status: z.string(), canRun: z.boolean() })),
});
export type TargetPreview = z.infer<typeof targetPreviewSchema>;
