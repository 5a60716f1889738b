import type { NativeResult } from "@muster/protocols/node";
import type { RunEnd } from "../journal.ts";
import type { OutputSummary } from "./run-output.ts";
import { chunkBytes } from "./run-output.ts";
import type { ProcessEnd } from "./run-process.ts";
import type { Spool } from "./spool.ts";

const NO_OUTPUT: OutputSummary = { stdoutBytes: 0, stderrBytes: 0, cutBytes: 0, lastSeq: -1 };

interface EndTimes {
  readonly startedAt?: number;
  readonly finishedAt: number;
  readonly executionMs?: number;
}

/** The end of a run whose process is over. */
export function endOfProcess(process: ProcessEnd, output: OutputSummary, times: EndTimes): RunEnd {
  const { state, reason } = nameEnd(process);
  const exitCode = state === "timed_out" ? 124 : process.exitCode;
  return buildEnd({ state, exitCode, output, times, ...(reason === undefined ? {} : { reason }) });
}

/** The end of a run that was never started. */
export function endWithoutStart(state: "rejected" | "cancelled" | "unknown", reason: string, at: number): RunEnd {
  return buildEnd({ state, reason, exitCode: null, output: NO_OUTPUT, times: { finishedAt: at } });
}

/** The end of a run that an earlier agent process had started: what it came to cannot be known. */
export function endAfterCrash(spool: Spool, reason: string, times: EndTimes): RunEnd {
  return buildEnd({ state: "unknown", reason, exitCode: null, output: summarizeSpool(spool), times });
}

interface EndParts {
  readonly state: NativeResult["state"];
  readonly reason?: string;
  readonly exitCode: number | null;
  readonly output: OutputSummary;
  readonly times: EndTimes;
}

function buildEnd(parts: EndParts): RunEnd {
  const { output, times } = parts;
  return {
    exitCode: parts.exitCode,
    executionMs: Math.max(0, Math.round(times.executionMs ?? 0)),
    result: {
      state: parts.state,
      ...(parts.reason === undefined ? {} : { reason: parts.reason }),
      ...(times.startedAt === undefined ? {} : { started_at: times.startedAt }),
      finished_at: times.finishedAt,
      stdout_bytes: output.stdoutBytes,
      stderr_bytes: output.stderrBytes,
      cut_bytes: output.cutBytes,
      last_seq: output.lastSeq,
      ...(output.digest === undefined ? {} : { digest: output.digest }),
    },
  };
}

function nameEnd(process: ProcessEnd): { state: NativeResult["state"]; reason?: string } {
  if (process.spawnError !== undefined) return { state: "failed", reason: `not started: ${process.spawnError}` };
  if (process.gaveUp) return { state: "unknown", reason: "its processes could not be killed" };
  if (process.cause === "timed_out") return { state: "timed_out", reason: "the time was up" };
  if (process.cause === "cancelled") return { state: "cancelled" };
  if (process.cause === "stopped") return { state: "failed", reason: "the agent was stopped while it ran" };
  if (process.signal !== null) return { state: "failed", reason: `killed by ${process.signal}` };
  return { state: process.exitCode === 0 ? "succeeded" : "failed" };
}

function summarizeSpool(spool: Spool): OutputSummary {
  const sizes = { stdout: 0, stderr: 0 };
  let cutBytes = 0;
  for (const stream of ["stdout", "stderr"] as const) {
    for (const chunk of spool.readAll(stream)) {
      sizes[stream] += chunkBytes(chunk).length + (chunk.cut ?? 0);
      cutBytes += chunk.cut ?? 0;
    }
  }
  return { stdoutBytes: sizes.stdout, stderrBytes: sizes.stderr, cutBytes, lastSeq: spool.lastSeq };
}
