import type { Timestamp } from "@muster/core";
import type { MetricRow } from "../store/metric-row.ts";

/** Numbers per field: how many readings, their sum, the least and the greatest. */
export const CELLS = 4;

/** Gathers the readings of one source during one step of the finest tier. Reused from step to step. */
export class Accumulator {
  /** Start of the step being gathered; -1 when none is. */
  stepAt: Timestamp = -1;
  /** The newest reading taken in, so that a repeated one is not counted twice. */
  lastAt: Timestamp = -1;
  count = 0;
  /** One array for all: there is one per agent, and each array costs some 300 bytes before it holds anything. */
  #cells: Float64Array;

  constructor(fields: number, cells = new Float64Array(fields * CELLS)) {
    this.#cells = cells;
  }

  /** Makes room for a source that tells more than it did. */
  grow(fields: number): void {
    const cells = new Float64Array(fields * CELLS);
    cells.set(this.#cells);
    for (let cell = this.#cells.length; cell < cells.length; cell += CELLS) {
      cells[cell + 2] = Number.POSITIVE_INFINITY;
      cells[cell + 3] = Number.NEGATIVE_INFINITY;
    }
    this.#cells = cells;
  }

  begin(stepAt: Timestamp): void {
    this.stepAt = stepAt;
    this.count = 0;
    const cells = this.#cells;
    for (let cell = 0; cell < cells.length; cell += CELLS) {
      cells[cell] = 0;
      cells[cell + 1] = 0;
      cells[cell + 2] = Number.POSITIVE_INFINITY;
      cells[cell + 3] = Number.NEGATIVE_INFINITY;
    }
  }

  add(at: Timestamp, values: Float64Array): void {
    this.lastAt = at;
    this.count++;
    const cells = this.#cells;
    for (let index = 0, cell = 0; index < values.length; index++, cell += CELLS) {
      const value = values[index] as number;
      if (Number.isNaN(value)) continue;
      cells[cell] = (cells[cell] as number) + 1;
      cells[cell + 1] = (cells[cell + 1] as number) + value;
      if (value < (cells[cell + 2] as number)) cells[cell + 2] = value;
      if (value > (cells[cell + 3] as number)) cells[cell + 3] = value;
    }
  }

  /** What was gathered so far, of as many fields as there is room for. */
  toRow(fields = this.#cells.length / CELLS): MetricRow {
    const cells = this.#cells;
    const avg = new Float64Array(fields).fill(Number.NaN);
    const min = avg.slice();
    const max = avg.slice();
    for (let index = 0, cell = 0; index < fields; index++, cell += CELLS) {
      const weight = cells[cell] as number;
      if (weight === 0) continue;
      avg[index] = (cells[cell + 1] as number) / weight;
      min[index] = cells[cell + 2] as number;
      max[index] = cells[cell + 3] as number;
    }
    return { count: this.count, avg, min, max };
  }
}
