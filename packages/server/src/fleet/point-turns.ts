import type { Clock } from "@muster/core";
import type { Turns } from "@muster/protocols/points";

/** How long one body may keep everybody else waiting. */
const SLICE_MS = 8;

interface TurnParts {
  readonly clock: Pick<Clock, "monotonic">;
  /** Calls back once others had their turn. */
  readonly yieldNow?: (goOn: () => void) => void;
}

/** Shares the event loop among bodies that take long: of those that wait, one goes on each time that others had their turn. */
export class TurnQueue {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #yieldNow: (goOn: () => void) => void;
  readonly #waiting: (() => void)[] = [];

  constructor({ clock, yieldNow = setImmediate }: TurnParts) {
    this.#clock = clock;
    this.#yieldNow = yieldNow;
  }

  /** The turns of one body, the first of which begins now. */
  begin(): Turns {
    const clock = this.#clock;
    const wait = () => this.#wait();
    let endsAt = clock.monotonic() + SLICE_MS;
    return {
      get isOver() {
        return clock.monotonic() >= endsAt;
      },
      async next() {
        await wait();
        endsAt = clock.monotonic() + SLICE_MS;
      },
    };
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#yieldNow(() => this.#letOneGoOn());
    });
  }

  #letOneGoOn(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) this.#yieldNow(() => this.#letOneGoOn());
  }
}
