import { type CountOrShare, parseDuration } from "@muster/core";
import type { Command, CommandRequest, Targets } from "@muster/core/resources";

export type TargetMode = "picked" | "labels" | "groups" | "all";

/** A command as it is being written: texts as typed, not yet checked. */
export interface CommandDraft {
  readonly text: string;
  readonly mode: TargetMode;
  readonly ids: readonly string[];
  readonly selector: string;
  readonly groups: readonly string[];
  readonly timeout: string;
  readonly expires: string;
  readonly concurrency: string;
  readonly budget: string;
  readonly cwd: string;
  readonly user: string;
  /** `NAME=value` per line. */
  readonly env: string;
}

export const EMPTY_DRAFT: CommandDraft = {
  text: "",
  mode: "picked",
  ids: [],
  selector: "",
  groups: [],
  timeout: "30s",
  expires: "1h",
  concurrency: "",
  budget: "",
  cwd: "",
  user: "",
  env: "",
};

export type DraftField = "text" | "timeout" | "expires" | "concurrency" | "budget" | "env";

/** Whom the draft means; only what the chosen way says, so that a forgotten field hits nobody. */
export function toTargets(draft: CommandDraft): Targets {
  switch (draft.mode) {
    case "picked":
      return { ids: [...draft.ids] };
    case "labels":
      return draft.selector.trim() === "" ? { ids: [] } : { selector: draft.selector.trim() };
    case "groups":
      return { groups: [...draft.groups] };
    case "all":
      return { all: true };
  }
}

/** The request, or the fields that cannot be read. */
export function readDraft(draft: CommandDraft): { request: CommandRequest } | { faults: ReadonlySet<DraftField> } {
  const faults = new Set<DraftField>();
  const timeoutMs = readDuration(draft.timeout, 1000, 86_400_000);
  const expiresInMs = readDuration(draft.expires, 1000, 30 * 86_400_000);
  const concurrency = readLimit(draft.concurrency);
  const failureBudget = readLimit(draft.budget);
  const env = readEnv(draft.env);
  if (draft.text.trim() === "") faults.add("text");
  if (timeoutMs === undefined) faults.add("timeout");
  if (expiresInMs === undefined) faults.add("expires");
  if (concurrency === undefined || concurrency === 0) faults.add("concurrency");
  if (failureBudget === undefined) faults.add("budget");
  if (env === undefined) faults.add("env");
  if (faults.size > 0 || timeoutMs === undefined || expiresInMs === undefined) return { faults };
  return {
    request: {
      text: draft.text,
      targets: toTargets(draft),
      timeoutMs,
      expiresInMs,
      concurrency: concurrency ?? null,
      failureBudget: failureBudget ?? null,
      cwd: draft.cwd.trim() === "" ? null : draft.cwd.trim(),
      user: draft.user.trim() === "" ? null : draft.user.trim(),
      env: env ?? {},
    },
  };
}

function readDuration(text: string, least: number, most: number): number | undefined {
  const duration = parseDuration(text.replaceAll(" ", ""));
  return duration !== undefined && duration >= least && duration <= most ? duration : undefined;
}

/** Null for no limit, undefined for nonsense. */
export function readLimit(text: string): CountOrShare | null | undefined {
  const trimmed = text.replaceAll(" ", "");
  if (trimmed === "") return null;
  if (/^\d{1,7}$/.test(trimmed)) return Number(trimmed);
  return /^(100|\d{1,2})(\.\d+)?%$/.test(trimmed) ? (trimmed as CountOrShare) : undefined;
}

/** Lines of `NAME=value`; undefined when one of them is none. */
export function readEnv(text: string): Record<string, string> | undefined {
  const env: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (!match?.[1]) return undefined;
    env[match[1]] = match[2] ?? "";
  }
  return env;
}

/** A draft that asks the same again. Values of the environment were never told, so their names are left to fill in. */
export function draftFrom(command: Command, formatDuration: (ms: number) => string): Partial<CommandDraft> {
  const { targets } = command;
  const mode: TargetMode = targets.all
    ? "all"
    : targets.selector
      ? "labels"
      : targets.groups.length > 0
        ? "groups"
        : "picked";
  return {
    text: command.text ?? (command.argv ?? []).map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" "),
    mode,
    ids: targets.ids,
    selector: targets.selector ?? "",
    groups: targets.groups,
    timeout: formatDuration(command.timeoutMs),
    concurrency: command.concurrency === null ? "" : String(command.concurrency),
    budget: command.failureBudget === null ? "" : String(command.failureBudget),
    cwd: command.cwd ?? "",
    user: command.user ?? "",
    env: command.envNames.map((name) => `${name}=`).join("\n"),
  };
}
