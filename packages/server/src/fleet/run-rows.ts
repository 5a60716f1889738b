import { toIso } from "@muster/core";
import {
  FINAL_RUN_STATUSES,
  type Run,
  type RunCounts,
  type RunStatus,
  type RunWithCommand,
} from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { CommandsTable, RunsTable } from "../store/schema.ts";
import type { Queries } from "../store/store.ts";

export type RunRow = Selectable<RunsTable>;
export type CommandRow = Selectable<CommandsTable>;

/** A run with what its command and its agent say of it. */
export interface JoinedRunRow extends RunRow {
  command_id: string;
  agent_id: string;
  agent_name: string;
  command_text: string | null;
  command_argv: string | null;
  timeout_ms: number;
}

export const OPEN_STATUSES = ["queued", "delivered", "started"] as const;

export function isFinal(status: string): boolean {
  return FINAL_RUN_STATUSES.includes(status as RunStatus);
}

/** Runs joined with their command and agent, to be narrowed further. */
export function selectRuns(db: Queries) {
  return db
    .selectFrom("runs")
    .innerJoin("commands", "commands.number", "runs.command_number")
    .innerJoin("agents", "agents.number", "runs.agent_number")
    .selectAll("runs")
    .select(({ fn }) => [
      "commands.id as command_id",
      "commands.text as command_text",
      "commands.argv as command_argv",
      "commands.timeout_ms as timeout_ms",
      "agents.id as agent_id",
      fn.coalesce("agents.given_name", "agents.name").as("agent_name"),
    ]);
}

export function toRun(row: JoinedRunRow): Run {
  return {
    id: row.id,
    commandId: row.command_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    status: row.status as RunStatus,
    reason: row.reason,
    exitCode: row.exit_code,
    queuedAt: toIso(row.queued_at),
    deliveredAt: toIsoOrNull(row.delivered_at),
    startedAt: toIsoOrNull(row.started_at),
    finishedAt: toIsoOrNull(row.finished_at),
    executionMs: row.execution_ms,
    late: row.late === 1,
    cancelRequested: row.cancel_requested_at !== null,
    stdoutBytes: row.stdout_bytes,
    stderrBytes: row.stderr_bytes,
    cutBytes: row.cut_bytes,
    outputDigest: row.output_digest,
  };
}

export function toRunWithCommand(row: JoinedRunRow): RunWithCommand {
  return { ...toRun(row), commandText: commandText(row.command_text, row.command_argv) };
}

/** What a command runs, on one line for people. */
export function commandText(text: string | null, argv: string | null): string {
  return text ?? (JSON.parse(argv ?? "[]") as string[]).map(quote).join(" ");
}

function quote(argument: string): string {
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

export function emptyCounts(): RunCounts {
  return {
    queued: 0,
    delivered: 0,
    started: 0,
    succeeded: 0,
    failed: 0,
    timed_out: 0,
    cancelled: 0,
    expired: 0,
    rejected: 0,
    unknown: 0,
  };
}

/** How many runs of each command are in each state. */
export async function countRuns(db: Queries, commandNumbers: readonly number[]): Promise<Map<number, RunCounts>> {
  const counts = new Map(commandNumbers.map((number) => [number, emptyCounts()]));
  if (commandNumbers.length === 0) return counts;
  const rows = await db
    .selectFrom("runs")
    .select(({ fn }) => ["command_number", "status", fn.countAll<number>().as("count")])
    .where("command_number", "in", commandNumbers)
    .groupBy(["command_number", "status"])
    .execute();
  for (const row of rows) {
    const entry = counts.get(row.command_number);
    if (entry) entry[row.status as RunStatus] = Number(row.count);
  }
  return counts;
}

function toIsoOrNull(at: number | null): string | null {
  return at === null ? null : toIso(at);
}
