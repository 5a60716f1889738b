/**
 * Collects calls and answers them together: while one batch is at work the next one gathers, so that a lone call waits
 * for nothing and a storm shares transactions. Batches run one after another, in the order of the calls.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #maxItems: number;
  #waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #busy = false;

  /** `run` answers as many results as it was given items, in their order; when it throws, every caller is told. */
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
    try {
      const results = await this.#run(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
    if (this.#waiting.length === 0) this.#busy = false;
    else setImmediate(() => void this.#work()); // lets sockets be served between batches
  }
}
