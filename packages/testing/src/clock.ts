import type { CancelTimer, Clock, Timestamp } from "@muster/core";

interface Timer {
  readonly order: number;
  readonly task: () => void;
  /** Undefined for a timer that fires once. */
  readonly intervalMs: number | undefined;
  dueAt: number;
}

/** 2026-01-01T00:00:00Z: a round instant, so that a wrong offset is seen at once. */
const DEFAULT_START: Timestamp = Date.UTC(2026, 0, 1);

/**
 * A clock that stands still until told to move. Timers fire inside `advance`, in the order in which they are due and,
 * for the same instant, in the order in which they were set; a timer set by a timer fires too when it is due in time.
 */
export class ManualClock implements Clock {
  #elapsedMs = 0;
  #startAt: Timestamp;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startAt: Timestamp = DEFAULT_START) {
    this.#startAt = startAt;
  }

  now(): Timestamp {
    return this.#startAt + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, task: () => void): CancelTimer {
    return this.#add(delayMs, undefined, task);
  }

  every(intervalMs: number, task: () => void): CancelTimer {
    // a period of zero would never let `advance` end; the system's clock rounds it up to one as well
    const period = Math.max(1, intervalMs);
    return this.#add(period, period, task);
  }

  /** How many timers are set: zero after everything was closed. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time forward and runs what becomes due, synchronously. */
  advance(ms: number): void {
    const target = this.#elapsedMs + ms;
    for (let next = this.#nextDue(target); next; next = this.#nextDue(target)) this.#fire(next);
    this.#elapsedMs = target;
  }

  /** Like `advance`, but lets promises settle before and after each timer, for code that awaits between them. */
  async advanceAndSettle(ms: number): Promise<void> {
    const target = this.#elapsedMs + ms;
    await settle();
    for (let next = this.#nextDue(target); next; next = this.#nextDue(target)) {
      this.#fire(next);
      await settle();
    }
    this.#elapsedMs = target;
    await settle();
  }

  /** Sets the wall clock forward or back, as an administrator would: `monotonic` and the timers do not notice. */
  jump(ms: number): void {
    this.#startAt += ms;
  }

  #add(delayMs: number, intervalMs: number | undefined, task: () => void): CancelTimer {
    this.#order += 1;
    const timer: Timer = { order: this.#order, task, intervalMs, dueAt: this.#elapsedMs + Math.max(0, delayMs) };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  #nextDue(target: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt > target) continue;
      if (!next || timer.dueAt < next.dueAt || (timer.dueAt === next.dueAt && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueAt);
    if (timer.intervalMs === undefined) this.#timers.delete(timer);
    else timer.dueAt += timer.intervalMs;
    timer.task();
  }
}

/** Gives pending promises and finished I/O a few turns of the event loop. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
