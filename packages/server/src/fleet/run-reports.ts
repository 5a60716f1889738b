import type { RunId } from "@muster/core";
import type { Queries } from "../store/store.ts";
import { digestOutput, storePieces, toPieces } from "./run-output.ts";
import { isFinal, type RunRow } from "./run-rows.ts";
import type { OutputPiece, RunResult } from "./session.ts";

/** What an agent tells of a run, or its connection's end of all of them. `agentNumber` is who says so. */
export type RunReport =
  | { readonly kind: "started"; readonly agentNumber: number; readonly runId: RunId; readonly at: number | null }
  | {
      readonly kind: "output";
      readonly agentNumber: number;
      readonly runId: RunId;
      readonly pieces: readonly OutputPiece[];
    }
  | { readonly kind: "finished"; readonly agentNumber: number; readonly runId: RunId; readonly result: RunResult }
  | { readonly kind: "lost"; readonly agentNumber: number };

/** A run as the ledger works on it: its row, and what its command says. */
export interface WorkingRun extends RunRow {
  command_id: string;
  timeout_ms: number;
}

export interface ReportOutcome {
  readonly changed: ReadonlySet<WorkingRun>;
  readonly ended: ReadonlySet<WorkingRun>;
  /** Runs of which more output is stored. */
  readonly wrote: ReadonlySet<WorkingRun>;
  /** Runs that were cancelled before they started and started all the same: they must be stopped. */
  readonly toCancel: readonly WorkingRun[];
  /** Per report: for output the last piece stored, otherwise 0. */
  readonly results: readonly number[];
}

/** An agent without a journal is given up this long after its command's timeout. */
export const FOREIGN_GRACE_MS = 5_000;
/** One with a journal times its commands out itself; only when it does not say so by then it is given up. */
export const JOURNALED_GRACE_MS = 30_000;

/** Applies reports in order within one transaction. A result counts only from the agent the run was sent to. */
export async function applyReports(
  queries: Queries,
  reports: readonly RunReport[],
  context: { now: number; outputLimitBytes: number; locking: boolean },
): Promise<ReportOutcome> {
  const changed = new Set<WorkingRun>();
  const ended = new Set<WorkingRun>();
  const wrote = new Set<WorkingRun>();
  const toCancel: WorkingRun[] = [];
  const runs = await loadRuns(queries, reports, context.locking);
  const results: number[] = [];
  for (const report of reports) {
    if (report.kind === "lost") {
      for (const run of runs.values()) {
        if (run.agent_number !== report.agentNumber || !giveUpLost(run, context.now)) continue;
        changed.add(run);
        ended.add(run);
      }
      results.push(0);
      continue;
    }
    const run = runs.get(report.runId);
    if (!run || run.agent_number !== report.agentNumber) {
      results.push(report.kind === "output" ? lastSeq(report.pieces) : 0);
      continue;
    }
    if (report.kind === "started") {
      if (markStarted(run, report.at ?? context.now, context.now)) changed.add(run);
      else if (run.status === "cancelled") toCancel.push(run);
      results.push(0);
    } else if (report.kind === "output") {
      const stored = await storePieces(queries, run, report.pieces, context.outputLimitBytes);
      if (stored.length > 0) wrote.add(run);
      changed.add(run);
      results.push(Math.max(run.last_seq, lastSeq(report.pieces)));
    } else {
      if (markFinished(run, report.result, context.now)) {
        changed.add(run);
        ended.add(run);
        const pieces = await storeWholeOutput(queries, run, report.result, context);
        if (pieces.length > 0) wrote.add(run);
      }
      results.push(0);
    }
  }
  for (const run of changed) await writeRun(queries, run);
  return { changed, ended, wrote, toCancel, results };
}

function lastSeq(pieces: readonly OutputPiece[]): number {
  return pieces.at(-1)?.seq ?? -1;
}

async function loadRuns(
  queries: Queries,
  reports: readonly RunReport[],
  locking: boolean,
): Promise<Map<string, WorkingRun>> {
  const ids = new Set<string>();
  const lost = new Set<number>();
  for (const report of reports) {
    if (report.kind === "lost") lost.add(report.agentNumber);
    else ids.add(report.runId);
  }
  const rows = await queries
    .selectFrom("runs")
    .innerJoin("commands", "commands.number", "runs.command_number")
    .selectAll("runs")
    .select(["commands.id as command_id", "commands.timeout_ms"])
    .where((where) =>
      where.or([
        ...(ids.size > 0 ? [where("runs.id", "in", [...ids])] : []),
        ...(lost.size > 0
          ? [
              where.and([
                where("runs.agent_number", "in", [...lost]),
                where("runs.status", "=", "delivered"),
                where("runs.journaled", "=", 0),
              ]),
            ]
          : []),
      ]),
    )
    .orderBy("runs.number")
    .$if(locking, (query) => query.forUpdate("runs"))
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

function giveUpLost(run: WorkingRun, now: number): boolean {
  if (run.status !== "delivered" || run.journaled === 1) return false;
  run.status = "unknown";
  run.reason = "the connection was lost after the command was sent";
  run.finished_at = now;
  return true;
}

/** True when it changed. A run that was given up stays so; its result will tell. */
function markStarted(run: WorkingRun, at: number, now: number): boolean {
  if (run.status !== "queued" && run.status !== "delivered") return false;
  run.status = "started";
  run.delivered_at ??= now;
  run.started_at = at;
  run.deadline_at = now + run.timeout_ms + (run.journaled === 1 ? JOURNALED_GRACE_MS : FOREIGN_GRACE_MS);
  return true;
}

/**
 * True when it changed; a repeat changes nothing. `unknown` said that we could not know: now we do, so the late result
 * corrects it. Other ends that we declared stand, and a late result only adds what it knows.
 */
function markFinished(run: WorkingRun, result: RunResult, now: number): boolean {
  if (run.reported === 1) return false;
  run.reported = 1;
  const late = isFinal(run.status);
  if (late) run.late = 1;
  if (!late || run.status === "unknown") {
    run.status = result.status;
    run.reason = result.reason;
    run.finished_at = now;
    run.exit_code = result.exitCode;
  } else if (result.exitCode !== null) {
    run.reason = `${run.reason ?? run.status.replace("_", " ")}; its result came late: exit code ${result.exitCode}`;
  }
  run.started_at ??= result.startedAt;
  run.delivered_at ??= now;
  run.execution_ms = result.executionMs;
  run.output_digest = result.digest ?? (result.output ? digestOutput(result.output) : null);
  return true;
}

async function storeWholeOutput(
  queries: Queries,
  run: WorkingRun,
  result: RunResult,
  context: { now: number; outputLimitBytes: number },
): Promise<OutputPiece[]> {
  if (!result.output) return [];
  const pieces = toPieces(result.output, run.last_seq + 1, { at: context.now, limitBytes: context.outputLimitBytes });
  return storePieces(queries, run, pieces, context.outputLimitBytes);
}

async function writeRun(queries: Queries, run: WorkingRun): Promise<void> {
  await queries
    .updateTable("runs")
    .set({
      status: run.status,
      reason: run.reason,
      exit_code: run.exit_code,
      delivered_at: run.delivered_at,
      started_at: run.started_at,
      finished_at: run.finished_at,
      deadline_at: run.deadline_at,
      execution_ms: run.execution_ms,
      late: run.late,
      reported: run.reported,
      stdout_bytes: run.stdout_bytes,
      stderr_bytes: run.stderr_bytes,
      cut_bytes: run.cut_bytes,
      last_seq: run.last_seq,
      output_digest: run.output_digest,
    })
    .where("number", "=", run.number)
    .execute();
}
