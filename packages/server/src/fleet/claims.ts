import { type CountOrShare, type RunId, resolveCount, type Timestamp } from "@muster/core";
import type { Queries, Store } from "../store/store.ts";
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
      const open = await openRuns(
        queries,
        claims.map((claim) => claim.agentNumber),
      );
      const queued = [...open.values()].flat().filter((run) => run.status === "queued" && run.expires_at > now);
      await this.#loadCommands(
        queries,
        queued.map((run) => run.command_number),
      );
      const room = await this.#roomOf(
        queries,
        queued.map((run) => run.command_number),
      );
      const deliveries: Delivery[][] = [];
      const claimed: ClaimedRun[] = [];
      for (const claim of claims) {
        const mine = open.get(claim.agentNumber) ?? [];
        const chosen = this.#choose(mine, claim, { room, now });
        // the same agent may ask twice in one batch: what it got is no longer queued
        for (const run of chosen) run.status = "delivered";
        await markDelivered(queries, chosen, claim.journaled, { now, commands: this.#commands });
        deliveries.push(chosen.map((run) => ({ runId: run.id as RunId, ...this.#deliveryOf(run.command_number) })));
        for (const run of chosen) {
          const commandId = this.#commands.get(run.command_number)?.id ?? "";
          claimed.push({ runId: run.id as RunId, commandId, agentNumber: claim.agentNumber });
        }
      }
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

/**
 * A run sent to an agent with a journal may start as late as the command expires; one sent to an agent without is given
 * up when its timeout has passed since it was sent.
 */
async function markDelivered(
  queries: Queries,
  runs: readonly OpenRun[],
  journaled: boolean,
  context: { now: Timestamp; commands: ReadonlyMap<number, ActiveCommand> },
): Promise<void> {
  for (const run of runs) {
    const timeoutMs = context.commands.get(run.command_number)?.delivery.timeoutMs ?? 0;
    await queries
      .updateTable("runs")
      .set({
        status: "delivered",
        delivered_at: context.now,
        journaled: journaled ? 1 : 0,
        deadline_at: journaled ? run.expires_at + JOURNALED_GRACE_MS : context.now + timeoutMs + FOREIGN_GRACE_MS,
      })
      .where("number", "=", run.number)
      .execute();
  }
}
