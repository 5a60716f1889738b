import { type Clock, hasCode, MusterError } from "@muster/core";
import type { Command, OutputChunk, Run } from "@muster/core/resources";
import type { LiveClient, LiveEventFor, MusterClient } from "@muster/sdk";
import { RunStream } from "./run-stream.ts";
import { isFinal } from "./words.ts";

/** Who is told what happens to a command. Calls come in order; after `onRunEnd` nothing more of that run. */
export interface CommandListener {
  onChunk(run: Run, chunk: OutputChunk): void;
  /** A run changed; also called for its end, before `onRunEnd`. */
  onRun(run: Run): void;
  /** The run has ended and everything it wrote was told. */
  onRunEnd(run: Run): void;
  onCommand(command: Command): void;
}

export interface WatchOptions {
  readonly client: MusterClient;
  readonly clock: Clock;
  readonly listener: CommandListener;
  /** False: only states, no output. */
  readonly output: boolean;
  /** Leaves without waiting for the end. */
  readonly signal: AbortSignal;
}

/** How the command stood when the watch ended. */
export interface WatchOutcome {
  readonly command: Command;
  readonly runs: readonly Run[];
}

const POLL_MS = 2000;
/** While the live stream works, the stored state is still looked at now and then. */
const POLLS_WHILE_LIVE = 10;
const PARALLEL_COMPLETIONS = 8;

/**
 * Follows a command to its end over the live stream. Where that cannot be had (a proxy without WebSocket, a server
 * that restarts) the same facts are polled for, so the end is always seen and no output is lost.
 */
export class CommandWatch {
  readonly #options: WatchOptions;
  readonly #live: LiveClient;
  readonly #runs = new Map<string, Run>();
  readonly #streams = new Map<string, RunStream>();
  readonly #ended = new Set<string>();
  readonly #finished = Promise.withResolvers<void>();
  #command: Command;
  #polls = 0;
  #refreshing: Promise<void> | null = null;

  constructor(command: Command, options: WatchOptions) {
    this.#command = command;
    this.#options = options;
    this.#live = options.client.live({ clock: options.clock });
    // a refusal may come before anybody waits; `follow` still gets it
    this.#finished.promise.catch(() => undefined);
  }

  /** Resolves when the command has ended or the signal was aborted. */
  async follow(): Promise<WatchOutcome> {
    const { clock, signal, output } = this.#options;
    const leave = () => this.#finished.resolve();
    signal.addEventListener("abort", leave, { once: true });
    const cancelPolling = clock.every(POLL_MS, () => this.#poll());
    try {
      await this.#refresh();
      if (this.#command.finishedAt === null && !signal.aborted) {
        this.#live.subscribe({ op: "command", commandId: this.#command.id, output }, (event) => this.#onEvent(event));
        await this.#finished.promise;
      }
      if (!signal.aborted) await this.#conclude();
      return { command: this.#command, runs: [...this.#runs.values()] };
    } finally {
      signal.removeEventListener("abort", leave);
      cancelPolling();
      this.#live.close();
    }
  }

  #onEvent(event: LiveEventFor<"command">): void {
    if (event.event === "command") this.#onCommand(event.command);
    else if (event.event === "run") this.#onRun(event.run);
    else if (event.event === "output") this.#streamOf(event.runId)?.accept(event.chunks);
    else if (event.event === "lagged") this.#refreshSoon();
    else if (event.event === "error") {
      this.#finished.reject(new MusterError("unavailable", `the live stream refused: ${event.message}`));
    }
  }

  #onCommand(command: Command): void {
    this.#command = command;
    this.#options.listener.onCommand(command);
    // a cancelled or halted command still has runs under way: their ends are its end
    if (command.finishedAt !== null) this.#finished.resolve();
  }

  #onRun(run: Run): void {
    const known = this.#runs.get(run.id);
    // an older state must not undo an end that was told
    if (this.#ended.has(run.id) || (known && isFinal(known) && !isFinal(run))) return;
    this.#runs.set(run.id, run);
    this.#options.listener.onRun(run);
    if (isFinal(run)) void this.#endRun(run).catch(() => undefined);
  }

  /** A failure leaves the run for the conclusion, which asks again and reports. */
  async #endRun(run: Run): Promise<void> {
    if (this.#options.output) await this.#streamOf(run.id)?.complete(run);
    if (this.#ended.has(run.id)) return;
    this.#ended.add(run.id);
    this.#options.listener.onRunEnd(run);
  }

  #streamOf(runId: string): RunStream | undefined {
    if (!this.#runs.has(runId) || this.#ended.has(runId)) return undefined;
    let stream = this.#streams.get(runId);
    if (!stream) {
      stream = new RunStream(this.#options.client, runId, (chunk) => {
        const run = this.#runs.get(runId);
        if (run) this.#options.listener.onChunk(run, chunk);
      });
      this.#streams.set(runId, stream);
    }
    return stream;
  }

  #poll(): void {
    this.#polls += 1;
    if (this.#live.state.phase !== "open" || this.#polls % POLLS_WHILE_LIVE === 0) this.#refreshSoon();
  }

  #refreshSoon(): void {
    this.#refreshing ??= this.#refresh()
      .catch((error: unknown) => {
        // the server may be restarting: the command goes on without us, and so do we
        if (!hasCode(error, "unavailable")) this.#finished.reject(error);
      })
      .finally(() => {
        this.#refreshing = null;
      });
  }

  async #refresh(): Promise<void> {
    const command = await this.#options.client.commands.get(this.#command.id);
    for await (const run of this.#options.client.commands.allRuns(command.id)) this.#onRun(run);
    this.#onCommand(command);
  }

  /** The stored state is the truth: it is read once more, and every run is told to its end. */
  async #conclude(): Promise<void> {
    await this.#refresh();
    const open = [...this.#runs.values()].filter((run) => isFinal(run) && !this.#ended.has(run.id));
    const conclude = async () => {
      for (let run = open.pop(); run; run = open.pop()) await this.#endRun(run);
    };
    await Promise.all(Array.from({ length: PARALLEL_COMPLETIONS }, conclude));
  }
}
