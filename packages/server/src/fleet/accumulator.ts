import type { Timestamp } from "@muster/core";
import type { MetricRow } from "../store/metric-row.ts";

/** Gathers the readings of one source during one step of the finest tier. Reused from step to step. */
export class Accumulator {
  /** Start of the step being gathered; -1 when none is. */
  stepAt: Timestamp = -1;
  /** The newest reading taken in, so that a repeated one is not counted twice. */
  lastAt: Timestamp = -1;
  count = 0;
  readonly #sum: Float64Array;
  readonly #weight: Uint32Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;

  constructor(fields: number) {
    this.#sum = new Float64Array(fields);
    this.#weight = new Uint32Array(fields);
    this.#min = new Float64Array(fields);
    this.#max = new Float64Array(fields);
  }

  begin(stepAt: Timestamp): void {
    this.stepAt = stepAt;
    this.count = 0;
    this.#sum.fill(0);
    this.#weight.fill(0);
    this.#min.fill(Number.POSITIVE_INFINITY);
    this.#max.fill(Number.NEGATIVE_INFINITY);
  }

  add(at: Timestamp, values: Float64Array): void {
    this.lastAt = at;
    this.count++;
    for (let index = 0; index < values.length; index++) {
      const value = values[index] as number;
      if (Number.isNaN(value)) continue;
      this.#sum[index] = (this.#sum[index] as number) + value;
      this.#weight[index] = (this.#weight[index] as number) + 1;
      if (value < (this.#min[index] as number)) this.#min[index] = value;
      if (value > (this.#max[index] as number)) this.#max[index] = value;
    }
  }

  /** What was gathered so far. */
  toRow(): MetricRow {
    const fields = this.#sum.length;
    const avg = new Float64Array(fields);
    const min = new Float64Array(fields);
    const max = new Float64Array(fields);
    for (let index = 0; index < fields; index++) {
      const weight = this.#weight[index] as number;
      avg[index] = weight === 0 ? Number.NaN : (this.#sum[index] as number) / weight;
      min[index] = weight === 0 ? Number.NaN : (this.#min[index] as number);
      max[index] = weight === 0 ? Number.NaN : (this.#max[index] as number);
    }
    return { count: this.count, avg, min, max };
  }
}
