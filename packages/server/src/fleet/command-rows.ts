import { toIso } from "@muster/core";
import type { Command, CommandStatus, RunCounts } from "@muster/core/resources";
import { type CommandRow, emptyCounts } from "./run-rows.ts";

/** What is stored of a command's targets: as they were given, so that people can see who was meant. */
export interface StoredTargets {
  readonly ids: readonly string[];
  readonly selector: string | null;
  readonly groups: readonly string[];
  readonly all: boolean;
}

/** The resource of a stored command. `counts` is not needed once it has ended. */
export function toCommand(row: CommandRow, counts: RunCounts | undefined): Command {
  const targets = JSON.parse(row.targets) as StoredTargets;
  return {
    id: row.id,
    status: row.status as CommandStatus,
    statusReason: row.status_reason,
    text: row.text,
    argv: row.argv === null ? null : (JSON.parse(row.argv) as string[]),
    targets: { ids: [...targets.ids], selector: targets.selector, groups: [...targets.groups], all: targets.all },
    timeoutMs: row.timeout_ms,
    expiresAt: toIso(row.expires_at),
    concurrency: row.concurrency === null ? null : (JSON.parse(row.concurrency) as number | string),
    failureBudget: row.failure_budget === null ? null : (JSON.parse(row.failure_budget) as number | string),
    envNames: JSON.parse(row.env_names) as string[],
    cwd: row.cwd,
    user: row.run_as,
    createdAt: toIso(row.created_at),
    createdBy: row.created_by,
    finishedAt: row.finished_at === null ? null : toIso(row.finished_at),
    total: row.total,
    counts: counts ?? (row.final_counts === null ? emptyCounts() : (JSON.parse(row.final_counts) as RunCounts)),
  };
}
