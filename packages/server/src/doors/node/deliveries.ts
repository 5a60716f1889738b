import type { CommandResult, ExecuteCommand, NativeCommand } from "@muster/protocols/node";
import type { Delivery, RunResult } from "../../fleet/session.ts";

/** The exit code of a command that ran out of time. */
const TIMED_OUT = 124;

/** Why an agent that is not ours cannot carry this out; undefined when it can. Its wire has one text and one timeout. */
export function refuseDelivery(delivery: Delivery): string | undefined {
  if (delivery.user !== null) return "this agent cannot run commands as another user";
  if (delivery.cwd !== null) return "this agent cannot run commands in another working directory";
  if (Object.keys(delivery.env).length > 0) return "this agent cannot set environment variables";
  return undefined;
}

/** One delivery on the wire; with `native` it carries all that our own agent understands. */
export function makeExecute(
  delivery: Delivery,
  native: { readonly graceMs: number; readonly outputLimitBytes: number; readonly sentAt: number } | undefined,
): ExecuteCommand {
  const execute = {
    command_id: delivery.runId,
    command_text: delivery.text ?? (delivery.argv ?? []).map(quoteForShell).join(" "),
    timeout: Math.ceil(delivery.timeoutMs / 1000),
  };
  if (!native) return execute;
  const muster: NativeCommand = {
    ...(delivery.argv ? { argv: delivery.argv } : {}),
    env: delivery.env,
    ...(delivery.cwd === null ? {} : { cwd: delivery.cwd }),
    ...(delivery.user === null ? {} : { user: delivery.user }),
    timeout_ms: delivery.timeoutMs,
    grace_ms: native.graceMs,
    output_limit_bytes: native.outputLimitBytes,
    expires_at: delivery.expiresAt,
    sent_at: native.sentAt,
  };
  return { ...execute, muster };
}

/** One word for a POSIX shell. */
function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A result in the fleet's words. `timeoutMs` is what the command was given, when this socket sent it. */
export function describeResult(
  result: CommandResult,
  context: { readonly isNative: boolean; readonly streams: boolean; readonly timeoutMs: number | undefined },
): RunResult {
  const native = context.isNative ? result.muster : undefined;
  const text = { stdout: Buffer.from(result.stdout, "utf8"), stderr: Buffer.from(result.stderr, "utf8") };
  const shared = { exitCode: result.exit_code, executionMs: result.execution_time_ms };
  if (!native) {
    const status = judgeForeign(result, context.timeoutMs);
    const reason = status === "failed" && result.exit_code === null ? "the agent told no exit code" : null;
    return { ...shared, status, reason, startedAt: null, output: text, cutBytes: 0, digest: null };
  }
  return {
    ...shared,
    status: native.state,
    reason: native.reason ?? null,
    startedAt: native.started_at ?? null,
    output: context.streams ? null : text,
    cutBytes: native.cut_bytes,
    digest: native.digest ?? null,
  };
}

/**
 * 124 and no code mean a timeout, unless the command cannot have run that long: both are also what a command may end
 * with by itself.
 */
function judgeForeign(result: CommandResult, timeoutMs: number | undefined): "succeeded" | "failed" | "timed_out" {
  if (result.exit_code === 0) return "succeeded";
  if (result.exit_code !== TIMED_OUT && result.exit_code !== null) return "failed";
  const ranOut = timeoutMs === undefined || result.execution_time_ms >= timeoutMs * 0.9;
  return ranOut ? "timed_out" : "failed";
}
