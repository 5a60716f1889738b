import type { CancelTimer, Clock, Timestamp } from "@muster/core";
import type { Store } from "./store.ts";

const READ_EVERY_MS = 5000;

/**
 * Time as the database tells it, so that all processes agree and a jump of one machine's clock changes nothing. Between
 * readings it goes on with the monotonic clock; until the first one it is this machine's.
 */
export class StoreClock implements Clock {
  readonly #system: Clock;
  /** The database's time minus our monotonic time. */
  #offset: number | undefined;
  #stop: CancelTimer | undefined;

  constructor(system: Clock) {
    this.#system = system;
  }

  /** Reads the database's clock now and again and again; does nothing where the database has none of its own. */
  async start(store: Store): Promise<void> {
    await this.#read(store);
    if (this.#offset === undefined) return;
    this.#stop = this.#system.every(READ_EVERY_MS, () => {
      this.#read(store).catch(() => {}); // the offset goes on as it was
    });
  }

  stop(): void {
    this.#stop?.();
  }

  now(): Timestamp {
    return this.#offset === undefined ? this.#system.now() : Math.round(this.#offset + this.#system.monotonic());
  }

  monotonic(): number {
    return this.#system.monotonic();
  }

  after(delayMs: number, task: () => void): CancelTimer {
    return this.#system.after(delayMs, task);
  }

  every(intervalMs: number, task: () => void): CancelTimer {
    return this.#system.every(intervalMs, task);
  }

  async #read(store: Store): Promise<void> {
    const before = this.#system.monotonic();
    const now = await store.readClock();
    const after = this.#system.monotonic();
    // half of the round trip is the best guess; a slow answer says less than what is known already
    if (now !== undefined && (this.#offset === undefined || after - before < 200))
      this.#offset = now - (before + after) / 2;
  }
}
