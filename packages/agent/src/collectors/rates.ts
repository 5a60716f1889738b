/** Turns counters that only grow into rates per second. */
export class Rates {
  #before = new Map<string, Float64Array>();
  #now = new Map<string, Float64Array>();
  #atBefore = Number.NaN;
  #seconds = 0;

  /** Begins a reading, at an instant of the monotonic clock. */
  begin(atMs: number): void {
    [this.#before, this.#now] = [this.#now, this.#before];
    this.#now.clear();
    this.#seconds = (atMs - this.#atBefore) / 1000;
    this.#atBefore = atMs;
  }

  /**
   * The rates of one source since the reading before; undefined when it is new. A counter that went back (a reset, a
   * wrap) counts as standing still.
   */
  next(name: string, counters: readonly number[]): number[] | undefined {
    const before = this.#before.get(name);
    this.#now.set(name, Float64Array.from(counters));
    if (!before || !(this.#seconds > 0)) return undefined;
    return counters.map((counter, index) => Math.max(0, counter - (before[index] ?? counter)) / this.#seconds);
  }
}
