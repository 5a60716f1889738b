/** An instant: integer milliseconds since the Unix epoch, UTC. */
export type Timestamp = number;

/** Ends a timer; calling it twice is harmless. */
export type CancelTimer = () => void;

/**
 * Where time comes from. The system's clock in production, a manual one in tests.
 * `now` may jump when somebody sets the host's clock; `monotonic` never goes back and is only good for differences.
 */
export interface Clock {
  now(): Timestamp;
  /** Milliseconds since an arbitrary start, with fractions. */
  monotonic(): number;
  /** Calls `task` once after `delayMs`. Timers do not keep the process alive. */
  after(delayMs: number, task: () => void): CancelTimer;
  /** Calls `task` every `intervalMs` until cancelled. Timers do not keep the process alive. */
  every(intervalMs: number, task: () => void): CancelTimer;
}

/** The only place that reads the system's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    unref(timer);
    return () => clearTimeout(timer);
  },
  every(intervalMs, task) {
    const timer = setInterval(task, intervalMs);
    unref(timer);
    return () => clearInterval(timer);
  },
};

/** Browsers' timers are numbers and have nothing to unref. */
function unref(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
}

/** Resolves after `delayMs` of the given clock, or at once when the signal is aborted. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener("abort", finish, { once: true });
  });
}

/** RFC 3339 with milliseconds and `Z`. */
export function toIso(at: Timestamp): string {
  return new Date(at).toISOString();
}

/** The last instant that RFC 3339 can write: the end of the year 9999. */
const LATEST: Timestamp = 253_402_300_799_999;

/** An instant as a stranger tells it, brought into what a date can be written for: the years 1970 to 9999. */
export function clampInstant(at: number): Timestamp {
  return Math.max(0, Math.min(Math.trunc(at), LATEST));
}

/** The instant of an RFC 3339 text, or undefined when it is none. A missing offset is refused, since its meaning is a guess. */
export function parseIso(text: string): Timestamp | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const at = Date.parse(text.replace(" ", "T"));
  return Number.isNaN(at) ? undefined : at;
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "500ms", "30s", "5m", "2h", "7d" in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) return undefined;
  const unit = DURATION_UNITS[match[2] ?? ""] ?? 1;
  return Math.round(Number(match[1]) * unit);
}

/** The shortest exact form of a duration: 90000 → "90s", 3600000 → "1h". */
export function formatDuration(durationMs: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = DURATION_UNITS[unit] ?? 1;
    if (durationMs >= size && durationMs % size === 0) return `${durationMs / size}${unit}`;
  }
  return `${durationMs}ms`;
}
