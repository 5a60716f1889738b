import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { CancelTimer, Clock } from "@muster/core";

/** What is kept running. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface SupervisorOptions {
  readonly program: Program;
  readonly clock: Clock;
  /** Told when the program ended by itself: how, and when it is started again (null: never). */
  readonly onExit: (how: string, restartInMs: number | null) => void;
}

const FIRST_RESTART_MS = 1000;
const LAST_RESTART_MS = 30_000;
/** After this long it counts as having worked, and the next failure is a first one. */
const HEALTHY_MS = 60_000;
/** From SIGTERM to SIGKILL. */
const STOP_GRACE_MS = 4000;
/** The program refuses its configuration: starting it again would change nothing. */
const EXIT_MISTAKE = 2;

/**
 * Keeps one child process running and starts it again with growing pauses. The child holds one end of a channel, so
 * it notices when this process is gone, however that happened.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #child: ChildProcess | null = null;
  #cancelRestart: CancelTimer = () => undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Null while none runs. */
  get child(): ChildProcess | null {
    return this.#child;
  }

  start(): void {
    const { program, clock } = this.#options;
    const startedAt = clock.monotonic();
    const child = spawn(program.command, program.args, {
      env: program.env,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    let over = false;
    const end = (how: string, canRestart: boolean) => {
      if (over) return;
      over = true;
      this.#child = null;
      if (!this.#stopped) this.#plan(how, { canRestart, aliveMs: clock.monotonic() - startedAt });
    };
    child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`, code !== EXIT_MISTAKE));
    child.once("error", (error) => end(error.message, true));
  }

  /** Ends the child in order, or by force after a grace. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRestart();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    const cancelKill = this.#options.clock.after(STOP_GRACE_MS, () => child.kill("SIGKILL"));
    child.kill("SIGTERM");
    await exited;
    cancelKill();
  }

  #plan(how: string, { canRestart, aliveMs }: { canRestart: boolean; aliveMs: number }): void {
    if (!canRestart) {
      this.#options.onExit(how, null);
      return;
    }
    if (aliveMs >= HEALTHY_MS) this.#failures = 0;
    const restartInMs = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#options.onExit(how, restartInMs);
    this.#cancelRestart = this.#options.clock.after(restartInMs, () => this.start());
  }
}
