import type { RunId, Timestamp } from "@muster/core";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { isFinal, OPEN_STATUSES, type RunRow } from "./run-rows.ts";
import type { KnownRun, ResumeAnswer } from "./session.ts";

export interface Reconciliation extends ResumeAnswer {
  /** Commands some of whose runs ended here. */
  readonly ended: readonly number[];
}

/** What an agent said when it came back. */
export interface JournalTold {
  readonly agentNumber: number;
  readonly known: readonly KnownRun[];
  /** No other connection claims this agent's id. */
  readonly alone: boolean;
}

interface ResumeContext {
  readonly now: Timestamp;
  readonly dialect: Dialect;
}

/** An agent's journal holds at most this many runs; the rest of a longer one is ignored. */
const MAX_KNOWN = 1000;

/**
 * Compares agents' journals with the ledger. A fleet that comes back has nothing in its journals, nearly all of it: those
 * are looked up together.
 */
export async function reconcile(
  queries: Queries,
  journals: readonly JournalTold[],
  context: ResumeContext,
): Promise<Reconciliation[]> {
  const empty = journals.filter((told) => told.known.length === 0).map((told) => told.agentNumber);
  const open = await loadOpenRuns(queries, [...new Set(empty)], context.dialect);
  const answers: Reconciliation[] = [];
  for (const told of journals) {
    const rows = told.known.length === 0 ? open.get(told.agentNumber) : await loadRuns(queries, told, context.dialect);
    answers.push(await reconcileOne(queries, told, { now: context.now, rows: rows ?? [] }));
  }
  return answers;
}

/**
 * - A run it holds and we gave up or cancelled is stopped; one whose result we have is forgotten; an `unknown` one goes on.
 * - A run we sent and it does not hold never arrived: it goes back to the queue. It cannot have started, since the agent
 *   journals before it starts.
 * - A run that had started and is not in the journal: the journal is gone, and we cannot know.
 */
async function reconcileOne(
  queries: Queries,
  told: JournalTold,
  ledger: { readonly rows: readonly RunRow[]; readonly now: Timestamp },
): Promise<Reconciliation> {
  const known = new Map(knownRuns(told).map((run) => [run.runId as string, run]));
  const rows = new Map(ledger.rows.map((row) => [row.id, row]));
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
    if (row.status === "delivered") await requeueOrCancel(queries, row, ledger.now);
    else if (row.status === "started") await endUnknown(queries, row, ledger.now);
    else continue;
    answer.ended.push(row.command_number);
  }
  return answer;
}

function knownRuns(told: JournalTold): readonly KnownRun[] {
  return told.known.slice(0, MAX_KNOWN);
}

/** Unfinished runs by agent. */
async function loadOpenRuns(
  queries: Queries,
  agentNumbers: readonly number[],
  dialect: Dialect,
): Promise<Map<number, RunRow[]>> {
  const rows: RunRow[] = [];
  for (const slice of slices(agentNumbers, 1, dialect)) {
    const found = await queries
      .selectFrom("runs")
      .selectAll()
      .where("agent_number", "in", slice)
      .where("status", "in", [...OPEN_STATUSES])
      .orderBy("number")
      .$if(dialect.locking, (query) => query.forUpdate())
      .execute();
    rows.push(...found);
  }
  return Map.groupBy(rows, (row) => row.agent_number);
}

/** Unfinished runs of one agent and those that it names. */
function loadRuns(queries: Queries, told: JournalTold, dialect: Dialect): Promise<RunRow[]> {
  const ids = knownRuns(told).map((run) => run.runId);
  return queries
    .selectFrom("runs")
    .selectAll()
    .where("agent_number", "=", told.agentNumber)
    .where((where) => where.or([where("status", "in", [...OPEN_STATUSES]), where("id", "in", ids)]))
    .orderBy("number")
    .$if(dialect.locking, (query) => query.forUpdate())
    .execute();
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
