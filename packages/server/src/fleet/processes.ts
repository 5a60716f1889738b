import { type AgentId, type Clock, MusterError, type Timestamp } from "@muster/core";
import { type Queries, type Store, slices } from "../store/store.ts";
import { type CommandChange, settleCommands } from "./command-ends.ts";

interface ProcessesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly processId: string;
  /** For people: where this process runs. */
  readonly place: string;
  /** Other processes can be told things. Without that there must be no others. */
  readonly hasBus: boolean;
  /** Our beats arrive again after a gap, in which others may have taken us for dead and written so of our agents. */
  readonly onReturn: () => void;
}

/** What a process that died left behind. */
export interface DeadProcess {
  readonly id: string;
  readonly agentIds: readonly AgentId[];
  readonly changes: readonly CommandChange[];
}

const BEAT_MS = 1000;
/** A process that has not beaten for so long is dead. */
export const DEAD_AFTER_MS = 4000;
/** Agents of a dead process that did not come back by then are offline. */
const OFFLINE_AFTER_MS = 60_000;

/**
 * The server processes over one database. Each writes a beat; each looks for those that stopped, and whoever removes a
 * dead one sets right what it left. By the database's clock, so that nobody's clock can bury the living.
 */
export class Processes {
  readonly #parts: ProcessesParts;
  /** Our own beats have arrived since then; only who is heard may judge others. Monotonic. */
  #beatingSince: number | undefined;
  #lastBeat = 0;
  #stop: (() => void)[] = [];

  constructor(parts: ProcessesParts) {
    this.#parts = parts;
  }

  /** Registers this process. Without a bus there must be no other one alive. */
  async start(): Promise<void> {
    const { store, clock, processId, place, hasBus } = this.#parts;
    const now = clock.now();
    await store.transaction(async (queries) => {
      // where the database serves one process only, the lock of the data directory has seen to the others
      if (!store.dialect.shared) await queries.deleteFrom("processes").execute();
      const others = await queries
        .selectFrom("processes")
        .select("place")
        .where("beat_at", ">", now - DEAD_AFTER_MS)
        .execute();
      if (others.length > 0 && !hasBus) {
        const places = others.map((other) => other.place).join(", ");
        throw new MusterError(
          "failed_precondition",
          `another server process (${places}) uses this database; several need --bus nats://…`,
        );
      }
      await queries.insertInto("processes").values({ id: processId, place, started_at: now, beat_at: now }).execute();
    });
    this.#beatingSince = clock.monotonic();
    this.#lastBeat = clock.monotonic();
    // nobody looks where nobody else can be
    if (store.dialect.shared) this.#stop = [clock.every(BEAT_MS, () => void this.#beat())];
  }

  /** Leaves the list, so that nobody has to wait for us to be dead. */
  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    const { store, processId } = this.#parts;
    await store.db
      .deleteFrom("processes")
      .where("id", "=", processId)
      .execute()
      .catch(() => {}); // the others will notice
  }

  /** The ids of the processes that live, this one included. */
  async listAlive(): Promise<string[]> {
    const { store, clock, processId } = this.#parts;
    if (!store.dialect.shared) return [processId];
    const alive = store.db
      .selectFrom("processes")
      .select("id")
      .where("beat_at", ">", clock.now() - DEAD_AFTER_MS);
    return (await alive.execute()).map((row) => row.id);
  }

  /** Removes processes that are dead and sets right what they left; each is removed by exactly one of the living. */
  async buryDead(): Promise<DeadProcess[]> {
    const { store, clock } = this.#parts;
    // after an outage of the database everybody looks dead until they have had time to beat again
    if (
      !store.dialect.shared ||
      this.#beatingSince === undefined ||
      clock.monotonic() - this.#beatingSince < 2 * DEAD_AFTER_MS
    )
      return [];
    const dead: DeadProcess[] = [];
    const late = await store.db
      .selectFrom("processes")
      .select("id")
      .where("beat_at", "<=", clock.now() - DEAD_AFTER_MS)
      .execute();
    for (const { id } of late) {
      const buried = await store.transaction((queries) => this.#bury(queries, id, clock.now()));
      if (buried) dead.push(buried);
    }
    return dead;
  }

  /** Agents left behind by a dead process are offline when they do not come back. Answers which. */
  async giveUpOrphans(): Promise<AgentId[]> {
    const { store, clock } = this.#parts;
    if (!store.dialect.shared) return [];
    const rows = await store.db
      .updateTable("agents")
      .set({
        status: "offline",
        status_reason: "it has not come back since its server process ended",
        status_at: clock.now(),
      })
      .where("status", "=", "stale")
      .where("holder", "is", null)
      .where("status_at", "<", clock.now() - OFFLINE_AFTER_MS)
      .returning("id")
      .execute();
    return rows.map((row) => row.id as AgentId);
  }

  async #bury(queries: Queries, id: string, now: Timestamp): Promise<DeadProcess | undefined> {
    const removed = await queries
      .deleteFrom("processes")
      .where("id", "=", id)
      .where("beat_at", "<=", now - DEAD_AFTER_MS)
      .returning("id")
      .execute();
    if (removed.length === 0) return undefined;
    const lost = await queries
      .updateTable("runs")
      .set({ status: "unknown", reason: "its server process ended after the command was sent", finished_at: now })
      .where("status", "=", "delivered")
      .where("journaled", "=", 0)
      .where("agent_number", "in", (agents) => agents.selectFrom("agents").select("number").where("holder", "=", id))
      .returning("command_number")
      .execute();
    const agents = await queries
      .updateTable("agents")
      .set({ status: "stale", status_reason: "its server process ended", status_at: now, holder: null, connections: 0 })
      .where("holder", "=", id)
      .returning("id")
      .execute();
    const numbers = [...new Set(lost.map((run) => run.command_number))];
    const changes: CommandChange[] = [];
    for (const slice of slices(numbers, 1, this.#parts.store.dialect))
      changes.push(...(await settleCommands(queries, slice, { now, locking: this.#parts.store.dialect.locking })));
    return { id, agentIds: agents.map((agent) => agent.id as AgentId), changes };
  }

  async #beat(): Promise<void> {
    const { store, clock, processId, place } = this.#parts;
    const started = clock.monotonic();
    // a gap in our own beats means that others may have missed theirs too
    if (started - this.#lastBeat > DEAD_AFTER_MS) this.#beatingSince = undefined;
    try {
      const now = (await store.readClock()) ?? clock.now();
      const { numUpdatedRows } = await store.db
        .updateTable("processes")
        .set({ beat_at: now })
        .where("id", "=", processId)
        .executeTakeFirst();
      const wasBuried = numUpdatedRows === 0n;
      if (wasBuried) {
        const row = { id: processId, place, started_at: now, beat_at: now };
        await store.db
          .insertInto("processes")
          .values(row)
          .onConflict((conflict) => conflict.column("id").doNothing())
          .execute();
      }
      this.#lastBeat = clock.monotonic();
      if (wasBuried || this.#beatingSince === undefined) this.#parts.onReturn();
      this.#beatingSince ??= clock.monotonic();
    } catch {
      this.#beatingSince = undefined; // the database is away
    }
  }
}
