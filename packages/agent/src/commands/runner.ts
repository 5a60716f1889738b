import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Clock, MusterError } from "@muster/core";
import type { Journal, JournalEntry, RunEnd, RunOrder } from "../journal.ts";
import { errorText, type Logger } from "../log.ts";
import { type PolicyFile, refuseExec } from "../policy.ts";
import { endTree, listTree, type TreeRoot } from "./process-tree.ts";
import { type Account, resolveRunAs } from "./run-as.ts";
import { endAfterCrash, endOfProcess, endWithoutStart } from "./run-end.ts";
import { RunOutput } from "./run-output.ts";
import { chooseFolder, RunProcess } from "./run-process.ts";
import { Spool } from "./spool.ts";

/** A run that the server does not have everything of yet. */
export interface HeldRun {
  readonly id: string;
  readonly order: RunOrder | undefined;
  state: "accepted" | "started" | "finished";
  startedAt?: number;
  /** What it wrote; absent until it starts. */
  spool?: Spool;
  /** How it ended. Told to the server only once the state is "finished": then it is on disk. */
  end?: RunEnd;
}

/** Told what happens to runs, in order. Called from the runner's own turn; must not throw. */
export interface RunnerListener {
  onStarted(run: HeldRun): void;
  onOutput(run: HeldRun): void;
  onFinished(run: HeldRun): void;
}

export interface RunnerOptions {
  readonly folder: string;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly policy: PolicyFile;
  /** What commands inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly listener: RunnerListener;
  /** Runs at once; more wait. */
  readonly maxRunning?: number;
  readonly maxWaiting?: number;
}

interface Slot extends HeldRun {
  process?: RunProcess;
  /** Where it is on its way to its process; absent: an earlier agent accepted it and it waits for the server's word. */
  stage?: "checking" | "waiting" | "starting" | "ending";
  cancelRequested?: boolean;
  /** The server has its result already or gave it up: nothing is sent when it ends. */
  forgotten?: boolean;
}

/**
 * Carries out commands. A run is journaled before it starts and started at most once, whatever crashes in between; it
 * always ends in a named state, which is kept with its output until `settle`.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #runs = new Map<string, Slot>();
  readonly #waiting: Slot[] = [];
  readonly #recovering = new Set<Promise<void>>();
  #running = 0;
  #isStopping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    mkdirSync(this.#spoolFolder, { recursive: true, mode: 0o700 });
  }

  /** Takes over what the journal holds. Runs that an earlier process had started end as unknown; their processes are ended. */
  restore(): void {
    const entries = this.#options.journal.listUnsettled();
    const kept = new Set(entries.map((entry) => this.#spoolName(entry.id)));
    for (const name of readdirSync(this.#spoolFolder)) {
      if (!kept.has(name)) rmSync(join(this.#spoolFolder, name), { force: true });
    }
    for (const entry of entries) this.#restoreRun(entry);
  }

  /** Every run that is not settled, oldest first. */
  list(): readonly HeldRun[] {
    return [...this.#runs.values()];
  }

  find(id: string): HeldRun | undefined {
    return this.#runs.get(id);
  }

  /** Takes a command. A repeat starts nothing; when its run is over, its end is reported again. */
  async accept(order: RunOrder): Promise<void> {
    const known = this.#runs.get(order.id);
    if (known) {
      if (known.state === "finished") this.#options.listener.onFinished(known);
      return;
    }
    const run: Slot = { id: order.id, order, state: "accepted", stage: "checking" };
    this.#runs.set(order.id, run);
    if (this.#options.journal.find(order.id)) {
      return this.#refuse(run, "unknown", "it was carried out before, and its result was handed over");
    }
    const reason = await this.#refuseOrder(order);
    if (reason !== undefined) return this.#refuse(run, "rejected", reason);
    try {
      await this.#options.journal.append({ kind: "accepted", id: run.id, order });
    } catch (error) {
      return this.#refuse(run, "rejected", errorText(error));
    }
    if (run.cancelRequested) return this.#refuse(run, "cancelled", "before it started");
    this.#enqueue(run);
    this.#startWaiting();
  }

  /** Starts what was accepted by an earlier process. Called once the server had the chance to cancel it. */
  resumeAccepted(): void {
    for (const run of this.#runs.values()) {
      if (run.state === "accepted" && run.stage === undefined) this.#enqueue(run);
    }
    this.#startWaiting();
  }

  /** Stops a run's whole process tree, or keeps it from starting. Unknown runs are ignored. */
  cancel(id: string, graceMs: number): void {
    const run = this.#runs.get(id);
    if (!run || run.state === "finished") return;
    run.cancelRequested = true;
    run.process?.stop("cancelled", graceMs);
    // one that is being checked or started sees the request itself; one that is started already is handled above
    if (run.state === "started" || run.stage === "checking" || run.stage === "starting") return;
    const index = this.#waiting.indexOf(run);
    if (index !== -1) this.#waiting.splice(index, 1);
    void this.#refuse(run, "cancelled", "before it started");
  }

  /** The server has a run's result and output: nothing of it is kept but the fact that it was. */
  async settle(id: string): Promise<void> {
    const run = this.#runs.get(id);
    if (!run) return;
    if (run.state !== "finished") {
      run.forgotten = true;
      // one that has not started must not start for a server that knows nothing of it
      if (run.state === "accepted") this.cancel(id, 0);
      return;
    }
    this.#runs.delete(id);
    run.spool?.remove();
    await this.#options.journal.append({ kind: "settled", id }).catch((error: unknown) => {
      this.#options.log.warn("settled run not journaled", { runId: id, reason: errorText(error) });
    });
  }

  /** Ends every running command and waits for it. What only waits stays in the journal and is started next time. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const running = [...this.#runs.values()].filter((run) => run.process && run.state !== "finished");
    for (const run of running) run.process?.stop("stopped", graceMs);
    await Promise.all(running.map((run) => run.process?.done));
    await Promise.all(this.#recovering);
  }

  get #spoolFolder(): string {
    return join(this.#options.folder, "spool");
  }

  /** Ids come from outside: a hash of one is always a file name. */
  #spoolName(id: string): string {
    return `${createHash("sha256").update(id).digest("hex").slice(0, 32)}.jsonl`;
  }

  #spoolPath(id: string): string {
    return join(this.#spoolFolder, this.#spoolName(id));
  }

  async #refuseOrder(order: RunOrder): Promise<string | undefined> {
    if (this.#isStopping) return "the agent is stopping";
    if (this.#waiting.length >= (this.#options.maxWaiting ?? 64)) return "too many commands are waiting on this host";
    if (this.#isExpired(order)) return "it came after it had expired";
    if (Object.keys(order.env).some((name) => name === "" || /[=\0]/.test(name)))
      return "an environment name is not valid";
    try {
      const account = resolveRunAs(order.user ?? undefined);
      const cwd = chooseFolder(order, account);
      const searchPath = order.env.PATH ?? this.#options.environment.PATH ?? "/usr/bin:/bin";
      const { user, argv } = order;
      return refuseExec(await this.#options.policy.load(), { user, cwd, argv, searchPath });
    } catch (error) {
      if (error instanceof MusterError) return error.message;
      throw error;
    }
  }

  #isExpired(order: RunOrder): boolean {
    return order.expiresAt !== null && this.#options.clock.now() >= order.expiresAt;
  }

  #enqueue(run: Slot): void {
    run.stage = "waiting";
    this.#waiting.push(run);
  }

  #startWaiting(): void {
    while (!this.#isStopping && this.#running < (this.#options.maxRunning ?? 8)) {
      const run = this.#waiting.shift();
      if (!run) return;
      run.stage = "starting";
      this.#running += 1;
      void this.#carryOut(run).finally(() => {
        this.#running -= 1;
        this.#startWaiting();
      });
    }
  }

  async #carryOut(run: Slot): Promise<void> {
    const { order } = run;
    const { clock, journal } = this.#options;
    if (!order) return;
    if (this.#isExpired(order)) return this.#refuse(run, "rejected", "it expired before it could start");
    try {
      const account = resolveRunAs(order.user ?? undefined);
      run.spool = Spool.create(this.#spoolPath(run.id));
      await journal.append({ kind: "starting", id: run.id, at: clock.now() });
      if (run.cancelRequested) return await this.#refuse(run, "cancelled", "before it started");
      if (this.#isStopping) return await this.#refuse(run, "rejected", "the agent is stopping");
      await this.#runProcess(run, order, { account, spool: run.spool });
    } catch (error) {
      await this.#refuse(run, "rejected", errorText(error));
    }
  }

  async #runProcess(run: Slot, order: RunOrder, tools: { account: Account | undefined; spool: Spool }): Promise<void> {
    const { clock, journal, listener } = this.#options;
    const limitBytes = order.outputLimitBytes;
    const output = new RunOutput({ spool: tools.spool, clock, limitBytes, onChunk: () => listener.onOutput(run) });
    const startedAt = clock.now();
    const since = clock.monotonic();
    const process = new RunProcess({
      order,
      account: tools.account,
      clock,
      environment: this.#options.environment,
      onOutput: (stream, bytes) => output.write(stream, bytes),
    });
    run.process = process;
    run.state = "started";
    run.startedAt = startedAt;
    if (process.pid !== undefined) {
      const startedTicks = process.startedTicks ?? null;
      journal.append({ kind: "started", id: run.id, pid: process.pid, startedTicks }).catch(() => {});
      listener.onStarted(run);
    }
    const end = await process.done;
    const executionMs = clock.monotonic() - since;
    const summary = output.end();
    tools.spool.close();
    await this.#finish(run, endOfProcess(end, summary, { startedAt, finishedAt: clock.now(), executionMs }));
  }

  async #refuse(run: Slot, state: "rejected" | "cancelled" | "unknown", reason: string): Promise<void> {
    this.#options.log.info("run not started", { runId: run.id, state, reason });
    await this.#finish(run, endWithoutStart(state, reason, this.#options.clock.now()));
  }

  async #finish(run: Slot, end: RunEnd): Promise<void> {
    if (run.stage === "ending") return;
    run.stage = "ending";
    run.end = end;
    delete run.process;
    await this.#options.journal.append({ kind: "finished", id: run.id, end }).catch((error: unknown) => {
      // the end is still told while this process lives; after a crash it is told as unknown
      this.#options.log.error("finished run not journaled", { runId: run.id, reason: errorText(error) });
    });
    run.state = "finished";
    if (run.forgotten) await this.settle(run.id);
    else this.#options.listener.onFinished(run);
  }

  #restoreRun(entry: JournalEntry): void {
    const state = entry.end ? "finished" : entry.startingAt === undefined ? "accepted" : "started";
    const run: Slot = { id: entry.id, order: entry.order, state };
    if (entry.end) run.end = entry.end;
    if (entry.startingAt !== undefined) run.startedAt = entry.startingAt;
    if (state !== "accepted") run.spool = Spool.reopen(this.#spoolPath(entry.id));
    this.#runs.set(entry.id, run);
    if (state !== "started") return;
    const recovery = this.#endOrphan(run, entry).finally(() => this.#recovering.delete(recovery));
    this.#recovering.add(recovery);
  }

  async #endOrphan(run: Slot, entry: JournalEntry): Promise<void> {
    const { clock, log } = this.#options;
    const root: TreeRoot = {
      runId: entry.id,
      ...(entry.pid === undefined ? {} : { pid: entry.pid }),
      ...(typeof entry.startedTicks === "number" ? { startedAt: entry.startedTicks } : {}),
    };
    const count = listTree(root).length;
    log.warn("run was interrupted", { runId: entry.id, processes: count });
    if (count > 0) await endTree(root, clock, entry.order?.graceMs ?? 5000);
    const spool = run.spool ?? Spool.reopen(this.#spoolPath(entry.id));
    const left = count > 0 ? `; its ${count} remaining processes were ended` : "";
    const reason = `the agent restarted while it ran${left}`;
    const times = { finishedAt: clock.now(), ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }) };
    await this.#finish(run, endAfterCrash(spool, reason, times));
  }
}
