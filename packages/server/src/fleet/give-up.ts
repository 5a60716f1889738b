import type { Timestamp } from "@muster/core";
import type { Queries, Store } from "../store/store.ts";
import { type CommandChange, settleCommands } from "./command-ends.ts";
import type { Registry } from "./registry.ts";

/** A run that was given up. */
export interface GivenUpRun {
  readonly number: number;
  readonly id: string;
  readonly agent_number: number;
  readonly command_number: number;
  readonly command_id: string;
}

/** At most so many at once; the rest waits for the next turn of the job. */
const MAX_RUNS = 500;

/**
 * Ends the runs whose time is over:
 * - waiting past the expiry: expired;
 * - sent to an agent without a journal and not answered in time: timed out, as the seed has it;
 * - started on a connected agent that says nothing: timed out; on one that is away: unknown, until it tells.
 */
export async function giveUpRuns(
  store: Store,
  registry: Registry,
  now: Timestamp,
): Promise<{ changed: GivenUpRun[]; changes: CommandChange[] }> {
  const { db } = store;
  const due = await db
    .selectFrom("runs")
    .select("number")
    .where("deadline_at", "<=", now)
    .where("status", "in", ["delivered", "started"])
    .limit(MAX_RUNS)
    .execute();
  const expired = await db
    .selectFrom("runs")
    .select("number")
    .where("expires_at", "<=", now)
    .where("status", "=", "queued")
    .limit(MAX_RUNS)
    .execute();
  if (due.length === 0 && expired.length === 0) return { changed: [], changes: [] };
  return store.transaction(async (queries) => {
    const changed: GivenUpRun[] = [];
    const runs = await selectGivenUp(
      queries,
      [...due, ...expired].map((run) => run.number),
      store.dialect.locking,
    );
    for (const run of runs) {
      const isConnected = (registry.getByNumber(run.agent_number)?.sessions.length ?? 0) > 0;
      const end = endOf(run, isConnected);
      if (!end) continue;
      await queries
        .updateTable("runs")
        .set({ ...end, finished_at: now })
        .where("number", "=", run.number)
        .execute();
      changed.push(run);
    }
    return {
      changed,
      changes: await settleCommands(
        queries,
        changed.map((run) => run.command_number),
        { now, locking: store.dialect.locking },
      ),
    };
  });
}

function selectGivenUp(queries: Queries, numbers: readonly number[], locking: boolean) {
  return queries
    .selectFrom("runs")
    .innerJoin("commands", "commands.number", "runs.command_number")
    .select([
      "runs.number",
      "runs.id",
      "runs.agent_number",
      "runs.command_number",
      "runs.status",
      "runs.journaled",
      "commands.id as command_id",
    ])
    .where("runs.number", "in", numbers)
    .orderBy("runs.number")
    .$if(locking, (query) => query.forUpdate("runs").skipLocked())
    .execute();
}

function endOf(run: { status: string; journaled: number }, isConnected: boolean) {
  if (run.status === "queued") return { status: "expired", reason: "the agent did not fetch it before it expired" };
  if (run.status !== "delivered" && run.status !== "started") return undefined;
  if (run.journaled === 0) return { status: "timed_out", reason: "no result came in time", exit_code: 124 };
  if (run.status === "delivered") return { status: "unknown", reason: "the agent never said whether it started" };
  if (isConnected) return { status: "timed_out", reason: "the agent did not report its end in time", exit_code: 124 };
  return { status: "unknown", reason: "the agent is away and has not told how it ended" };
}
