import { type Clock, newMessageId } from "@muster/core";
import { RunProcess } from "../commands/run-process.ts";

/** What a hook writes is kept so far from its beginning and its end, in bytes. */
const KEPT_HEAD = 1000;
const KEPT_TAIL = 2000;
const GRACE_MS = 1000;

export interface HookOptions {
  /** A program of this host's own configuration; nothing from afar can name one. */
  readonly program: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export interface HookCall {
  readonly name: string;
  readonly path: string;
  readonly kind: string;
  readonly change: "given" | "removed";
}

/** Runs `<program> <name> <path> <kind>`. Resolves with why it refuses the change, undefined when it does not. Never rejects. */
export async function runHook(options: HookOptions, call: HookCall): Promise<string | undefined> {
  const { program, timeoutMs, environment, clock } = options;
  const output = new KeptOutput();
  const run = new RunProcess({
    order: {
      ...{ id: `config-hook-${newMessageId()}`, envelopeId: "", text: null, cwd: "/", user: null, expiresAt: null },
      argv: [program, call.name, call.path, call.kind],
      env: { MUSTER_CONFIG_CHANGE: call.change },
      ...{ timeoutMs, graceMs: GRACE_MS, outputLimitBytes: KEPT_HEAD + KEPT_TAIL },
    },
    account: undefined,
    environment,
    clock,
    onOutput: (_stream, bytes) => output.add(bytes),
  });
  const end = await run.done;
  if (end.spawnError !== undefined) return `the hook could not be started: ${end.spawnError}`;
  if (end.cause === "timed_out" || end.gaveUp) return output.after(`the hook did not end within ${timeoutMs / 1000} s`);
  return end.exitCode === 0 ? undefined : output.after(`the hook ended with exit code ${end.exitCode}`);
}

/** The beginning and the end of what was written. */
class KeptOutput {
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);
  #cut = 0;

  add(bytes: Buffer): void {
    const room = KEPT_HEAD - this.#head.length;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, room)]);
    const tail = Buffer.concat([this.#tail, bytes.subarray(room)]);
    const excess = Math.max(0, tail.length - KEPT_TAIL);
    this.#cut += excess;
    this.#tail = tail.subarray(excess);
  }

  after(reason: string): string {
    const between = this.#cut === 0 ? [] : [Buffer.from(`\n[${this.#cut} bytes left out]\n`)];
    const text = Buffer.concat([this.#head, ...between, this.#tail]).toString("utf8");
    const clean = text.replace(/[^\P{Cc}\n\t]/gu, "").trim();
    return clean === "" ? reason : `${reason}: ${clean}`;
  }
}
