import { type CountOrShare, type RunId, resolveCount, type Timestamp } from "@muster/core";
import { type RawBuilder, sql } from "kysely";
import { type Queries, type Store, slices } from "../store/store.ts";
import { lockCommands } from "./command-ends.ts";
import { FOREIGN_GRACE_MS, JOURNALED_GRACE_MS } from "./run-reports.ts";
import type { Delivery } from "./session.ts";

/** An agent that asks for work. */
export interface Claim {
  readonly agentNumber: number;
  readonly journaled: boolean;
  readonly limit: number;
}

/** What the claimed runs' commands say. Running commands only; kept while they run. */
interface ActiveCommand {
  readonly id: string;
  readonly number: number;
  readonly delivery: Omit<Delivery, "runId">;
  /** How many of its runs may be under way at once; null for all. */
  readonly window: number | null;
}

export interface ClaimedRun {
  readonly runId: RunId;
  readonly commandId: string;
  readonly agentNumber: number;
}

/** More unfinished runs than this are not given to one agent; the others wait in the queue, where they can be cancelled. */
const MAX_UNFINISHED = 8;

/** The queue: hands waiting runs to agents that ask, marked delivered in the same transaction. */
export class Claims {
  readonly #store: Store;
  readonly #commands = new Map<number, ActiveCommand>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Forgets a command that no longer runs. */
  forget(commandNumber: number): void {
    this.#commands.delete(commandNumber);
  }

  /** Serves many agents in one transaction. Answers per claim, and every run that was marked. */
  async claim(claims: readonly Claim[], now: Timestamp): Promise<{ deliveries: Delivery[][]; claimed: ClaimedRun[] }> {
    return this.#store.transaction(async (queries) => {
      const agentNumbers = claims.map((claim) => claim.agentNumber);
      const open = await openRuns(queries, agentNumbers);
      const queued = [...open.values()].flat().filter((run) => run.status === "queued" && run.expires_at > now);
      const commandNumbers = queued.map((run) => run.command_number);
      await this.#loadCommands(queries, commandNumbers);
      const room = await this.#roomOf(queries, commandNumbers);
      const choices = claims.map((claim) => {
        const chosen = this.#choose(open.get(claim.agentNumber) ?? [], claim, { room, now });
        // the same agent may ask twice in one batch: what it got is no longer queued
        for (const run of chosen) run.status = "delivered";
        return { claim, chosen };
      });
      const marked = await this.#markDelivered(queries, choices, now);
      const claimed: ClaimedRun[] = [];
      const deliveries = choices.map(({ claim, chosen }) => {
        const taken = chosen.filter((run) => marked.has(run.number));
        for (const run of taken) {
          const commandId = this.#commands.get(run.command_number)?.id ?? "";
          claimed.push({ runId: run.id as RunId, commandId, agentNumber: claim.agentNumber });
        }
        return taken.map((run) => ({ runId: run.id as RunId, ...this.#deliveryOf(run.command_number) }));
      });
      return { deliveries, claimed };
    });
  }

  #choose(mine: readonly OpenRun[], claim: Claim, context: { room: Map<number, number>; now: Timestamp }): OpenRun[] {
    let unfinished = mine.filter((run) => run.status !== "queued").length;
    const chosen: OpenRun[] = [];
    for (const run of mine) {
      if (chosen.length >= claim.limit || unfinished >= MAX_UNFINISHED) break;
      if (run.status !== "queued" || run.expires_at <= context.now || !this.#commands.has(run.command_number)) continue;
      const room = context.room.get(run.command_number);
      if (room !== undefined) {
        if (room <= 0) continue;
        context.room.set(run.command_number, room - 1);
      }
      chosen.push(run);
      unfinished++;
    }
    return chosen;
  }

  /**
   * Marks what was chosen, and answers what really was still waiting. A run sent to an agent with a journal may start as
   * late as the command expires; one sent to an agent without is given up when its timeout has passed since it was sent.
   */
  async #markDelivered(
    queries: Queries,
    choices: readonly { claim: Claim; chosen: readonly OpenRun[] }[],
    now: Timestamp,
  ): Promise<Set<number>> {
    const journaled: number[] = [];
    const byTimeout = new Map<number, number[]>();
    for (const { claim, chosen } of choices) {
      for (const run of chosen) {
        if (claim.journaled) journaled.push(run.number);
        else {
          const { timeoutMs } = this.#deliveryOf(run.command_number);
          byTimeout.set(timeoutMs, [...(byTimeout.get(timeoutMs) ?? []), run.number]);
        }
      }
    }
    const marked = new Set<number>();
    const mark = async (numbers: readonly number[], deadline: { journaled: number; at: RawBuilder<number> }) => {
      for (const slice of slices(numbers, 1, this.#store.dialect)) {
        const rows = await queries
          .updateTable("runs")
          .set({ status: "delivered", delivered_at: now, journaled: deadline.journaled, deadline_at: deadline.at })
          .where("number", "in", slice)
          .where("status", "=", "queued")
          .returning("number")
          .execute();
        for (const row of rows) marked.add(row.number);
      }
    };
    await mark(journaled, { journaled: 1, at: sql<number>`expires_at + ${sql.lit(JOURNALED_GRACE_MS)}` });
    for (const [timeoutMs, numbers] of byTimeout) {
      await mark(numbers, { journaled: 0, at: sql<number>`${sql.lit(now + timeoutMs + FOREIGN_GRACE_MS)}` });
    }
    return marked;
  }

  #deliveryOf(commandNumber: number): Omit<Delivery, "runId"> {
    const command = this.#commands.get(commandNumber);
    if (!command) throw new Error("a run was chosen whose command is not loaded");
    return command.delivery;
  }

  async #loadCommands(queries: Queries, numbers: readonly number[]): Promise<void> {
    const missing = [...new Set(numbers)].filter((number) => !this.#commands.has(number));
    if (missing.length === 0) return;
    const rows = await queries
      .selectFrom("commands")
      .selectAll()
      .where("number", "in", missing)
      .where("status", "=", "running")
      .execute();
    for (const row of rows) {
      this.#commands.set(row.number, {
        id: row.id,
        number: row.number,
        window: row.concurrency === null ? null : resolveCount(JSON.parse(row.concurrency) as CountOrShare, row.total),
        delivery: {
          text: row.text,
          argv: row.argv === null ? null : (JSON.parse(row.argv) as string[]),
          env: JSON.parse(row.env) as Record<string, string>,
          cwd: row.cwd,
          user: row.run_as,
          timeoutMs: row.timeout_ms,
          expiresAt: row.expires_at,
        },
      });
    }
  }

  /** How many more runs each limited command may have under way. */
  async #roomOf(queries: Queries, numbers: readonly number[]): Promise<Map<number, number>> {
    const room = new Map<number, number>();
    for (const number of new Set(numbers)) {
      const command = this.#commands.get(number);
      if (command && command.window !== null) room.set(number, command.window);
    }
    if (room.size === 0) return room;
    // two processes that count at once would both find the last place free
    await lockCommands(queries, [...room.keys()], this.#store.dialect.locking);
    const rows = await queries
      .selectFrom("runs")
      .select(({ fn }) => ["command_number", fn.countAll<number>().as("count")])
      .where("command_number", "in", [...room.keys()])
      .where("status", "in", ["delivered", "started"])
      .groupBy("command_number")
      .execute();
    for (const row of rows) room.set(row.command_number, (room.get(row.command_number) ?? 0) - Number(row.count));
    return room;
  }
}

interface OpenRun {
  readonly number: number;
  readonly id: string;
  readonly command_number: number;
  readonly agent_number: number;
  readonly expires_at: number;
  status: string;
}

async function openRuns(queries: Queries, agentNumbers: readonly number[]): Promise<Map<number, OpenRun[]>> {
  const rows: OpenRun[] = await queries
    .selectFrom("runs")
    .select(["number", "id", "command_number", "agent_number", "expires_at", "status"])
    .where("agent_number", "in", [...new Set(agentNumbers)])
    .where("status", "in", ["queued", "delivered", "started"])
    .orderBy("number")
    .execute();
  const byAgent = new Map<number, OpenRun[]>();
  for (const row of rows) {
    const list = byAgent.get(row.agent_number);
    if (list) list.push(row);
    else byAgent.set(row.agent_number, [row]);
  }
  return byAgent;
}
