import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import type { Clock } from "@muster/core";
import { readProcessStart } from "../../../commands/process-table.ts";
import { endTree, RUN_MARK } from "../../../commands/process-tree.ts";
import { ServiceTrouble } from "./failure.ts";

/** What every program finds; the agent's own environment holds its token, and is nobody else's. */
export const PROGRAM_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  LC_ALL: "C.UTF-8",
} as const;

/** Between TERM and KILL. */
const GRACE_MS = 500;
const MAX_ERROR = 4096;

export interface ProgramRun {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Of standard output; beyond it the run has failed. */
  readonly maxBytes: number;
}

export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly output: Buffer;
  /** The beginning of what it wrote to standard error, in one line. */
  readonly error: string;
}

/**
 * Runs a program without a shell, in a group of its own, and waits for its end and for that of its output. When its time
 * is over, it writes too much or the signal is aborted, it is ended with all that it started, and the run rejects.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  run.signal.throwIfAborted();
  const [program = "", ...args] = run.argv;
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  let [size, errorSize] = [0, 0];
  const over = Promise.withResolvers<ProgramEnd>();
  const mark = `input-${randomUUID()}`;
  const child = start(program, args, { ...run, environment: { ...run.environment, [RUN_MARK]: mark } });
  let isEnding = false;
  const fail = (reason: unknown) => {
    over.reject(reason);
    if (isEnding) return;
    isEnding = true;
    void endAll(child, mark, run.clock);
  };
  child.once("error", (error) => over.reject(describeStart(error, program)));
  child.stdout?.on("data", (piece: Buffer) => {
    size += piece.length;
    if (size <= run.maxBytes) output.push(piece);
    else fail(new ServiceTrouble(`${program} wrote more than ${run.maxBytes} bytes`));
  });
  child.stderr?.on("data", (piece: Buffer) => {
    if (errorSize < MAX_ERROR) errors.push(piece);
    errorSize += piece.length;
  });
  child.once("close", (exitCode) => {
    const error = Buffer.concat(errors).toString("utf8").slice(0, MAX_ERROR).trim().replace(/\s+/g, " ");
    over.resolve({ exitCode, output: Buffer.concat(output), error });
  });
  const cancel = run.clock.after(run.timeoutMs, () => {
    fail(new ServiceTrouble(`${program} ran longer than ${run.timeoutMs / 1000} s and was ended`));
  });
  const stop = () => fail(run.signal.reason);
  run.signal.addEventListener("abort", stop, { once: true });
  try {
    return await over.promise;
  } finally {
    cancel();
    run.signal.removeEventListener("abort", stop);
  }
}

function start(program: string, args: readonly string[], { environment, cwd }: ProgramRun): ChildProcess {
  try {
    return spawn(program, args, {
      cwd: cwd ?? "/",
      env: { ...PROGRAM_ENVIRONMENT, HOME: homedir(), ...environment },
      detached: process.platform !== "win32", // a group of its own, so that it can be ended whole
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (error) {
    throw describeStart(error, program);
  }
}

function describeStart(error: unknown, program: string): ServiceTrouble {
  const code = (error as NodeJS.ErrnoException).code ?? "error";
  if (code === "ENOENT") return new ServiceTrouble(`there is no program ${program}`);
  if (code === "EACCES") return new ServiceTrouble(`${program} must not be run by the agent's user`);
  return new ServiceTrouble(`${program} could not be started (${code})`);
}

/** Ends the program and everything that it started, also what left its group: the mark in the environment tells. */
async function endAll(child: ChildProcess, mark: string, clock: Clock): Promise<void> {
  const { pid } = child;
  const startedAt = pid === undefined ? undefined : readProcessStart(pid);
  if (process.platform === "win32") child.kill();
  else if (pid !== undefined) {
    const root = { runId: mark, isChild: true, pid, ...(startedAt === undefined ? {} : { startedAt }) };
    await endTree(root, clock, GRACE_MS);
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}
