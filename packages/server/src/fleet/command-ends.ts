import { type CountOrShare, resolveBudget, type Timestamp } from "@muster/core";
import type { RunCounts } from "@muster/core/resources";
import type { Queries } from "../store/store.ts";
import { countRuns, OPEN_STATUSES } from "./run-rows.ts";

/** What became of a command when some of its runs ended. */
export interface CommandChange {
  readonly number: number;
  readonly id: string;
  /** It no longer hands out runs. */
  readonly stopped: boolean;
  /** It has a limit of runs under way, so that an end makes room for others. */
  readonly limited: boolean;
}

/** Keeps other transactions from judging these commands until this one ends; always in the same order, so that none wait for each other in a ring. */
export async function lockCommands(queries: Queries, numbers: readonly number[], locking: boolean): Promise<void> {
  if (!locking || numbers.length === 0) return;
  await queries
    .selectFrom("commands")
    .select("number")
    .where("number", "in", [...numbers])
    .orderBy("number")
    .forUpdate()
    .execute();
}

/** Looks at commands some of whose runs ended: halts those over their failure budget, completes those with nothing left. */
export async function settleCommands(
  queries: Queries,
  numbers: readonly number[],
  context: { now: Timestamp; locking: boolean },
): Promise<CommandChange[]> {
  if (numbers.length === 0) return [];
  const { now } = context;
  await lockCommands(queries, [...new Set(numbers)], context.locking);
  const commands = await queries
    .selectFrom("commands")
    .select(["number", "id", "status", "total", "failure_budget", "concurrency", "finished_at"])
    .where("number", "in", [...new Set(numbers)])
    .execute();
  const counts = await countRuns(
    queries,
    commands.map((command) => command.number),
  );
  const changes: CommandChange[] = [];
  for (const command of commands) {
    const count = counts.get(command.number);
    if (!count) continue;
    let { status } = command;
    if (status === "running" && isOverBudget(count, command.failure_budget, command.total)) {
      status = "halted";
      await halt(queries, command.number, now);
      count.cancelled += count.queued;
      count.queued = 0;
    }
    const open = OPEN_STATUSES.reduce((sum, name) => sum + count[name], 0);
    if (open === 0) await finish(queries, command, { status: status === "running" ? "completed" : status, count, now });
    changes.push({
      number: command.number,
      id: command.id,
      stopped: status !== "running" || open === 0,
      limited: command.concurrency !== null,
    });
  }
  return changes;
}

function isOverBudget(count: RunCounts, budget: string | null, total: number): boolean {
  if (budget === null) return false;
  const failures = count.failed + count.timed_out + count.rejected + count.unknown;
  return failures > resolveBudget(JSON.parse(budget) as CountOrShare, total);
}

/** Nothing more is started; what is under way goes on. */
async function halt(queries: Queries, commandNumber: number, now: Timestamp): Promise<void> {
  await queries
    .updateTable("commands")
    .set({ status: "halted", status_reason: "more runs failed than its failure budget allows" })
    .where("number", "=", commandNumber)
    .execute();
  await queries
    .updateTable("runs")
    .set({ status: "cancelled", reason: "the command was halted by its failure budget", finished_at: now })
    .where("command_number", "=", commandNumber)
    .where("status", "=", "queued")
    .execute();
}

async function finish(
  queries: Queries,
  command: { number: number; finished_at: number | null },
  end: { status: string; count: RunCounts; now: Timestamp },
): Promise<void> {
  await queries
    .updateTable("commands")
    // values of variables may be secrets; nobody needs them any more
    .set({
      status: end.status,
      finished_at: command.finished_at ?? end.now,
      final_counts: JSON.stringify(end.count),
      env: "{}",
    })
    .where("number", "=", command.number)
    .execute();
}
