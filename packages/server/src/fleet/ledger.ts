import type { AgentId, Clock, CommandId, RunId, Timestamp } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { Store } from "../store/store.ts";
import { type AgentState, countConnections, workingSession } from "./agent-state.ts";
import { Batcher } from "./batcher.ts";
import { type Claim, Claims } from "./claims.ts";
import { type CommandChange, settleCommands } from "./command-ends.ts";
import { Doorbell } from "./doorbell.ts";
import type { Feed } from "./feed.ts";
import { giveUpRuns } from "./give-up.ts";
import type { Registry } from "./registry.ts";
import { type JournalTold, type Reconciliation, reconcile } from "./resume.ts";
import { applyReports, type ReportOutcome, type RunReport } from "./run-reports.ts";
import type { Delivery, OutputPiece, ResumeAnswer, RunResult } from "./session.ts";
import type { LiveSession } from "./sessions.ts";

interface LedgerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly feed: Feed;
  readonly registry: Registry;
  readonly outputLimitBytes: number;
}

interface StoppedRun {
  readonly id: string;
  readonly agent_number: number;
}

/** Items in one message to other processes. */
const MESSAGE_ITEMS = 1000;

/** Transactions are kept this small so that no one of them holds up the event loop. */
const MAX_BATCH = 200;
/** A command is stored in seconds, if at all. */
const HALF_WRITTEN_MS = 120_000;
/** Agents rung by one sweep; the next sweep rings the others. */
const MAX_SWEEP = 5000;

/**
 * The runs on their way: hands them to agents, takes what agents report, in shared transactions. Every change is stored
 * before its promise resolves and before anybody is told.
 */
export class Ledger {
  readonly claims: Claims;
  readonly #parts: LedgerParts;
  readonly #doorbell: Doorbell;
  readonly #take: Batcher<Claim, Delivery[]>;
  readonly #reports: Batcher<RunReport, number>;
  readonly #resumes: Batcher<JournalTold, Reconciliation>;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.claims = new Claims(parts.store);
    this.#doorbell = new Doorbell(parts.registry);
    this.#take = new Batcher(MAX_BATCH, (claims) => this.#claim(claims));
    this.#reports = new Batcher(MAX_BATCH, (reports) => this.#apply(reports));
    this.#resumes = new Batcher(MAX_BATCH, (journals) => this.#reconcile(journals));
    parts.bus.on("ring", ({ agents }) => this.#doorbell.ring(agents as AgentId[]));
    parts.bus.on("stop", ({ runs }) => this.#stopHere(runs.map((run) => ({ id: run.id, agent_number: run.agent }))));
  }

  /**
   * A process that starts alone finds what the last one left: what it sent to agents without a journal is lost to us, and
   * half-written commands are swept. Beside other processes both are theirs; of the dead ones `Processes` takes care.
   */
  async start(isAlone: boolean): Promise<void> {
    if (!isAlone) return;
    const now = this.#parts.clock.now();
    const changes = await this.#parts.store.transaction(async (queries) => {
      await queries.deleteFrom("commands").where("status", "=", "preparing").execute();
      const lost = await queries
        .updateTable("runs")
        .set({ status: "unknown", reason: "the server restarted after the command was sent", finished_at: now })
        .where("status", "=", "delivered")
        .where("journaled", "=", 0)
        .returning("command_number")
        .execute();
      return settleCommands(
        queries,
        lost.map((run) => run.command_number),
        { now, locking: this.#parts.store.dialect.locking },
      );
    });
    this.announce(changes);
  }

  /** Removes commands that some process began to store and did not finish; nobody sees them, and their key is free again. */
  async sweepHalfWritten(now: Timestamp): Promise<void> {
    await this.#parts.store.db
      .deleteFrom("commands")
      .where("status", "=", "preparing")
      .where("created_at", "<", now - HALF_WRITTEN_MS)
      .execute();
  }

  /** Resolves when everything reported so far is stored. */
  async settle(): Promise<void> {
    await this.#take.settle();
    await this.#reports.settle();
    await this.#resumes.settle();
  }

  /** Rings for agents whichever process holds them. */
  ring(agentIds: readonly AgentId[]): void {
    this.#doorbell.ring(agentIds);
    const elsewhere = agentIds.filter((id) => !this.#parts.registry.isHere(id));
    for (const agents of pieces(elsewhere)) this.#parts.bus.publish("ring", { agents });
  }

  async take(session: LiveSession, limit: number): Promise<Delivery[]> {
    const journaled = session.state.capabilities.has("journal");
    return this.#take.add({ agentNumber: session.agentNumber, journaled, limit });
  }

  /** Runs that were taken and could not be sent wait again. */
  async putBack(runIds: readonly RunId[]): Promise<void> {
    await this.#parts.store.db
      .updateTable("runs")
      .set({ status: "queued", delivered_at: null, deadline_at: null })
      .where("id", "in", [...runIds])
      .where("status", "=", "delivered")
      .execute();
  }

  async reportStarted(state: AgentState, runId: RunId, at: Timestamp | null): Promise<void> {
    await this.#reports.add({ kind: "started", agentNumber: state.number, runId, at });
  }

  reportOutput(state: AgentState, runId: RunId, pieces: readonly OutputPiece[]): Promise<number> {
    return this.#reports.add({ kind: "output", agentNumber: state.number, runId, pieces });
  }

  async reportFinished(state: AgentState, runId: RunId, result: RunResult): Promise<void> {
    await this.#reports.add({ kind: "finished", agentNumber: state.number, runId, result });
    workingSession(state)?.peer.onWork();
  }

  /** A connection that got work has ended. Without a journal, what was sent and not answered is now unknown. */
  connectionLost(state: AgentState): void {
    const remaining = workingSession(state);
    if (remaining?.known) void this.resume(state, remaining).catch(() => {});
    if (state.capabilities.has("journal")) return;
    void this.#reports.add({ kind: "lost", agentNumber: state.number }).catch(() => {}); // the sweep gives them up later
  }

  /** Compares an agent's journal with the ledger: what to stop, what to forget, what to send again. */
  async resume(state: AgentState, session: LiveSession): Promise<ResumeAnswer> {
    await this.#reports.settle();
    // while another connection claims the same id, only what is certain is decided
    const alone = countConnections(state) <= 1;
    const answer = await this.#resumes.add({ agentNumber: state.number, known: session.known ?? [], alone });
    this.#doorbell.ring([state.id]);
    return answer;
  }

  async #reconcile(journals: readonly JournalTold[]): Promise<Reconciliation[]> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const { answers, changes } = await store.transaction(async (queries) => {
      const answers = await reconcile(queries, journals, { now, dialect: store.dialect });
      const ended = answers.flatMap((answer) => answer.ended);
      return { answers, changes: await settleCommands(queries, ended, { now, locking: store.dialect.locking }) };
    });
    this.announce(changes);
    return answers;
  }

  /** Tells the agents of these runs to stop them, whichever process holds them. */
  stopRuns(runs: readonly StoppedRun[]): void {
    const elsewhere = this.#stopHere(runs).map((run) => ({ id: run.id, agent: run.agent_number }));
    for (const piece of pieces(elsewhere)) this.#parts.bus.publish("stop", { runs: piece });
  }

  /** Answers the runs whose agents are not connected here. */
  #stopHere(runs: readonly StoppedRun[]): StoppedRun[] {
    return runs.filter((run) => {
      const state = this.#parts.registry.getByNumber(run.agent_number);
      const session = state && workingSession(state);
      if (session?.state.capabilities.has("cancel")) session.peer.onCancel(run.id as RunId);
      return session === undefined;
    });
  }

  async #claim(claims: readonly Claim[]): Promise<Delivery[][]> {
    const { deliveries, claimed } = await this.claims.claim(claims, this.#parts.clock.now());
    if (this.#parts.feed.watched)
      for (const run of claimed) this.#publishRun(run.runId, run.commandId, run.agentNumber);
    return deliveries;
  }

  /** Tells everybody that these runs changed. */
  publishRuns(
    runs: readonly { readonly id: string; readonly command_id: string; readonly agent_number: number }[],
  ): void {
    if (!this.#parts.feed.watched) return;
    for (const run of runs) this.#publishRun(run.id, run.command_id, run.agent_number);
  }

  #publishRun(runId: string, commandId: string, agentNumber: number): void {
    const agentId = this.#parts.registry.getByNumber(agentNumber)?.id;
    if (agentId)
      this.#parts.feed.publish({ kind: "run", runId: runId as RunId, commandId: commandId as CommandId, agentId });
  }

  async #apply(reports: readonly RunReport[]): Promise<number[]> {
    const { store, clock, outputLimitBytes } = this.#parts;
    const now = clock.now();
    const { outcome, changes } = await store.transaction(async (queries) => {
      const outcome = await applyReports(queries, reports, { now, outputLimitBytes, locking: store.dialect.locking });
      const touched = [...outcome.ended].map((run) => run.command_number);
      return {
        outcome,
        changes: await settleCommands(queries, touched, { now, locking: this.#parts.store.dialect.locking }),
      };
    });
    this.#publishOutcome(outcome);
    this.announce(changes);
    this.stopRuns(outcome.toCancel);
    return [...outcome.results];
  }

  #publishOutcome(outcome: ReportOutcome): void {
    if (!this.#parts.feed.watched) return;
    for (const run of outcome.wrote) {
      this.#parts.feed.publish({ kind: "output", runId: run.id as RunId, commandId: run.command_id as CommandId });
    }
    this.publishRuns([...outcome.changed]);
  }

  /** Tells everybody what became of commands, and lets waiting runs move up where there is room. */
  announce(changes: readonly CommandChange[]): void {
    for (const change of changes) {
      if (change.stopped) this.claims.forget(change.number);
      this.#parts.feed.publish({ kind: "command", commandId: change.id as CommandId });
      if (change.limited && !change.stopped) void this.ringWaiting(change.number);
    }
  }

  /** Ends the runs whose time is over. Called about every second. */
  async giveUp(now: Timestamp): Promise<void> {
    const { changed, changes } = await giveUpRuns(this.#parts.store, this.#parts.registry, now);
    this.publishRuns(changed);
    this.announce(changes);
    this.stopRuns(changed);
  }

  /** The sweep behind the doorbell: rings for every connected agent with waiting runs. */
  async ringAllWaiting(): Promise<void> {
    const rows = await this.#parts.store.db
      .selectFrom("runs")
      .innerJoin("agents", "agents.number", "runs.agent_number")
      .select("agents.id")
      .distinct()
      .where("runs.status", "=", "queued")
      .where("agents.status", "!=", "offline")
      .limit(MAX_SWEEP)
      .execute();
    this.ring(rows.map((row) => row.id as AgentId));
  }

  /** A limited command has room: rings connected agents whose runs wait, in the order of the queue. */
  async ringWaiting(commandNumber: number): Promise<void> {
    await this.#parts.registry.flush(); // who is connected is read from the store
    const rows = await this.#parts.store.db
      .selectFrom("runs")
      .innerJoin("agents", "agents.number", "runs.agent_number")
      .select("agents.id")
      .where("runs.command_number", "=", commandNumber)
      .where("runs.status", "=", "queued")
      .where("agents.status", "!=", "offline")
      .orderBy("runs.number")
      .limit(MAX_BATCH)
      .execute()
      .catch(() => []); // the sweep rings again
    this.ring(rows.map((row) => row.id as AgentId));
  }
}

function* pieces<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += MESSAGE_ITEMS) yield items.slice(start, start + MESSAGE_ITEMS);
}
