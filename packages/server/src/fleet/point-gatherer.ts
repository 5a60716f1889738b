import type { Clock, Timestamp } from "@muster/core";
import type { Readings, Series, Turns } from "@muster/protocols/points";
import { countFields } from "../store/metric-row.ts";
import { TIERS } from "../store/metrics.ts";
import { placeSeries, readStoredRows } from "../store/point-sets.ts";
import type { Store } from "../store/store.ts";
import type { MetricExport } from "./metric-export.ts";
import type { History } from "./metric-history.ts";
import type { PointOwner } from "./point-owners.ts";
import { copyText, PointSeries } from "./point-series.ts";

interface GathererParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly history: History;
  /** Where rows go as well; behind our own store, since the journal keeps them until both have them. */
  readonly export?: Pick<MetricExport, "takeWritten"> | undefined;
  /** Rows could not be written since their agents are gone. */
  readonly onOrphans: () => void;
}

/** What was left out of what was taken in, by the reason. */
export interface PointCounters {
  rowsWritten: number;
  readonly dropped: {
    /** Fields that are no numbers, or more than a series may have. */
    strings: number;
    /** Points whose time makes no sense. */
    time: number;
    /** Points of series beyond the limits, and steps for which no memory is left. */
    cardinality: number;
    /** Points of hosts beyond the limit. */
    hosts: number;
    /** Rows of agents that were deleted. */
    orphans: number;
  };
}

const STEP_MS = TIERS[0].stepMs;
/** A step is closed this long after it began, when no later point closed it before. */
const CLOSE_AFTER_MS = 12_000;
const ROWS_PER_TRANSACTION = 2_000;
/** Beyond, nothing more is taken in until the store is back. */
const MAX_PENDING = 200_000;
/** The same in fields of rows, each of which takes 24 bytes: one row may be a thousand times as wide as another. */
const MAX_PENDING_CELLS = 4_000_000;
/** What one more body may add to them; the rest of its points is dropped. */
const MOST_PENDING_CELLS = 2 * MAX_PENDING_CELLS;
const DAY_MS = 86_400_000;
/** Points and their values between two looks at whether the turn is over. */
const WORK_PER_LOOK = 500;

export const SERIES_LIMITS = {
  /** Of one agent. */
  perAgent: 5_000,
  /** Of all agents that write to this process. */
  total: 300_000,
  fields: 1024,
  /** Characters that names of one agent's series take, and of all: one series may cost as much as a thousand others. */
  costPerAgent: 16 * 1024 * 1024,
  costTotal: 256 * 1024 * 1024,
  /** A series that is silent for so long is forgotten here; its history stays. */
  idleMs: 600_000,
} as const;

/** What the labels of a point are, with the host's tag and without: it says nothing where it names the agent itself. */
interface SeriesNames {
  readonly measurement: string;
  readonly host: string | undefined;
  readonly all: string;
  readonly withoutHost: string;
}

/** The series of one agent, by their labels. */
interface OwnedSeries {
  readonly byLabels: Map<string, PointSeries>;
  cost: number;
}

/** Where points go that follow each other and are of one series. */
interface GatherTarget {
  readonly series: Series;
  readonly owner: PointOwner | undefined;
  readonly known: OwnedSeries | undefined;
  found: PointSeries | undefined;
  readonly now: number;
}

interface PendingRow {
  readonly series: PointSeries;
  readonly at: Timestamp;
  readonly packed: Uint8Array;
}

/** Gathers measurements by series and steps of 10 s, and writes closed steps in batches. */
export class PointGatherer {
  readonly counters: PointCounters = {
    rowsWritten: 0,
    dropped: { strings: 0, time: 0, cardinality: 0, hosts: 0, orphans: 0 },
  };
  readonly #parts: GathererParts;
  readonly #byOwner = new Map<number, OwnedSeries>();
  /** Series with a step being gathered, the one that began first in front. */
  readonly #open = new Set<PointSeries>();
  readonly #waiting = new Set<PointSeries>();
  /** What a series is called, by its tags: lines with the same text share them. */
  readonly #names = new WeakMap<Series["tags"], SeriesNames>();
  #seriesCount = 0;
  #cost = 0;
  #pending = 0;
  #pendingCells = 0;
  #flushing: Promise<void> = Promise.resolve();
  #tidiedAt = 0;

  constructor(parts: GathererParts) {
    this.#parts = parts;
  }

  /** Rows that wait to be written. */
  get pending(): number {
    return this.#pending;
  }

  get isFull(): boolean {
    return this.#pending >= MAX_PENDING || this.#pendingCells >= MAX_PENDING_CELLS;
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  /** Waits for nothing but its turns. Points whose series have no owner are dropped. */
  async gather(readings: Readings, ownerOf: (series: Series) => PointOwner | undefined, turns: Turns): Promise<void> {
    const latest = this.#parts.clock.now() + DAY_MS;
    let target: GatherTarget | undefined;
    let work = 0;
    for (let point = 0; point < readings.length; point++) {
      work += 1 + (readings.ends[point] as number) - readings.startOf(point);
      if (work >= WORK_PER_LOOK) {
        work = 0;
        if (turns.isOver) {
          await turns.next();
          // whatever was known may be forgotten meanwhile
          target = undefined;
        }
      }
      const series = readings.series[point] as Series;
      if (target?.series !== series) target = this.#aim(series, ownerOf(series));
      this.#gatherOne(readings, point, { target, latest });
    }
  }

  closeOwner(ownerNumber: number): void {
    for (const series of this.#byOwner.get(ownerNumber)?.byLabels.values() ?? []) this.#close(series);
  }

  closeAll(): void {
    for (const series of this.#open) this.#close(series);
  }

  /** Closes steps that nothing has closed for long. */
  closeOld(): void {
    const now = this.#parts.clock.monotonic();
    for (const series of this.#open) {
      if (now - series.openedAt < CLOSE_AFTER_MS) break;
      this.#close(series);
    }
    this.#tidy(now);
  }

  /** Writes every closed step, or those of one agent. What cannot be written stays. */
  flush(ownerNumber?: number): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writePending(ownerNumber));
    return this.#flushing;
  }

  #seriesOf(ownerNumber: number): OwnedSeries {
    let known = this.#byOwner.get(ownerNumber);
    if (!known) {
      known = { byLabels: new Map(), cost: 0 };
      this.#byOwner.set(ownerNumber, known);
    }
    return known;
  }

  #aim(series: Series, owner: PointOwner | undefined): GatherTarget {
    const known = owner && this.#seriesOf(owner.number);
    return { series, owner, known, found: undefined, now: this.#parts.clock.monotonic() };
  }

  #gatherOne(
    readings: Readings,
    point: number,
    { target, latest }: { readonly target: GatherTarget; readonly latest: Timestamp },
  ): void {
    const { dropped } = this.counters;
    const at = readings.times[point] as Timestamp;
    const { owner, known } = target;
    if (!owner || !known) dropped.hosts += 1;
    else if (at < 1 || at > latest) dropped.time += 1;
    else if (this.#pendingCells >= MOST_PENDING_CELLS) dropped.cardinality += 1;
    else {
      target.found ??= this.#find(owner, known, target.series);
      if (!target.found) dropped.cardinality += 1;
      else {
        this.#enterStep(target.found, at, target.now);
        this.#add(known, target.found, { readings, point });
      }
    }
  }

  #find(owner: PointOwner, known: OwnedSeries, series: Series): PointSeries | undefined {
    const names = this.#namesOf(series);
    const isOwn = names.host === owner.hostname || names.host === owner.name;
    const labels = isOwn ? names.withoutHost : names.all;
    const found = known.byLabels.get(labels);
    if (found) return found;
    if (known.byLabels.size >= SERIES_LIMITS.perAgent || this.#seriesCount >= SERIES_LIMITS.total) return undefined;
    if (!this.#hasRoom(known, labels.length)) return undefined;
    const text = copyText(labels);
    const start = text.indexOf("\n") + 1;
    const made = new PointSeries(owner, { measurement: copyText(series.measurement), labels: text.slice(start) });
    known.byLabels.set(text, made);
    this.#seriesCount += 1;
    this.#addCost(known, made.cost);
    return made;
  }

  #hasRoom(known: OwnedSeries, cost: number): boolean {
    return known.cost + cost <= SERIES_LIMITS.costPerAgent && this.#cost + cost <= SERIES_LIMITS.costTotal;
  }

  #addCost(known: OwnedSeries, cost: number): void {
    known.cost += cost;
    this.#cost += cost;
  }

  #namesOf({ measurement, tags }: Series): SeriesNames {
    const known = this.#names.get(tags);
    if (known?.measurement === measurement) return known;
    const { host, ...rest } = tags;
    const head = `${measurement.replaceAll("\n", " ")}\n`;
    const withoutHost = head + JSON.stringify(sortTags(rest));
    const all = host === undefined ? withoutHost : head + JSON.stringify(sortTags(tags));
    const names = { measurement, host, all, withoutHost };
    this.#names.set(tags, names);
    return names;
  }

  /** Begins the step that holds `at`, unless it is the one being gathered. */
  #enterStep(series: PointSeries, at: Timestamp, now: number): void {
    const stepAt = at - (at % STEP_MS);
    if (series.gathering.stepAt !== stepAt) {
      this.#close(series);
      series.gathering.begin(stepAt);
      series.openedAt = now;
      this.#open.add(series);
    }
    series.touchedAt = now;
  }

  #add(known: OwnedSeries, series: PointSeries, { readings, point }: { readings: Readings; point: number }): void {
    const { cost } = series;
    const maxFields = this.#hasRoom(known, 0) ? SERIES_LIMITS.fields : series.fields.length;
    this.counters.dropped.strings += series.add(readings, point, maxFields);
    if (series.cost !== cost) this.#addCost(known, series.cost - cost);
  }

  #close(series: PointSeries): void {
    this.#open.delete(series);
    const { closedCells } = series;
    this.#pending += series.close();
    this.#pendingCells += series.closedCells - closedCells;
    if (series.closed.size > 0) this.#waiting.add(series);
  }

  async #writePending(ownerNumber: number | undefined): Promise<void> {
    for (;;) {
      const rows = this.#takeRows(ownerNumber);
      if (rows.length === 0) return;
      try {
        await this.#write(rows);
      } catch {
        const alive = await this.#withoutOrphans(rows);
        for (const { series, at, packed } of alive) {
          const { closedCells } = series;
          this.#pending += series.putBack(at, packed);
          this.#pendingCells += series.closedCells - closedCells;
          this.#waiting.add(series);
        }
        if (alive.length < rows.length) continue;
        return; // the store is away: the rows stay, and the next flush tries again
      }
      this.counters.rowsWritten += rows.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Steps of one series follow each other, since they lie on one page of the database. */
  #takeRows(ownerNumber: number | undefined): PendingRow[] {
    const rows: PendingRow[] = [];
    const owned = ownerNumber === undefined ? undefined : this.#byOwner.get(ownerNumber)?.byLabels.values();
    for (const series of ownerNumber === undefined ? this.#waiting : (owned ?? [])) {
      for (const [at, packed] of series.closed) {
        rows.push({ series, at, packed });
        series.take(at, packed);
        this.#pendingCells -= countFields(packed);
        if (rows.length >= ROWS_PER_TRANSACTION) break;
      }
      if (series.closed.size === 0) this.#waiting.delete(series);
      if (rows.length >= ROWS_PER_TRANSACTION) break;
    }
    this.#pending -= rows.length;
    return rows;
  }

  async #write(rows: readonly PendingRow[]): Promise<void> {
    const { store, history } = this.#parts;
    // before the transaction, which may be tried again
    const unplaced = new Set<PointSeries>();
    for (const { series } of rows)
      if (series.setNumber === null || series.positions.length < series.fields.length) unplaced.add(series);
    const written = await store.transaction(async (queries) => {
      await placeSeries(queries, [...unplaced], store.dialect);
      // only this process writes to a database that is not shared, and it knows how far it got
      const old = rows.filter(
        ({ series, at }) => store.dialect.shared || series.writtenThrough === null || at <= series.writtenThrough,
      );
      const places = old.map(({ series, at }) => ({ set_number: series.setNumber ?? 0, at }));
      const stored = await readStoredRows(queries, places, store.dialect);
      const merged = rows.map(({ series, at, packed }) => {
        const set_number = series.setNumber ?? 0;
        const known = stored.size === 0 ? undefined : stored.get(`${set_number}/${at}`);
        return { set_number, at, packed: series.arrange(packed, known) };
      });
      await store.dialect.upsertPacked(queries, TIERS[0].table, merged);
      return merged;
    });
    for (const { series, at } of rows) {
      series.writtenThrough = Math.max(series.writtenThrough ?? at, at);
      history.touch(series.setNumber ?? 0, at);
    }
    await this.#parts.export?.takeWritten(
      rows.map(({ series, at }, index) => ({
        agentId: series.owner.id,
        series: series.describe(),
        at,
        packed: written[index]?.packed ?? new Uint8Array(),
      })),
    );
  }

  /** The rows of agents that still exist; all of them when nobody can tell. */
  async #withoutOrphans(rows: readonly PendingRow[]): Promise<readonly PendingRow[]> {
    // a set may have been swept away meanwhile: what we know of its place is worth nothing
    for (const { series } of rows) {
      series.setNumber = null;
      series.positions = [];
    }
    const numbers = [...new Set(rows.map(({ series }) => series.owner.number))];
    const select = this.#parts.store.db.selectFrom("agents").select("number").where("number", "in", numbers);
    const found = await select.execute().catch(() => undefined);
    if (!found) return rows;
    const alive = new Set(found.map((row) => row.number));
    for (const number of numbers) if (!alive.has(number)) this.#forget(number);
    const kept = rows.filter(({ series }) => alive.has(series.owner.number));
    this.counters.dropped.orphans += rows.length - kept.length;
    if (kept.length < rows.length) this.#parts.onOrphans();
    return kept;
  }

  #forget(ownerNumber: number): void {
    const known = this.#byOwner.get(ownerNumber);
    this.#byOwner.delete(ownerNumber);
    for (const series of known?.byLabels.values() ?? []) {
      this.#open.delete(series);
      if (this.#waiting.delete(series)) {
        this.#pending -= series.closed.size;
        this.#pendingCells -= series.closedCells;
      }
      this.#seriesCount -= 1;
    }
    this.#cost -= known?.cost ?? 0;
  }

  #tidy(now: number): void {
    if (now - this.#tidiedAt < 60_000) return;
    this.#tidiedAt = now;
    for (const [ownerNumber, known] of this.#byOwner) {
      for (const [key, series] of known.byLabels) {
        if (now - series.touchedAt < SERIES_LIMITS.idleMs || this.#open.has(series) || series.closed.size > 0) continue;
        known.byLabels.delete(key);
        this.#seriesCount -= 1;
        this.#addCost(known, -series.cost);
      }
      if (known.byLabels.size === 0) this.#byOwner.delete(ownerNumber);
    }
  }
}

function sortTags(tags: Series["tags"]): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
}
