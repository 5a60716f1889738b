import { z } from "zod";
import { INPUT_LIMITS, INPUT_STATUSES, type InputStatus } from "../input-limits.ts";
import { targetsSchema } from "./commands.ts";
import { instant } from "./shared.ts";

export { INPUT_LIMITS, type InputStatus };

const name = z.string().min(1).max(INPUT_LIMITS.nameLength);
const inputId = z.string().min(1).max(INPUT_LIMITS.idLength);
const toml = z.string().max(INPUT_LIMITS.tomlBytes);

export const inputStatusSchema = z.enum(INPUT_STATUSES);

/** One configuration on a host, as the host reports it. Files of a foreign name are unmanaged: they collect, and are not ours to change. */
export const inputReportSchema = z.object({
  /** `dkinput_…`, or the file's name where it is unmanaged. */
  id: inputId,
  /** Names of the collectors in it; a managed one has exactly one. */
  inputs: z.array(name).max(100),
  inputType: z.string().max(50),
  managed: z.boolean(),
  status: inputStatusSchema,
  /** Why it failed, in words for people; null when it runs. */
  error: z.string().max(4000).nullable(),
  /** The file's name inside the folder of configurations. */
  file: z.string().max(500),
  /** Of the meaning of the text: comments, order of keys and spacing aside. Null when it cannot be parsed. */
  digest: z.string().max(100).nullable(),
  /** Since the collector started; null when nothing came yet. */
  points: z.number().int().nonnegative(),
  lastPointAt: instant.nullable(),
});
export type InputReport = z.infer<typeof inputReportSchema>;

export const availableInputSchema = z.object({
  input: name,
  catalog: z.string().max(50),
  inputType: z.string().max(50),
  /** A sentence for people. */
  summary: z.string().max(500),
});
export type AvailableInput = z.infer<typeof availableInputSchema>;

/** Everything that an agent says about its inputs; told after every connect and change. */
export const inputInventorySchema = z.object({
  available: z.array(availableInputSchema).max(1000),
  inputs: z.array(inputReportSchema).max(INPUT_LIMITS.inputsPerAgent),
});
export type InputInventory = z.infer<typeof inputInventorySchema>;

/** What the fleet asks an agent about its inputs, whatever protocol it speaks. Lists are all or nothing. */
export const inputCallSchema = z.discriminatedUnion("method", [
  z.object({ method: z.literal("inputs.list") }),
  z.object({ method: z.literal("inputs.sample"), input: name }),
  z.object({ method: z.literal("inputs.read"), id: inputId }),
  z.object({ method: z.literal("inputs.set"), id: inputId, input: name, inputType: z.string().max(50), toml }),
  z.object({ method: z.literal("inputs.remove"), id: inputId }),
  z.object({ method: z.literal("inputs.enable"), ids: z.array(inputId).max(INPUT_LIMITS.idsPerCall) }),
  z.object({ method: z.literal("inputs.disable"), ids: z.array(inputId).max(INPUT_LIMITS.idsPerCall) }),
  /** Parses and collects once, and changes nothing. */
  z.object({ method: z.literal("inputs.test"), input: name, inputType: z.string().max(50), toml }),
  z.object({ method: z.literal("inputs.reload") }),
]);
export type InputCall = z.infer<typeof inputCallSchema>;

/** `from.errCode`, such as `datakit.inputNotFound`, with the HTTP status that it stands for. */
export const inputFailureSchema = z.object({
  code: z.string().max(100),
  status: z.number().int().min(400).max(599),
  message: z.string().max(4000),
  line: z.number().int().positive().optional(),
  column: z.number().int().positive().optional(),
});
export type InputFailure = z.infer<typeof inputFailureSchema>;

/** What comes with a success: the inventory after a change, a text for `sample` and `read`, line protocol for `test`. */
export const inputContentSchema = z.object({
  inventory: inputInventorySchema.optional(),
  toml: z.string().optional(),
  output: z.string().optional(),
});
export type InputContent = z.infer<typeof inputContentSchema>;

export const inputAnswerSchema = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), content: inputContentSchema }),
  z.object({ ok: z.literal(false), failure: inputFailureSchema }),
]);
export type InputAnswer = z.infer<typeof inputAnswerSchema>;

/** An input of an agent as API, CLI and console show it: what was given to it beside what it says itself. */
export const inputSchema = inputReportSchema.extend({
  agentId: z.string(),
  /** The newest revision given from here; null for unmanaged ones. */
  revision: z.number().int().nullable(),
  updatedAt: instant.nullable(),
  updatedBy: z.string().nullable(),
  /** The host runs another text than the newest that was applied from here: somebody changed the file. */
  drifted: z.boolean(),
});
export type Input = z.infer<typeof inputSchema>;

/** One version of a managed input's text. */
export const inputRevisionSchema = z.object({
  inputId: z.string(),
  revision: z.number().int(),
  toml: z.string(),
  createdAt: instant,
  createdBy: z.string(),
  /** What was done: set, rolled back to n, removed. */
  message: z.string(),
  /** `applied`, `refused` with the reason, or `unknown` when the answer was lost. */
  outcome: z.enum(["applied", "refused", "unknown"]),
  reason: z.string().nullable(),
});
export type InputRevision = z.infer<typeof inputRevisionSchema>;

const inputType = z.string().min(1).max(INPUT_LIMITS.typeLength).default("datakit");

export const inputListSchema = z.object({ items: z.array(inputSchema) });
export const availableInputListSchema = z.object({ items: z.array(availableInputSchema) });
export const inputRevisionListSchema = z.object({ items: z.array(inputRevisionSchema) });

export const inputSampleSchema = z.object({ input: name, toml });

export const inputWithTextSchema = inputSchema.extend({ toml });
/** An input with what is in its file. */
export type InputWithText = z.infer<typeof inputWithTextSchema>;

export const inputWriteSchema = z.strictObject({ input: name, inputType, toml: toml.min(1) });
export type InputWrite = z.input<typeof inputWriteSchema>;

export const inputChangeSchema = z.strictObject({
  toml: toml.min(1),
  /** For the history: why. */
  message: z.string().min(1).max(500).optional(),
  /** The revision that was edited; refused when it is no longer the newest. */
  baseRevision: z.number().int().nonnegative().optional(),
});
export type InputChange = z.infer<typeof inputChangeSchema>;

export const inputIdsSchema = z.strictObject({ ids: z.array(inputId).min(1).max(INPUT_LIMITS.idsPerCall) });

export const inputRollbackSchema = z.strictObject({ revision: z.number().int().positive() });

/** What a dry run collected, as line protocol. */
export const inputTestSchema = z.object({ output: z.string() });

export const inputBulkRequestSchema = inputWriteSchema.extend({ targets: targetsSchema });
export type InputBulkRequest = z.input<typeof inputBulkRequestSchema>;

export const inputBulkOutcomeSchema = z.object({
  agentId: z.string(),
  agentName: z.string(),
  /** `unchanged`: the agent has it already. `unknown`: the answer was lost; its inventory will tell. */
  outcome: z.enum(["applied", "unchanged", "refused", "unknown"]),
  inputId: z.string().nullable(),
  status: inputStatusSchema.nullable(),
  /** `from.errCode` or a code of ours, and the reason in words; null when it was applied. */
  code: z.string().nullable(),
  reason: z.string().nullable(),
});
export type InputBulkOutcome = z.infer<typeof inputBulkOutcomeSchema>;

export const inputBulkAnswerSchema = z.object({
  total: z.number().int(),
  applied: z.number().int(),
  unchanged: z.number().int(),
  refused: z.number().int(),
  unknown: z.number().int(),
  items: z.array(inputBulkOutcomeSchema),
});
/** What came of one input for many agents; each agent counts for itself. */
export type InputBulkAnswer = z.infer<typeof inputBulkAnswerSchema>;
