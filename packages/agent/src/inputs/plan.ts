import { formatDuration, type MusterError } from "@muster/core";
import { type InputBlock, parseInputConfig } from "@muster/protocols/dataway";
import * as z from "zod/mini";
import type { BlockPlan } from "./block-run.ts";
import type { CollectorKind } from "./collector.ts";
import { parseGoDuration } from "./kinds/shared/go-duration.ts";
import { findOptionLine } from "./option-line.ts";
import { expandTag, type HostFacts } from "./point-tags.ts";
import { refuse } from "./refusal.ts";

/** What an interval may be. */
const INTERVAL = { minMs: 100, maxMs: 86_400_000 } as const;

/** What a text means. */
export interface FilePlan {
  /** What can run. */
  readonly blocks: readonly BlockPlan[];
  /** Names of the collectors in it, as in the table of kinds where they are known. */
  readonly names: readonly string[];
  /** Of the meaning of the whole text; null when it cannot be parsed. */
  readonly digest: string | null;
  /** What cannot run, first things first. */
  readonly problems: readonly MusterError[];
  /** Nothing but comments: kept, and not read. */
  readonly isEmpty: boolean;
}

/** A configuration as somebody gives it. */
export interface GivenConfig {
  readonly input: string;
  readonly inputType: string;
  readonly toml: string;
}

/** Reads texts: which collectors they want, with which options. */
export class Planner {
  readonly #kinds = new Map<string, CollectorKind>();
  readonly #facts: HostFacts;

  constructor(kinds: readonly CollectorKind[], facts: HostFacts) {
    this.#facts = facts;
    for (const kind of kinds) for (const name of [kind.name, ...(kind.aliases ?? [])]) this.#kinds.set(name, kind);
  }

  /** The kind of a name or alias. */
  findKind(name: string): CollectorKind | undefined {
    return this.#kinds.get(name);
  }

  /** The kind that is meant, whatever family of agents the name comes from. Throws `inputNotFound` or `unsupportedInputType`. */
  getKind(input: string, inputType: string): CollectorKind {
    const kind = this.#kinds.get(input);
    if (inputType !== "datakit" && inputType !== "telegraf") {
      throw refuse("unsupportedInputType", `inputs of the type ${JSON.stringify(inputType)} cannot run here`);
    }
    if (kind) return kind;
    if (inputType === "datakit") throw refuse("inputNotFound", `input ${input} does not exist`);
    throw refuse("unsupportedInputType", `there is no equal of Telegraf's input ${input}`);
  }

  /** Reads a text of a file: what can run does, the rest are problems. */
  plan(text: string): FilePlan {
    const parsed = parseInputConfig(text);
    if (!parsed.ok) {
      const { message, line, column } = parsed;
      return { blocks: [], names: [], digest: null, problems: [atLine(message, { line, column })], isEmpty: false };
    }
    const blocks: BlockPlan[] = [];
    const problems: MusterError[] = [];
    const ordinals = new Map<string, number>();
    for (const block of parsed.blocks) {
      const ordinal = ordinals.get(block.input) ?? 0;
      ordinals.set(block.input, ordinal + 1);
      const read = this.#readBlock({ ...block, ordinal, text });
      if ("kind" in read) blocks.push(read);
      else problems.push(read);
    }
    const names = parsed.blocks.map(({ input }) => this.#kinds.get(input)?.name ?? input);
    return {
      blocks,
      names: [...new Set(names)],
      digest: parsed.digest,
      problems,
      isEmpty: parsed.blocks.length === 0,
    };
  }

  /** Reads a text that somebody gives for one collector. Throws why it cannot run. */
  planGiven(given: GivenConfig): FilePlan {
    const kind = this.getKind(given.input, given.inputType);
    const plan = this.plan(given.toml);
    if (plan.problems[0]) throw plan.problems[0];
    if (plan.isEmpty) throw atLine(`it has no [[inputs.${given.input}]]`, {});
    const other = plan.blocks.find((block) => block.kind !== kind);
    if (other) {
      const place = { input: other.kind.name, ordinal: 0 };
      const line = findOptionLine(given.toml, place, []);
      throw atLine(`it is for ${other.kind.name}, but ${kind.name} was meant`, { line });
    }
    return plan;
  }

  #readBlock(block: InputBlock & { readonly ordinal: number; readonly text: string }): BlockPlan | MusterError {
    const { input, options, text } = block;
    const lineOf = (path: readonly PropertyKey[]) => findOptionLine(text, block, path);
    const kind = this.#kinds.get(input);
    if (!kind) return refuse("inputNotFound", `input ${input} does not exist`, { line: lineOf([]) });
    const { interval, tags, ...own } = options;
    const intervalMs = readInterval(kind, interval);
    if (intervalMs === undefined) {
      const expected =
        kind.defaultIntervalMs === undefined
          ? `"interval" is no option of this input`
          : `"interval" must be a duration such as "10s", from ${formatDuration(INTERVAL.minMs)} to 24h`;
      return atLine(expected, { line: lineOf(["interval"]) });
    }
    const readTags = this.#readTags(tags);
    if (typeof readTags === "string") return atLine(readTags, { line: lineOf(["tags"]) });
    const parsed = z.safeParse(kind.options, own);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return atLine(issue?.message ?? "the options are wrong", { line: lineOf(issue ? pathOf(issue) : []) });
    }
    return {
      kind,
      digest: `${kind.name} ${block.digest}`,
      options: parsed.data,
      intervalMs,
      tags: readTags,
    };
  }

  /** The tags of a block, or what is wrong with them. */
  #readTags(value: unknown): Record<string, string> | string {
    if (value === undefined) return {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `"tags" must be a table`;
    const tags: Record<string, string> = {};
    for (const [name, content] of Object.entries(value)) {
      if (!["string", "number", "bigint", "boolean"].includes(typeof content)) {
        return `"tags.${name}" must be a text in quotes`;
      }
      tags[name] = expandTag(String(content), this.#facts);
    }
    return tags;
  }
}

/** Where a mistake is. Of an unknown option an issue tells the table it is in, and the name beside that. */
function pathOf(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  if (issue.code === "unrecognized_keys") return [...issue.path, ...issue.keys.slice(0, 1)];
  const unknown = /^"([^"]+)" (is|are) no option/
    .exec(issue.message)?.[1]
    ?.replace(/\[\d+\]/g, "")
    .split(".");
  return unknown ?? issue.path;
}

/** Undefined when it is none that this kind could have. */
function readInterval(kind: CollectorKind, value: unknown): number | undefined {
  if (value === undefined) return kind.defaultIntervalMs ?? 0;
  if (kind.defaultIntervalMs === undefined) return undefined;
  const ms = parseGoDuration(value);
  return ms !== undefined && ms >= INTERVAL.minMs && ms <= INTERVAL.maxMs ? ms : undefined;
}

function atLine(message: string, place: { readonly line?: number | undefined; readonly column?: number | undefined }) {
  return refuse("invalidConfig", message, place);
}
