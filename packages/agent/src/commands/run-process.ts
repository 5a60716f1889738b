import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { homedir, constants as osConstants } from "node:os";
import { type CancelTimer, type Clock, delay } from "@muster/core";
import type { RunOrder } from "../journal.ts";
import { readProcessStart } from "./process-table.ts";
import { endTree, RUN_MARK, type TreeRoot } from "./process-tree.ts";
import type { Account } from "./run-as.ts";

/** After the main process has exited, what it wrote is read this long: a background process may hold the pipe for ever. */
const DRAIN_MS = 500;
/** A process that survives KILL this long (stuck in the kernel) is given up. */
const GIVE_UP_MS = 5000;

/** Why a run was stopped from outside. */
export type StopCause = "timed_out" | "cancelled" | "stopped";

/** How a run's main process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly cause: StopCause | undefined;
  /** Set when it could not be started at all. */
  readonly spawnError?: string;
  readonly gaveUp?: boolean;
}

export interface RunProcessOptions {
  readonly order: RunOrder;
  readonly account: Account | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Buffer) => void;
}

/** A command's process tree while it runs. `done` never rejects and resolves once, when all is over. */
export class RunProcess {
  readonly done: Promise<ProcessEnd>;
  readonly pid: number | undefined;
  /** The leader's start in ticks, where the system tells. */
  readonly startedTicks: number | undefined;
  readonly #order: RunOrder;
  readonly #clock: Clock;
  readonly #child: ChildProcess | undefined;
  #cause: StopCause | undefined;
  #ending: Promise<void> | undefined;
  #cancelTimeout: CancelTimer | undefined;
  #resolve: (end: ProcessEnd) => void = () => {};
  #isOver = false;

  constructor(options: RunProcessOptions) {
    this.#order = options.order;
    this.#clock = options.clock;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    try {
      this.#child = startChild(options);
    } catch (error) {
      // text with a zero byte, an unusable folder: nothing was started
      this.#finish({ exitCode: 127, signal: null, spawnError: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.pid = this.#child.pid;
    this.startedTicks = this.pid === undefined ? undefined : readProcessStart(this.pid);
    this.#watch(this.#child, options);
  }

  /** Stops the whole tree: TERM, then KILL after the grace. The first cause counts. */
  stop(cause: StopCause, graceMs: number): void {
    if (this.#isOver || this.#ending) return;
    this.#cause = cause;
    this.#ending = endTree(this.#root(), this.#clock, graceMs).then(() => this.#giveUpLater());
  }

  #root(): TreeRoot {
    return {
      runId: this.#order.id,
      isChild: true,
      ...(this.pid === undefined ? {} : { pid: this.pid }),
      ...(this.startedTicks === undefined ? {} : { startedAt: this.startedTicks }),
    };
  }

  #watch(child: ChildProcess, options: RunProcessOptions): void {
    child.stdout?.on("data", (bytes: Buffer) => options.onOutput("stdout", bytes));
    child.stderr?.on("data", (bytes: Buffer) => options.onOutput("stderr", bytes));
    for (const stream of [child.stdout, child.stderr]) stream?.on("error", () => {});
    child.once("error", (error) => {
      if (child.pid === undefined) this.#finish({ exitCode: 127, signal: null, spawnError: error.message });
    });
    child.once("exit", (code, signal) => void this.#drain(child, { code, signal }));
    this.#cancelTimeout = this.#clock.after(this.#order.timeoutMs, () => this.stop("timed_out", this.#order.graceMs));
  }

  async #drain(child: ChildProcess, exit: { code: number | null; signal: NodeJS.Signals | null }): Promise<void> {
    this.#cancelTimeout?.();
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const ended = new AbortController();
    await Promise.race([closed, delay(this.#clock, DRAIN_MS, ended.signal)]);
    ended.abort();
    child.stdout?.destroy();
    child.stderr?.destroy();
    await this.#ending; // a cancelled run is over when its whole tree is
    const number = exit.signal === null ? 0 : (osConstants.signals[exit.signal] ?? 0);
    this.#finish({ exitCode: exit.code ?? 128 + number, signal: exit.signal });
  }

  async #giveUpLater(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#clock.after(GIVE_UP_MS, () => this.#finish({ exitCode: null, signal: null, gaveUp: true }));
  }

  #finish(end: Omit<ProcessEnd, "cause">): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimeout?.();
    this.#resolve({ ...end, cause: this.#cause });
  }
}

/** Where a command starts when nothing was asked for: the home of the user it runs as. */
export function chooseFolder(order: RunOrder, account: Account | undefined): string {
  return order.cwd ?? account?.home ?? homedir();
}

function startChild(options: RunProcessOptions): ChildProcess {
  const { order, account } = options;
  const [program, ...args] = order.argv ?? shellCommand(order.text ?? "");
  if (program === undefined || program === "") throw new Error("there is no program to run");
  const wanted = chooseFolder(order, account);
  const cwd = isFolder(wanted) ? wanted : "/";
  // spawn blames the program when the folder is missing; a folder that was asked for must be there
  if (order.cwd !== null && cwd !== wanted) throw new Error("the working directory does not exist");
  return spawn(program, args, {
    cwd,
    env: buildEnvironment(options),
    detached: true, // a session and group of its own, so that the tree can be told apart
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  });
}

function shellCommand(text: string): string[] {
  return process.platform === "win32" ? ["cmd.exe", "/d", "/s", "/c", text] : ["/bin/sh", "-c", text];
}

/** The agent's environment without its own settings (one is its token), the account's, and what was asked for. */
function buildEnvironment(options: RunProcessOptions): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.environment)) {
    if (value !== undefined && !name.startsWith("MUSTER_")) environment[name] = value;
  }
  const { account } = options;
  if (account) {
    const { name, home, shell } = account;
    Object.assign(environment, { HOME: home, USER: name, LOGNAME: name, SHELL: shell });
  }
  return { ...environment, ...options.order.env, [RUN_MARK]: options.order.id };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
