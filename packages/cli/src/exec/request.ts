import type { CountOrShare } from "@muster/core";
import type { CommandRequest, Targets } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";
import { usageError } from "../failure.ts";
import { selectorOfLabels } from "../labels.ts";
import { resolveAgent, resolveGroup } from "../resolve.ts";

/** Who is meant. Flags only, never the environment: a forgotten variable must not widen a command. */
export interface TargetFlags {
  readonly label?: string[];
  readonly selector?: string;
  readonly agent?: string[];
  readonly group?: string[];
  readonly all?: boolean;
}

/** How it is carried out. */
export interface ExecFlags extends TargetFlags {
  readonly timeout?: number;
  readonly expires?: number;
  readonly concurrency?: CountOrShare;
  readonly failureBudget?: CountOrShare;
  readonly user?: string;
  readonly cwd?: string;
  readonly env?: string[];
}

/** What is shown, and whether the end is waited for. */
export interface ShowFlags {
  readonly fold?: boolean;
  readonly prefix: boolean;
  readonly raw?: boolean;
  readonly detach?: boolean;
  readonly dryRun?: boolean;
}

/** The targets as the API takes them. Nobody named is a mistake, since it would hit nobody. */
export async function readTargets(client: MusterClient, flags: TargetFlags): Promise<Targets> {
  const selector = selectorOfLabels(flags.label ?? [], flags.selector);
  const ids: string[] = [];
  for (const word of flags.agent ?? []) ids.push((await resolveAgent(client, word)).id);
  const groups: string[] = [];
  for (const word of flags.group ?? []) groups.push((await resolveGroup(client, word)).id);
  const names = ids.length > 0 || groups.length > 0 || selector !== undefined;
  if (!names && !flags.all) throw usageError("say on whom: --agent, --label, --selector, --group or --all");
  if (names && flags.all) throw usageError("--all means everyone; leave out the other targets");
  return { ids, groups, all: flags.all ?? false, ...(selector !== undefined && { selector }) };
}

/** One word is a line for the host's shell; several are a program and its arguments, which no shell touches. */
export function buildRequest(words: readonly string[], targets: Targets, flags: ExecFlags): CommandRequest {
  const [line = "", ...more] = words;
  if (line === "") throw usageError("say what to run, after --");
  return {
    ...(more.length === 0 ? { text: line } : { argv: [...words] }),
    targets,
    env: readEnvironment(flags.env ?? []),
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout }),
    ...(flags.expires !== undefined && { expiresInMs: flags.expires }),
    ...(flags.concurrency !== undefined && { concurrency: flags.concurrency }),
    ...(flags.failureBudget !== undefined && { failureBudget: flags.failureBudget }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.cwd !== undefined && { cwd: flags.cwd }),
  };
}

function readEnvironment(pairs: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw usageError(`--env ${pair}: expected NAME=value`);
    environment[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return environment;
}
