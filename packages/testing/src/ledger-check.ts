import { readFileSync } from "node:fs";
import { delay, systemClock } from "@muster/core";
import type { Command, Page, Run, RunStatus } from "@muster/core/resources";
import { FINAL_RUN_STATUSES, RUN_STATUSES } from "@muster/core/resources";

/** What the ledger says, held against what the hosts saw. */
export interface LedgerComparison {
  readonly runs: number;
  /** Acknowledged commands or runs of them that the server no longer knows. */
  readonly lost: readonly string[];
  /** Runs that began more than once, by the witness file that every run appends to. */
  readonly startedTwice: readonly string[];
  /** Runs that are in no final state although everybody had time. */
  readonly unfinished: readonly string[];
  /** Succeeded without a trace on the host, or with a trace although the ledger says it never started. */
  readonly contradictions: readonly string[];
  readonly states: Readonly<Partial<Record<RunStatus, number>>>;
}

export interface LedgerWitness {
  /** Ids of the commands that a server acknowledged. */
  readonly acknowledged: readonly string[];
  /** The file to which every run appends its id when it starts. */
  readonly witness: string;
  /** How long everything may take to end. */
  readonly settleMs: number;
  /** Undefined when nobody answers. */
  readonly call: (method: string, path: string) => Promise<Response | undefined>;
}

/** Waits until every acknowledged command has ended, or the time is over, and compares. */
export async function compareLedger(told: LedgerWitness): Promise<LedgerComparison> {
  const runs: Run[] = [];
  const lost: string[] = [];
  const deadline = systemClock.monotonic() + told.settleMs;
  for (const id of told.acknowledged) {
    const found = await runsWhenEnded(told, id, deadline);
    if (!found) lost.push(id);
    else runs.push(...found);
  }
  const marks = new Map<string, number>();
  for (const line of readFileSync(told.witness, "utf8").split("\n"))
    if (line !== "") marks.set(line, (marks.get(line) ?? 0) + 1);
  const states: Partial<Record<RunStatus, number>> = {};
  for (const status of RUN_STATUSES) {
    const count = runs.filter((run) => run.status === status).length;
    if (count > 0) states[status] = count;
  }
  return {
    runs: runs.length,
    lost,
    startedTwice: [...marks].filter(([, count]) => count > 1).map(([id]) => id),
    unfinished: runs.filter((run) => !FINAL_RUN_STATUSES.includes(run.status)).map((run) => `${run.id} ${run.status}`),
    contradictions: runs
      .filter((run) => contradicts(run, marks.get(run.id) ?? 0))
      .map((run) => `${run.id} ${run.status} ${marks.get(run.id) ?? 0}`),
    states,
  };
}

/** The runs of a command once it has ended, or as they are at the deadline; undefined when it is not known. */
async function runsWhenEnded(told: LedgerWitness, commandId: string, deadline: number): Promise<Run[] | undefined> {
  const lastCall = deadline + 30_000;
  for (;;) {
    const answer = await told.call("GET", `commands/${commandId}`);
    if (answer?.status === 404) return undefined;
    if (answer?.ok) {
      const command = (await answer.json()) as Command;
      if (command.finishedAt !== null || systemClock.monotonic() > deadline) break;
    } else if (systemClock.monotonic() > lastCall) return undefined;
    await delay(systemClock, 100);
  }
  const answer = await told.call("GET", `commands/${commandId}/runs?limit=1000`);
  return answer?.ok ? ((await answer.json()) as Page<Run>).items : undefined;
}

function contradicts(run: Run, marks: number): boolean {
  if (run.status === "succeeded") return marks !== 1;
  return (run.status === "expired" || run.status === "rejected" || run.status === "queued") && marks > 0;
}
