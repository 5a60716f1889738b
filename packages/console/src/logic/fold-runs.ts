import type { Run, RunStatus } from "@muster/core/resources";

/** Runs that ended alike: same status, same exit code, same output. */
export interface RunFold {
  readonly key: string;
  readonly status: RunStatus;
  readonly exitCode: number | null;
  readonly outputDigest: string | null;
  readonly reason: string | null;
  readonly runs: readonly Run[];
}

/** How serious an end is: what went wrong is read first. */
const WEIGHT: Readonly<Record<RunStatus, number>> = {
  unknown: 0,
  failed: 1,
  timed_out: 2,
  rejected: 3,
  expired: 4,
  cancelled: 5,
  started: 6,
  delivered: 7,
  queued: 8,
  succeeded: 9,
};

/**
 * Puts ended runs with identical output together, the odd ones out first, then by size. Runs without an output digest
 * are told apart by their reason. Runs on the way are left out.
 */
export function foldRuns(runs: Iterable<Run>): RunFold[] {
  const folds = new Map<string, { first: Run; runs: Run[] }>();
  for (const run of runs) {
    if (run.finishedAt === null) continue;
    const key = [run.status, run.exitCode ?? "", run.outputDigest ?? `reason:${run.reason ?? ""}`].join("|");
    const fold = folds.get(key);
    if (fold) fold.runs.push(run);
    else folds.set(key, { first: run, runs: [run] });
  }
  return [...folds]
    .map(([key, { first, runs: members }]) => ({
      key,
      status: first.status,
      exitCode: first.exitCode,
      outputDigest: first.outputDigest,
      reason: first.reason,
      runs: members,
    }))
    .sort((a, b) => WEIGHT[a.status] - WEIGHT[b.status] || b.runs.length - a.runs.length);
}
