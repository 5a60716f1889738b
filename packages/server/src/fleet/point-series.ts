import type { Timestamp } from "@muster/core";
import type { Readings } from "@muster/protocols/points";
import { countFields, joinRows, type MetricRow, packRow, unpackRow } from "../store/metric-row.ts";
import { Accumulator } from "./accumulator.ts";
import type { ExportedSeries } from "./metric-export.ts";
import type { PointOwner } from "./point-owners.ts";

/** Steps of one series that are closed and wait to be written, packed, by the time at which they began. */
export type ClosedRows = Map<Timestamp, Uint8Array>;

/** What a field takes in memory beside its name. */
const FIELD_COST = 64;

/** One measurement with its tags, of one agent: the step being gathered, and what is known of its place in the store. */
export class PointSeries {
  readonly owner: PointOwner;
  readonly measurement: string;
  /** JSON of the tags, keys sorted. */
  readonly labels: string;
  readonly fields: string[] = [];
  readonly gathering = new Accumulator(0);
  readonly closed: ClosedRows = new Map();
  /** Fields of all closed rows together. */
  closedCells = 0;
  /** What its names and the places of its fields cost, in characters. */
  cost: number;
  setNumber: number | null = null;
  /** Where each of our fields stands in the stored rows; shorter than `fields` while the store has to be told of new ones. */
  positions: readonly number[] = [];
  /** The newest step that this process wrote. */
  writtenThrough: Timestamp | null = null;
  /** When the gathered step began and when something came last, by our own clock. */
  openedAt = 0;
  touchedAt = 0;
  #described: { readonly positions: readonly number[]; readonly series: ExportedSeries } | undefined;
  readonly #index = new Map<string, number>();
  #values = new Float64Array(0);

  constructor(owner: PointOwner, source: { measurement: string; labels: string }) {
    this.owner = owner;
    this.measurement = source.measurement;
    this.labels = source.labels;
    this.cost = source.measurement.length + source.labels.length;
  }

  /** Adds a point's numbers to the step that is being gathered. Answers how many of its fields were no numbers. */
  add(readings: Readings, point: number, maxFields: number): number {
    const { names, values } = readings;
    const start = readings.startOf(point);
    const end = readings.ends[point] as number;
    let strings = 0;
    this.#values.fill(Number.NaN);
    for (let cell = start; cell < end; cell++) {
      const name = names[cell] as string;
      const value = values[cell] as number;
      // points of a series mostly name their fields in the same order
      let index = this.fields[cell - start] === name ? cell - start : this.#index.get(name);
      if (Number.isNaN(value)) strings += 1;
      else if (index === undefined) {
        index = this.#addField(name, maxFields);
        if (index === undefined) strings += 1;
      }
      if (index !== undefined) this.#values[index] = value;
    }
    this.gathering.add(readings.times[point] as Timestamp, this.#values);
    return strings;
  }

  /** Ends the step: it waits to be written, joined with what was gathered of it before. Answers how many more wait. */
  close(): number {
    const { gathering } = this;
    if (gathering.stepAt < 0) return 0;
    const added = this.putBack(gathering.stepAt, packRow(gathering.toRow(this.fields.length)));
    gathering.stepAt = -1;
    return added;
  }

  /** Keeps a row that could not be written, beside what came meanwhile. */
  putBack(at: Timestamp, packed: Uint8Array): number {
    const known = this.closed.get(at);
    const fields = this.fields.length;
    const kept = known ? packRow(joinRows([unpackRow(known, fields), unpackRow(packed, fields)], fields)) : packed;
    this.closed.set(at, kept);
    this.closedCells += countFields(kept) - (known ? countFields(known) : 0);
    return known ? 0 : 1;
  }

  /** A closed row that was told of is no longer kept here. */
  take(at: Timestamp, packed: Uint8Array): void {
    this.closed.delete(at);
    this.closedCells -= countFields(packed);
  }

  /** A row as it is stored: fields where the store has them, joined with what is stored of the same step. */
  arrange(packed: Uint8Array, stored: Uint8Array | undefined): Uint8Array {
    if (!stored && this.positions.every((position, index) => position === index)) return packed;
    const fields = Math.max(0, ...this.positions.map((position) => position + 1), stored ? countFields(stored) : 0);
    const arranged = arrange(unpackRow(packed, this.fields.length), this.positions, fields);
    return packRow(stored ? joinRows([unpackRow(stored, fields), arranged], fields) : arranged);
  }

  /** As another store shall know it: the fields in the order of stored rows, without those that are not ours. */
  describe(): ExportedSeries {
    if (this.#described?.positions === this.positions) return this.#described.series;
    const fields: string[] = [];
    for (const [index, position] of this.positions.entries()) fields[position] = this.fields[index] as string;
    const tags = JSON.parse(this.labels) as Record<string, string>;
    const series = { measurement: this.measurement, tags, fields: Array.from(fields, (field) => field ?? "") };
    this.#described = { positions: this.positions, series };
    return series;
  }

  /** Where the field stands; undefined when there is no room for it. */
  #addField(name: string, maxFields: number): number | undefined {
    if (this.fields.length >= maxFields) return undefined;
    const index = this.fields.push(copyText(name)) - 1;
    this.cost += name.length + FIELD_COST;
    this.#index.set(this.fields[index] as string, index);
    if (index >= this.#values.length) {
      const values = new Float64Array(Math.max(4, this.#values.length * 2)).fill(Number.NaN);
      values.set(this.#values);
      this.#values = values;
      this.gathering.grow(values.length);
    }
    return index;
  }
}

function arrange(row: MetricRow, positions: readonly number[], fields: number): MetricRow {
  const move = (values: Float64Array) => {
    const moved = new Float64Array(fields).fill(Number.NaN);
    for (const [index, position] of positions.entries()) moved[position] = values[index] ?? Number.NaN;
    return moved;
  };
  return { count: row.count, avg: move(row.avg), min: move(row.min), max: move(row.max) };
}

/** A piece of a body would keep all of it in memory. */
export function copyText(text: string): string {
  return Buffer.from(text).toString();
}
