import type { RunId, Timestamp } from "@muster/core";
import type { Queries } from "../store/store.ts";
import { isFinal, OPEN_STATUSES, type RunRow } from "./run-rows.ts";
import type { KnownRun, ResumeAnswer } from "./session.ts";

interface Reconciliation extends ResumeAnswer {
  /** Commands some of whose runs ended here. */
  readonly ended: readonly number[];
}

interface JournalTold {
  readonly agentNumber: number;
  readonly known: readonly KnownRun[];
  /** No other connection claims this agent's id. */
  readonly alone: boolean;
  readonly now: Timestamp;
  readonly locking: boolean;
}

/** An agent's journal holds at most this many runs; the rest of a longer one is ignored. */
const MAX_KNOWN = 1000;

/**
 * Compares an agent's journal with the ledger.
 * - A run it holds and we gave up or cancelled is stopped; one whose result we have is forgotten; an `unknown` one goes on.
 * - A run we sent and it does not hold never arrived: it goes back to the queue. It cannot have started, since the agent
 *   journals before it starts.
 * - A run that had started and is not in the journal: the journal is gone, and we cannot know.
 */
export async function reconcile(queries: Queries, told: JournalTold): Promise<Reconciliation> {
  const known = new Map(told.known.slice(0, MAX_KNOWN).map((run) => [run.runId as string, run]));
  const rows = await loadRuns(queries, told, [...known.keys()]);
  const answer = {
    cancel: [] as RunId[],
    forget: [] as RunId[],
    outputThrough: new Map<RunId, number>(),
    ended: [] as number[],
  };
  for (const run of known.values()) {
    const row = rows.get(run.runId);
    if (row) answer.outputThrough.set(run.runId, row.last_seq);
    if (!row) answer.forget.push(run.runId);
    else if (row.status === "unknown" && row.reported === 0) continue;
    else if (isFinal(row.status))
      (run.state === "finished" || row.reported === 1 ? answer.forget : answer.cancel).push(run.runId);
    else if (row.cancel_requested_at !== null && run.state !== "finished") answer.cancel.push(run.runId);
  }
  if (!told.alone) return answer;
  for (const row of rows.values()) {
    if (row.journaled !== 1 || known.has(row.id)) continue;
    if (row.status === "delivered") await requeueOrCancel(queries, row, told.now);
    else if (row.status === "started") await endUnknown(queries, row, told.now);
    else continue;
    answer.ended.push(row.command_number);
  }
  return answer;
}

async function loadRuns(queries: Queries, told: JournalTold, ids: readonly string[]): Promise<Map<string, RunRow>> {
  const rows = await queries
    .selectFrom("runs")
    .selectAll()
    .where("agent_number", "=", told.agentNumber)
    .where((where) =>
      where.or([where("status", "in", [...OPEN_STATUSES]), ...(ids.length > 0 ? [where("id", "in", [...ids])] : [])]),
    )
    .orderBy("number")
    .$if(told.locking, (query) => query.forUpdate())
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

async function requeueOrCancel(queries: Queries, row: RunRow, now: Timestamp): Promise<void> {
  const change =
    row.cancel_requested_at === null
      ? { status: "queued", delivered_at: null, deadline_at: null }
      : { status: "cancelled", reason: "cancelled before it started", finished_at: now };
  await queries.updateTable("runs").set(change).where("number", "=", row.number).execute();
}

async function endUnknown(queries: Queries, row: RunRow, now: Timestamp): Promise<void> {
  await queries
    .updateTable("runs")
    .set({ status: "unknown", reason: "the agent no longer remembers this run", finished_at: now })
    .where("number", "=", row.number)
    .execute();
}
