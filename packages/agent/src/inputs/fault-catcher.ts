import { AsyncLocalStorage } from "node:async_hooks";

type OnFault = (error: unknown) => void;

/**
 * Finds out whose fault it is when something is thrown where nobody waits: in a timer, an event or a promise that a
 * collector forgot. Without it one careless collector would end the agent and every other collector with it. What no
 * collector caused ends the process as it always did.
 */
export class FaultCatcher {
  readonly #context = new AsyncLocalStorage<OnFault>();
  #uses = 0;

  /** Runs `task`; whatever it starts and throws later is told to `onFault`. What it throws itself is thrown. */
  run<Result>(onFault: OnFault, task: () => Result): Result {
    return this.#context.run(onFault, task);
  }

  /** Listens while at least one user has called it and not released it. Returns what releases it. */
  hold(): () => void {
    this.#uses += 1;
    if (this.#uses === 1) {
      process.on("uncaughtException", this.#onThrown);
      process.on("unhandledRejection", this.#onThrown);
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#uses -= 1;
      if (this.#uses > 0) return;
      process.off("uncaughtException", this.#onThrown);
      process.off("unhandledRejection", this.#onThrown);
    };
  }

  readonly #onThrown = (error: unknown): void => {
    const onFault = this.#context.getStore();
    if (!onFault) throw error;
    onFault(error);
  };
}
