import { type ChildProcess, spawn } from "node:child_process";
import { onEnd, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

export interface LaunchOptions {
  /** Default: the Node that runs the test. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to a small, clean environment: PATH, HOME, LANG and whom to trust in TLS. No MUSTER_… variable of the developer leaks in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it as this user and group instead of the test's own; only root may. */
  readonly uid?: number;
  /** What it reads from its standard input; nothing by default. */
  readonly input?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process whose output is kept (the last 4 MiB), and which is killed when its scope ends. */
export class LaunchedProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = "";
  stderr = "";
  #exit: Exit | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout = keepEnd(this.stdout + text);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = keepEnd(this.stderr + text);
    });
    this.exited = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#exit ??= { code, signal };
        resolve(this.#exit);
      };
      child.once("close", finish);
      child.once("error", (error) => {
        this.stderr += `\n${error.message}`;
        finish(null, null);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`it never started: ${this.stderr}`);
    return this.child.pid;
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  get output(): string {
    return `${this.stdout}\n${this.stderr}`;
  }

  /** The first match in what it has written, on either stream; fails early when it has exited without writing it. */
  async waitForOutput(pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    const found = await waitUntil(`output that matches ${pattern}`, () => pattern.exec(this.output) ?? this.#exit, {
      timeoutMs,
      explain: () => this.describe(),
    });
    if (Array.isArray(found)) return found as unknown as RegExpExecArray;
    throw new Error(`it exited without writing ${pattern}\n${this.describe()}`);
  }

  /** Sends a signal to this process only; resolves when it has exited. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 15_000): Promise<Exit> {
    if (!this.#exit) this.child.kill(signal);
    await waitUntil(`an exit after ${signal}`, () => this.#exit, { timeoutMs, explain: () => this.describe() });
    return this.exited;
  }

  describe(): string {
    const state = this.#exit ? `exited ${this.#exit.code ?? this.#exit.signal}` : "running";
    return `--- ${this.child.spawnargs.join(" ")} (${state})\n${this.stdout.slice(-8000)}\n--- stderr\n${this.stderr.slice(-8000)}`;
  }
}

/** Starts a process that is killed, at the latest, when the scope ends. */
export function launchProcess(scope: Scope, options: LaunchOptions): LaunchedProcess {
  const { PATH = "/usr/bin:/bin", HOME = "/", LANG = "C.UTF-8", TMPDIR, NODE_EXTRA_CA_CERTS } = process.env;
  const child = spawn(options.command ?? process.execPath, options.args, {
    cwd: options.cwd,
    env: {
      PATH,
      HOME,
      LANG,
      ...(TMPDIR === undefined ? {} : { TMPDIR }),
      ...(NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS }),
      ...options.env,
    },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.on("error", () => {}).end(options.input); // it may exit without reading
  const launched = new LaunchedProcess(child);
  onEnd(scope, async () => {
    if (launched.exit) return;
    child.kill("SIGKILL");
    await launched.exited;
  });
  return launched;
}

function keepEnd(text: string): string {
  const limit = 4 * 1024 * 1024;
  return text.length > limit ? text.slice(-limit / 2) : text;
}
