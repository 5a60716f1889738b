import type { ErrorCode } from "@muster/core";
import type { RunStatus } from "@muster/core/resources";

/** How `muster` ends when a request fails. docs/cli.md has the same table. */
export const EXIT_BY_ERROR: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 2,
  unauthenticated: 3,
  permission_denied: 3,
  unavailable: 4,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  conflict: 6,
  failed_precondition: 6,
  resource_exhausted: 7,
  unimplemented: 1,
  internal: 1,
};

/** As shells do it: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;

/** How `muster exec` ends for a run that has no exit code of its own. Unfinished ones count when one leaves early. */
const EXIT_BY_STATUS: Readonly<Record<RunStatus, number>> = {
  succeeded: 0,
  queued: 125,
  delivered: 125,
  started: 125,
  failed: 1,
  timed_out: 124,
  expired: 125,
  unknown: 125,
  rejected: 126,
  cancelled: EXIT_INTERRUPTED,
};

interface Ended {
  readonly status: RunStatus;
  readonly exitCode: number | null;
}

/** The exit code that one run stands for, 0..255. */
export function exitCodeOfRun(run: Ended): number {
  if (run.status !== "failed" || run.exitCode === null) return EXIT_BY_STATUS[run.status];
  // a failed run never looks like success, whatever number it brought (Windows has 32 bits)
  return run.exitCode >= 1 && run.exitCode <= 255 ? run.exitCode : 1;
}

/** The worst of all: the highest number. */
export function worstExitCode(runs: Iterable<Ended>): number {
  let worst = 0;
  for (const run of runs) worst = Math.max(worst, exitCodeOfRun(run));
  return worst;
}
