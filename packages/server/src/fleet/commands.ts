import { type AgentId, type Clock, type CommandId, MusterError, type Timestamp } from "@muster/core";
import type {
  Command,
  CommandListQuery,
  CommandSpec,
  OutputChunk,
  Page,
  Run,
  RunListQuery,
  RunWithCommand,
  TargetPreview,
  Targets,
} from "@muster/core/resources";
import type { Store } from "../store/store.ts";
import { likePattern, readCursor, writeCursor } from "./agent-query.ts";
import type { AgentRow } from "./agent-rows.ts";
import type { Agents } from "./agents.ts";
import { settleCommands } from "./command-ends.ts";
import { toCommand } from "./command-rows.ts";
import { type CommandOrder, findReplay, hashRequest, insertCommand } from "./command-store.ts";
import type { Feed } from "./feed.ts";
import type { Ledger } from "./ledger.ts";
import { readPieces, toChunk } from "./run-output.ts";
import { type CommandRow, countRuns, isFinal, type RunRow, selectRuns, toRun, toRunWithCommand } from "./run-rows.ts";

interface CommandsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly agents: Agents;
  readonly ledger: Ledger;
  readonly feed: Feed;
}

/** How many targets a preview lists by name; the total is exact. */
const PREVIEW_ITEMS = 1000;
const PRUNE_COMMANDS = 20;

/** Commands and their runs as people see them: give, watch, cancel. The ledger carries them out. */
export class Commands {
  readonly #parts: CommandsParts;

  constructor(parts: CommandsParts) {
    this.#parts = parts;
  }

  /**
   * Stores the command with one run per agent; it is certain to be carried out, or to end in a named state, when this
   * resolves. The same key from the same caller answers the first command again; with another request it is a conflict.
   */
  async create(
    spec: CommandSpec,
    by: { actor: string; idempotencyKey?: string },
  ): Promise<{ command: Command; replayed: boolean }> {
    const { store, clock, ledger, feed } = this.#parts;
    const order: CommandOrder = {
      spec,
      createdBy: by.actor,
      idempotencyKey: by.idempotencyKey ?? null,
      requestHash: hashRequest(spec),
      now: clock.now(),
    };
    const replay = await findReplay(store.db, order);
    if (replay) return { command: await this.get(replay), replayed: true };
    const targets = await this.#parts.agents.resolveTargets(spec.targets);
    if (targets.length === 0)
      throw new MusterError("failed_precondition", "no agent is meant: the targets meet nobody", { field: "targets" });
    const stored = await insertCommand(
      store,
      order,
      targets.map((row) => row.number),
    );
    if (!stored.replayed) {
      feed.publish({ kind: "command", commandId: stored.id as CommandId });
      ledger.ring(targets.map((row) => row.id as AgentId));
    }
    return { command: await this.get(stored.id), replayed: stored.replayed };
  }

  /** Exactly who a command with these targets would go to now. */
  async preview(targets: Targets): Promise<TargetPreview> {
    const rows = await this.#parts.agents.resolveTargets(targets);
    const shown = [...rows].sort((left, right) => (left.sort_name < right.sort_name ? -1 : 1)).slice(0, PREVIEW_ITEMS);
    const items = shown.map((row) => ({
      id: row.id,
      name: row.given_name ?? row.name,
      status: row.status,
      canRun: canRun(row),
    }));
    return { total: rows.length, online: rows.filter((row) => row.status === "online").length, items };
  }

  async get(id: string): Promise<Command> {
    const row = await this.#getRow(id);
    const counts = await countRuns(this.#parts.store.db, [row.number]);
    return toCommand(row, counts.get(row.number));
  }

  async list(query: CommandListQuery): Promise<Page<Command>> {
    const limit = Number(query.limit ?? 100);
    let rows = this.#parts.store.db.selectFrom("commands").selectAll().where("status", "!=", "preparing");
    if (query.status) rows = rows.where("status", "=", query.status);
    if (query.filter) {
      const pattern = likePattern(query.filter);
      rows = rows.where((where) =>
        where.or([
          where(where.fn<string>("lower", ["text"]), "like", pattern),
          where(where.fn<string>("lower", ["argv"]), "like", pattern),
        ]),
      );
    }
    if (query.cursor !== undefined) rows = rows.where("number", "<", readCursor(query.cursor)[1]);
    const found = await rows
      .orderBy("number", "desc")
      .limit(limit + 1)
      .execute();
    const page = found.slice(0, limit);
    const open = page.filter((row) => row.final_counts === null).map((row) => row.number);
    const counts = await countRuns(this.#parts.store.db, open);
    const last = found.length > limit ? page.at(-1) : undefined;
    return {
      items: page.map((row) => toCommand(row, counts.get(row.number))),
      nextCursor: last ? writeCursor("", last.number) : null,
    };
  }

  async listRuns(commandId: string, query: RunListQuery): Promise<Page<Run>> {
    const command = await this.#getRow(commandId);
    const page = await this.#listRuns(query, command.number);
    return { items: page.rows.map(toRun), nextCursor: page.nextCursor };
  }

  /** Runs of all commands, newest first. */
  async listAllRuns(query: RunListQuery): Promise<Page<RunWithCommand>> {
    const page = await this.#listRuns(query, undefined);
    return { items: page.rows.map(toRunWithCommand), nextCursor: page.nextCursor };
  }

  async findRun(id: string): Promise<RunWithCommand | undefined> {
    const row = await selectRuns(this.#parts.store.db).where("runs.id", "=", id).executeTakeFirst();
    return row && toRunWithCommand(row);
  }

  async getRun(id: string): Promise<RunWithCommand> {
    const run = await this.findRun(id);
    if (!run) throw new MusterError("not_found", "there is no such run", { id });
    return run;
  }

  /** Several runs at once, in any order; unknown ids are left out. */
  async findRuns(ids: readonly string[]): Promise<Run[]> {
    if (ids.length === 0) return [];
    const rows = await selectRuns(this.#parts.store.db)
      .where("runs.id", "in", [...ids])
      .execute();
    return rows.map(toRun);
  }

  /** Stops a command: what waits never starts, what is under way is stopped where the agent can do that. */
  async cancel(id: string): Promise<Command> {
    const row = await this.#getRow(id);
    if (row.finished_at === null) await this.#cancelRuns({ commandNumber: row.number });
    return this.get(id);
  }

  async cancelRun(id: string): Promise<Run> {
    const run = await this.#parts.store.db.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
    if (!run) throw new MusterError("not_found", "there is no such run", { id });
    if (!isFinal(run.status)) await this.#cancelRuns({ run });
    return this.getRun(id);
  }

  /** At most `limit` stored chunks after `after`; `ended` when the run is over and nothing follows them. */
  async readOutput(runId: string, after: number, limit: number): Promise<{ chunks: OutputChunk[]; ended: boolean }> {
    const { db } = this.#parts.store;
    // the status is read first: a run that ends in between has stored its last chunk before
    const run = await db.selectFrom("runs").select(["number", "status"]).where("id", "=", runId).executeTakeFirst();
    if (!run) throw new MusterError("not_found", "there is no such run", { id: runId });
    const rows = await readPieces(db, run.number, after, limit + 1);
    return { chunks: rows.slice(0, limit).map(toChunk), ended: isFinal(run.status) && rows.length <= limit };
  }

  /** Deletes commands that ended before this instant, with their runs and output; a few per transaction. */
  async prune(before: Timestamp): Promise<void> {
    const { db } = this.#parts.store;
    for (;;) {
      const old = await db
        .selectFrom("commands")
        .select("number")
        .where("finished_at", "<", before)
        .limit(PRUNE_COMMANDS)
        .execute();
      if (old.length === 0) return;
      await db
        .deleteFrom("commands")
        .where(
          "number",
          "in",
          old.map((row) => row.number),
        )
        .execute();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** How many runs there are in all, and how many of them wait to start. */
  async runTotals(): Promise<{ total: number; waiting: number }> {
    const { db } = this.#parts.store;
    const all = await db
      .selectFrom("commands")
      .select(({ fn }) => fn.sum<number>("total").as("total"))
      .executeTakeFirstOrThrow();
    const waiting = await db
      .selectFrom("runs")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("status", "in", ["queued", "delivered"])
      .executeTakeFirstOrThrow();
    return { total: Number(all.total ?? 0), waiting: Number(waiting.count) };
  }

  /** How many commands are stored, under way, and came within a day. */
  async counts24h(): Promise<{ total: number; running: number; last24h: number }> {
    const since = this.#parts.clock.now() - 86_400_000;
    const row = await this.#parts.store.db
      .selectFrom("commands")
      .select(({ fn, eb }) => [
        fn.countAll<number>().as("total"),
        fn.sum<number>(eb.case().when("status", "=", "running").then(1).else(0).end()).as("running"),
        fn.sum<number>(eb.case().when("created_at", ">=", since).then(1).else(0).end()).as("recent"),
      ])
      .where("status", "!=", "preparing")
      .executeTakeFirstOrThrow();
    return { total: Number(row.total), running: Number(row.running ?? 0), last24h: Number(row.recent ?? 0) };
  }

  async #getRow(id: string): Promise<CommandRow> {
    const row = await this.#parts.store.db
      .selectFrom("commands")
      .selectAll()
      .where("id", "=", id)
      .where("status", "!=", "preparing")
      .executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such command", { id });
    return row;
  }

  async #listRuns(query: RunListQuery, commandNumber: number | undefined) {
    const limit = Number(query.limit ?? 100);
    // the runs of one command are read in their order, the history of all newest first
    const direction = commandNumber === undefined ? "desc" : "asc";
    let rows = selectRuns(this.#parts.store.db).where("commands.status", "!=", "preparing");
    if (commandNumber !== undefined) rows = rows.where("runs.command_number", "=", commandNumber);
    if (query.status) rows = rows.where("runs.status", "=", query.status);
    if (query.agentId) rows = rows.where("agents.id", "=", query.agentId);
    if (query.cursor !== undefined)
      rows = rows.where("runs.number", direction === "asc" ? ">" : "<", readCursor(query.cursor)[1]);
    const found = await rows
      .orderBy("runs.number", direction)
      .limit(limit + 1)
      .execute();
    const last = found.length > limit ? found[limit - 1] : undefined;
    return { rows: found.slice(0, limit), nextCursor: last ? writeCursor("", last.number) : null };
  }

  async #cancelRuns(what: { commandNumber: number } | { run: RunRow }): Promise<void> {
    const { store, clock, ledger } = this.#parts;
    const now = clock.now();
    const { stop, changes } = await store.transaction(async (queries) => {
      const commandNumber = "run" in what ? what.run.command_number : what.commandNumber;
      if ("commandNumber" in what) {
        await queries
          .updateTable("commands")
          .set({ status: "cancelled", status_reason: "cancelled by an operator" })
          .where("number", "=", commandNumber)
          .where("status", "in", ["running", "halted"])
          .execute();
      }
      const ofThese = (status: readonly string[]) => {
        const update = queries
          .updateTable("runs")
          .where("command_number", "=", commandNumber)
          .where("status", "in", status);
        return "run" in what ? update.where("number", "=", what.run.number) : update;
      };
      await ofThese(["queued"])
        .set({ status: "cancelled", reason: "cancelled before it started", finished_at: now, cancel_requested_at: now })
        .execute();
      // an agent that cannot be told to stop may carry it out all the same; its result is shown when it comes
      await ofThese(["delivered", "started"])
        .set({
          status: "cancelled",
          reason: "cancelled, but this agent cannot stop what it was sent",
          finished_at: now,
          cancel_requested_at: now,
        })
        .where("journaled", "=", 0)
        .execute();
      const stop = await ofThese(["delivered", "started"])
        .set({ cancel_requested_at: now })
        .returning(["id", "agent_number"])
        .execute();
      return { stop, changes: await settleCommands(queries, [commandNumber], { now, locking: store.dialect.locking }) };
    });
    ledger.stopRuns(stop);
    ledger.announce(changes);
  }
}

function canRun(row: AgentRow): boolean {
  return (JSON.parse(row.capabilities) as string[]).includes("command");
}
