import { hasCode } from "@muster/core";

interface Call<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects calls and answers them together: while one batch is at work the next one gathers, so that a lone call waits
 * for nothing and a storm shares transactions. Batches run one after another, in the order of the calls. Whoever brings
 * something that cannot be stored fails alone: the others of its batch are tried again without it.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #maxItems: number;
  #waiting: Call<Item, Result>[] = [];
  #busy = false;

  /** `run` answers as many results as it was given items, in their order; when it throws, nothing of it was done. */
  constructor(maxItems: number, run: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#maxItems = maxItems;
    this.#run = run;
  }

  /** How many calls wait for a batch. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      setImmediate(() => void this.#work());
    });
  }

  /** Resolves when everything added so far is done, whatever came of it. */
  async settle(): Promise<void> {
    while (this.#busy) await new Promise((resolve) => setImmediate(resolve));
  }

  async #work(): Promise<void> {
    const batch = this.#waiting.slice(0, this.#maxItems);
    this.#waiting = this.#waiting.slice(this.#maxItems);
    await this.#answer(batch);
    if (this.#waiting.length === 0) this.#busy = false;
    else setImmediate(() => void this.#work()); // lets sockets be served between batches
  }
  async #answer(calls: readonly Call<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(calls.map((call) => call.item));
      for (const [index, call] of calls.entries()) call.resolve(results[index] as Result);
    } catch (error) {
      // a store that is away fails them all, and asking it once for each would only take longer
      if (calls.length <= 1 || hasCode(error, "unavailable")) for (const call of calls) call.reject(error);
      else for (const call of calls) await this.#answer([call]);
    }
  }
}
