import { createHash } from "node:crypto";
import { type CommandId, MusterError, newId, type RunId, type Timestamp } from "@muster/core";
import type { CommandSpec } from "@muster/core/resources";
import { type Queries, type Store, slices } from "../store/store.ts";
import type { StoredTargets } from "./command-rows.ts";

/** A command about to be stored. */
export interface CommandOrder {
  readonly spec: CommandSpec;
  readonly createdBy: string;
  readonly idempotencyKey: string | null;
  readonly requestHash: string;
  readonly now: Timestamp;
}

/** So many runs are written in one transaction; more would hold up the event loop. */
const RUNS_PER_TRANSACTION = 256;

/** Equal requests have equal hashes, whatever the order of their keys. */
export function hashRequest(spec: CommandSpec): string {
  const sorted = (_key: string, value: unknown) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(spec, sorted)).digest("hex");
}

/** The id of the command that this caller gave before under the same key; undefined when there is none. */
export async function findReplay(db: Queries, order: CommandOrder): Promise<string | undefined> {
  if (order.idempotencyKey === null) return undefined;
  const row = await db
    .selectFrom("commands")
    .select(["id", "request_hash", "status"])
    .where("created_by", "=", order.createdBy)
    .where("idempotency_key", "=", order.idempotencyKey)
    .executeTakeFirst();
  if (!row) return undefined;
  if (row.request_hash !== order.requestHash) {
    throw new MusterError("conflict", "this idempotency key was used for another command", {
      header: "Idempotency-Key",
    });
  }
  // the same request is being stored right now: the caller may ask again
  if (row.status === "preparing") throw new MusterError("unavailable", "the same command is being stored; try again");
  return row.id;
}

/**
 * Stores a command and its runs. Up to 256 targets go in one transaction; more are written in slices under a status
 * that nobody sees, and the last transaction makes the whole visible: a crash in between leaves nothing to be carried out.
 */
export async function insertCommand(
  store: Store,
  order: CommandOrder,
  agentNumbers: readonly number[],
): Promise<{ id: string; replayed: boolean }> {
  const id = newId<CommandId>(order.now);
  const first = agentNumbers.slice(0, RUNS_PER_TRANSACTION);
  const whole = first.length === agentNumbers.length;
  const insertFirst = async (queries: Queries) => {
    const replay = await findReplay(queries, order);
    if (replay !== undefined) return replay;
    const command = await queries
      .insertInto("commands")
      .values(toRow(id, order, { total: agentNumbers.length, status: whole ? "running" : "preparing" }))
      .returning("number")
      .executeTakeFirstOrThrow();
    await insertRuns(queries, store, { commandNumber: command.number, agentNumbers: first, order });
    return command.number;
  };
  const number = await store.transaction(insertFirst).catch(async (error: unknown) => {
    // another process stored the same request at this very moment: the second try finds it
    if (!store.dialect.isDuplicate(error)) throw error;
    return store.transaction(insertFirst);
  });
  if (typeof number === "string") return { id: number, replayed: true };
  for (let start = RUNS_PER_TRANSACTION; start < agentNumbers.length; start += RUNS_PER_TRANSACTION) {
    await new Promise((resolve) => setImmediate(resolve));
    const slice = agentNumbers.slice(start, start + RUNS_PER_TRANSACTION);
    await store.transaction(async (queries) => {
      await insertRuns(queries, store, { commandNumber: number, agentNumbers: slice, order });
      if (start + slice.length < agentNumbers.length) return;
      await queries.updateTable("commands").set({ status: "running" }).where("number", "=", number).execute();
    });
  }
  return { id, replayed: false };
}

async function insertRuns(
  queries: Queries,
  store: Store,
  what: { commandNumber: number; agentNumbers: readonly number[]; order: CommandOrder },
): Promise<void> {
  const { order } = what;
  for (const slice of slices(what.agentNumbers, 6, store.dialect)) {
    await queries
      .insertInto("runs")
      .values(
        slice.map((agentNumber) => ({
          id: newId<RunId>(order.now),
          command_number: what.commandNumber,
          agent_number: agentNumber,
          status: "queued",
          queued_at: order.now,
          expires_at: order.now + order.spec.expiresInMs,
        })),
      )
      .execute();
  }
}

function toRow(id: string, order: CommandOrder, state: { total: number; status: string }) {
  const { spec } = order;
  const targets: StoredTargets = {
    ids: spec.targets.ids,
    selector: spec.targets.selector ?? null,
    groups: spec.targets.groups,
    all: spec.targets.all,
  };
  return {
    id,
    status: state.status,
    text: spec.text ?? null,
    argv: spec.argv ? JSON.stringify(spec.argv) : null,
    env: JSON.stringify(spec.env),
    env_names: JSON.stringify(Object.keys(spec.env)),
    cwd: spec.cwd,
    run_as: spec.user,
    targets: JSON.stringify(targets),
    timeout_ms: spec.timeoutMs,
    expires_at: order.now + spec.expiresInMs,
    concurrency: spec.concurrency === null ? null : JSON.stringify(spec.concurrency),
    failure_budget: spec.failureBudget === null ? null : JSON.stringify(spec.failureBudget),
    created_at: order.now,
    created_by: order.createdBy,
    total: state.total,
    idempotency_key: order.idempotencyKey,
    request_hash: order.requestHash,
  };
}
