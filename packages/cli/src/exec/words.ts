import type { Run, RunStatus } from "@muster/core/resources";
import { sanitizeLine } from "../terminal/sanitize.ts";

const WORDS: Readonly<Record<RunStatus, string>> = {
  queued: "queued",
  delivered: "delivered",
  started: "running",
  succeeded: "succeeded",
  failed: "failed",
  timed_out: "timed out",
  cancelled: "cancelled",
  expired: "expired",
  rejected: "rejected",
  unknown: "unknown",
};

/** Every state by its name in the API, for flags. */
export const RUN_STATUS_NAMES: readonly string[] = Object.keys(WORDS);

/** True in the states in which nothing more will happen. */
export function isFinal(run: Pick<Run, "status">): boolean {
  return run.status !== "queued" && run.status !== "delivered" && run.status !== "started";
}

/** A state in words. */
export function statusWords(status: RunStatus): string {
  return WORDS[status];
}

/** How a run ended: "failed with exit code 3", "rejected: the policy denies exec". */
export function describeEnd(run: Pick<Run, "status" | "exitCode" | "reason">): string {
  const code = run.status === "failed" && run.exitCode !== null ? ` with exit code ${run.exitCode}` : "";
  const reason = run.reason === null || run.reason === "" ? "" : `: ${sanitizeLine(run.reason)}`;
  return `${WORDS[run.status]}${code}${reason}`;
}

/** "web-1, web-2, web-3 and 34 more". */
export function nameSome(names: readonly string[], limit = 5): string {
  const shown = names.slice(0, limit).map(sanitizeLine).join(", ");
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}
