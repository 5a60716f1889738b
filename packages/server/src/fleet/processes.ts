import { type AgentId, type Clock, delay, MusterError, type Timestamp } from "@muster/core";
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
/** After an outage of the database everybody is given so long to beat again before anybody is judged. */
const GRACE_MS = 2 * DEAD_AFTER_MS;
/** Between two answers of the database to us; after a longer gap others may not have reached it either. */
const GAP_MS = 2500;
/** Who starts without a bus watches so long whether anybody else beats. */
const WATCH_MS = DEAD_AFTER_MS + BEAT_MS;
/** Agents of a dead process that did not come back by then are offline. */
const OFFLINE_AFTER_MS = 60_000;

/**
 * The server processes over one database. Each writes a beat; each looks for those that stopped, and whoever removes a
 * dead one sets right what it left. By the database's clock, so that nobody's clock can bury the living.
 */
export class Processes {
  readonly #parts: ProcessesParts;
  /** The database has answered us without a gap since then; beats that are missed in an outage are nobody's fault. Monotonic. */
  #answeredSince: number | undefined;
  #answeredAt = 0;
  #wasAway = false;
  #isBeating = false;
  /** The others that were there when we last looked. */
  #others = new Set<string>();
  #stop: (() => void)[] = [];

  constructor(parts: ProcessesParts) {
    this.#parts = parts;
  }

  /** Registers this process. Without a bus there must be no other one alive. */
  async start(): Promise<void> {
    const { store, clock, processId, place, hasBus } = this.#parts;
    if (store.dialect.shared && !hasBus) await this.#watchForOthers();
    const now = clock.now();
    await store.transaction(async (queries) => {
      // where the database serves one process only, the lock of the data directory has seen to the others
      if (!store.dialect.shared || !hasBus) await queries.deleteFrom("processes").execute();
      await queries.insertInto("processes").values({ id: processId, place, started_at: now, beat_at: now }).execute();
    });
    this.#noteAnswer();
    this.#wasAway = false;
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

  /** The ids of the processes that nobody has found dead, this one included. */
  async listKnown(): Promise<string[]> {
    const { store, processId } = this.#parts;
    if (!store.dialect.shared) return [processId];
    return (await store.db.selectFrom("processes").select("id").execute()).map((row) => row.id);
  }

  /**
   * Removes processes that are dead and sets right what they left; each is removed by exactly one of the living. `gone` are
   * those that others removed, or that left, since the last look.
   */
  async watch(): Promise<{ dead: DeadProcess[]; gone: string[] }> {
    const { store, clock, processId } = this.#parts;
    const dead: DeadProcess[] = [];
    if (!store.dialect.shared) return { dead, gone: [] };
    const rows = await store.db
      .selectFrom("processes")
      .select(["id", "beat_at"])
      .where("id", "!=", processId)
      .execute();
    this.#noteAnswer();
    const there = new Set(rows.map((row) => row.id));
    const gone = [...this.#others].filter((id) => !there.has(id));
    this.#others = there;
    const late = rows.filter((row) => row.beat_at <= clock.now() - DEAD_AFTER_MS);
    for (const { id } of this.#mayJudge() ? late : []) {
      const buried = await store.transaction((queries) => this.#bury(queries, id, clock.now()));
      if (!buried) continue;
      this.#others.delete(id);
      dead.push(buried);
    }
    return { dead, gone };
  }

  /** Agents left behind by a dead process are offline when they do not come back. Answers which. */
  async giveUpOrphans(): Promise<AgentId[]> {
    const { store, clock } = this.#parts;
    if (!store.dialect.shared || !this.#mayJudge()) return [];
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

  /** Without a bus there must be no other process; whoever is there beats before long. Those that do not are dead. */
  async #watchForOthers(): Promise<void> {
    const { store, clock } = this.#parts;
    const read = async () =>
      new Map(
        (await store.db.selectFrom("processes").select(["id", "place", "beat_at"]).execute()).map((row) => [
          row.id,
          row,
        ]),
      );
    const first = await read();
    const until = clock.monotonic() + WATCH_MS;
    while (first.size > 0 && clock.monotonic() < until) {
      await delay(clock, BEAT_MS / 4);
      const living = [...(await read()).values()].filter((row) => first.get(row.id)?.beat_at !== row.beat_at);
      if (living.length === 0) continue;
      const places = living.map((other) => other.place).join(", ");
      throw new MusterError(
        "failed_precondition",
        `another server process (${places}) uses this database; several need --bus nats://…`,
      );
    }
  }

  /** Whoever was away from the database knows nothing of those who are late, and they may have been away with us. */
  #mayJudge(): boolean {
    return this.#answeredSince !== undefined && this.#parts.clock.monotonic() - this.#answeredSince >= GRACE_MS;
  }

  #noteAnswer(): void {
    const now = this.#parts.clock.monotonic();
    if (now - this.#answeredAt > GAP_MS) this.#noteOutage();
    this.#answeredSince ??= now;
    this.#answeredAt = now;
  }

  #noteOutage(): void {
    this.#wasAway = true;
    this.#answeredSince = undefined;
  }

  async #beat(): Promise<void> {
    const { store, clock, processId, place } = this.#parts;
    if (this.#isBeating) return;
    this.#isBeating = true;
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
      this.#noteAnswer();
      if (wasBuried || this.#wasAway) this.#parts.onReturn();
      this.#wasAway = false;
    } catch {
      this.#noteOutage(); // the database is away
    } finally {
      this.#isBeating = false;
    }
  }
}
