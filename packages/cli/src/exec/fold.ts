import type { Run } from "@muster/core/resources";
import { describeEnd, nameSome } from "./words.ts";

/** Runs that ended in the same way and wrote the same. */
export interface OutputGroup {
  /** Stands for all of them. */
  readonly first: Run;
  readonly names: readonly string[];
}

/** Groups ended runs by how they ended and by the digest of what they wrote; the largest group first, failures last. */
export function groupRuns(runs: readonly Run[]): OutputGroup[] {
  const groups = new Map<string, { first: Run; names: string[] }>();
  for (const run of runs) {
    const key = JSON.stringify([run.status, run.exitCode, run.reason, outputKey(run)]);
    const group = groups.get(key);
    if (group) group.names.push(run.agentName);
    else groups.set(key, { first: run, names: [run.agentName] });
  }
  const sorted = [...groups.values()];
  for (const group of sorted) group.names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return sorted.sort(
    (a, b) =>
      Number(a.first.status !== "succeeded") - Number(b.first.status !== "succeeded") ||
      b.names.length - a.names.length,
  );
}

/** Without a digest two outputs are never taken for equal, but two silences are. */
function outputKey(run: Run): string {
  return run.stdoutBytes + run.stderrBytes === 0 ? "silent" : (run.outputDigest ?? run.id);
}

/** One line per group, for the end of a command whose output was shown already. */
export function summarizeGroups(groups: readonly OutputGroup[]): string[] {
  const lines: string[] = [];
  const alone = groups.filter((group) => group.names.length === 1 && group.first.status === "succeeded");
  for (const group of groups) {
    if (group.names.length === 1 && group.first.status === "succeeded") continue;
    const same = group.names.length === 1 ? "" : isSilent(group) ? " without output" : " with the same output";
    lines.push(`${group.names.length} ${describeEnd(group.first)}${same}: ${nameSome(group.names)}`);
  }
  if (alone.length > 0) {
    const names = alone.flatMap((group) => group.names);
    const own = alone.length === 1 ? "an output" : "outputs";
    lines.unshift(`${alone.length} succeeded with ${own} of their own: ${nameSome(names)}`);
  }
  return lines;
}

export function isSilent(group: OutputGroup): boolean {
  return group.first.stdoutBytes + group.first.stderrBytes === 0;
}
