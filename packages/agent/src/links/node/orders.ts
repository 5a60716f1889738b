import type { Clock } from "@muster/core";
import type { Envelope, ExecuteCommand } from "@muster/protocols/node";
import type { RunOrder } from "../../journal.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_GRACE_MS = 5000;
const MAX_GRACE_MS = 600_000;
/** A timer of Node cannot be set further ahead. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const DEFAULT_OUTPUT_BYTES = 1024 * 1024;
/** The tail of a stream is held in memory until it ends, so an agent sets its own upper bound. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** A command as it came, in the agent's words. Its expiry is moved to the agent's clock by the difference at sending. */
export function readOrder(frame: Envelope<"execute_command", ExecuteCommand>, clock: Clock): RunOrder {
  const { data } = frame;
  const native = data.muster;
  const timeoutMs = native?.timeout_ms ?? data.timeout * 1000;
  return {
    id: data.command_id,
    envelopeId: frame.id,
    text: native?.argv ? null : data.command_text,
    argv: native?.argv ?? null,
    env: native?.env ?? {},
    cwd: native?.cwd ?? null,
    user: native?.user ?? null,
    timeoutMs: clamp(timeoutMs, { min: 1, max: MAX_TIMEOUT_MS, fallback: DEFAULT_TIMEOUT_MS }),
    graceMs: clamp(native?.grace_ms, { min: 0, max: MAX_GRACE_MS, fallback: DEFAULT_GRACE_MS }),
    outputLimitBytes: clamp(native?.output_limit_bytes, {
      min: 0,
      max: MAX_OUTPUT_BYTES,
      fallback: DEFAULT_OUTPUT_BYTES,
    }),
    expiresAt: native ? clock.now() + (native.expires_at - native.sent_at) : null,
  };
}

function clamp(value: number | undefined, range: { min: number; max: number; fallback: number }): number {
  if (value === undefined || !Number.isFinite(value)) return range.fallback;
  return Math.min(Math.max(Math.round(value), range.min), range.max);
}
