import type { Clock } from "@muster/core";
import { ServiceTrouble } from "./failure.ts";

/** What bounds a reading: the runtime's signal, and the time that the options give it. */
export interface Deadline {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Whom is waited for, for the message. */
  readonly place: string;
}

/**
 * Runs a task that ends when its time is over or the signal is aborted, whichever is first. The task gets a signal; it is
 * not waited for after that, so that a library that ignores signals holds nobody up.
 */
export async function withDeadline<Value>(
  deadline: Deadline,
  task: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { clock, signal, timeoutMs, place } = deadline;
  signal.throwIfAborted();
  const own = new AbortController();
  const stop = () => own.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const cancel = clock.after(timeoutMs, () => {
    own.abort(new ServiceTrouble(`no answer from ${place} within ${formatSeconds(timeoutMs)}`));
  });
  const ended = Promise.withResolvers<never>();
  own.signal.addEventListener("abort", () => ended.reject(own.signal.reason), { once: true });
  const running = task(own.signal);
  running.catch(() => {}); // after its time it may fail unheard
  try {
    return await Promise.race([running, ended.promise]);
  } catch (error) {
    // a library that was told to stop says so in its own words; ours say why
    throw own.signal.aborted ? own.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", stop);
    ended.promise.catch(() => {});
  }
}

function formatSeconds(ms: number): string {
  return `${Math.round(ms) / 1000} s`;
}
