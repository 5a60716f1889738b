import { type AgentId, type Clock, type Timestamp, toIso } from "@muster/core";
import type { AgentGauges, LatestSample, MetricAnswer } from "@muster/core/resources";
import type { Bus } from "../bus/bus.ts";
import { packRow } from "../store/metric-row.ts";
import { ensureSets, findSets, newestTimes, TIERS } from "../store/metrics.ts";
import type { Store } from "../store/store.ts";
import { type AgentState, workingSession } from "./agent-state.ts";
import { Batcher } from "./batcher.ts";
import type { Feed } from "./feed.ts";
import { FIELD_NAMES, fillValues, type HostSeries, makeSeries } from "./host-series.ts";
import { MetricExport, type MetricExporter } from "./metric-export.ts";
import { History, type HistoryQuery } from "./metric-history.ts";
import { type MetricReader, queryBoth } from "./metric-reader.ts";
import { Readings } from "./readings.ts";
import type { Registry } from "./registry.ts";
import type { AgentReading } from "./session.ts";

interface MetricsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: Feed;
  readonly registry: Registry;
  readonly bus: Bus;
  /** A store of metrics beside ours: where closed steps go as well, and who answers for them. */
  readonly exporter?: MetricExporter | undefined;
  readonly reader?: MetricReader | undefined;
}

interface PendingRow {
  readonly series: HostSeries;
  readonly at: Timestamp;
  readonly packed: Uint8Array;
  exported: boolean;
}

/** What the metrics tell of themselves. */
export interface MetricCounters {
  samples: number;
  rowsWritten: number;
  /** Readings that were thrown away: the buffer was full, or their time made no sense. */
  dropped: number;
}

const STEP_MS = TIERS[0].stepMs;
/** A step is closed this long after it began, when no later reading closed it before. */
const CLOSE_AFTER_MS = 12_000;
const FLUSH_MS = 1_000;
const ROWS_PER_TRANSACTION = 500;
/** Rows that wait while the store is away; the oldest are dropped beyond. */
const MAX_PENDING = 100_000;
/** An agent's clock that goes back by more than this was set; less is a repeat. */
const CLOCK_SET_MS = 60_000;
const DAY_MS = 86_400_000;

const FIELD = Object.fromEntries(FIELD_NAMES.map((name, index) => [name, index])) as Record<
  (typeof FIELD_NAMES)[number],
  number
>;

/** The measurements of hosts: the newest in memory, history gathered by steps of 10 s and written in batches. */
export class Metrics {
  readonly counters: MetricCounters = { samples: 0, rowsWritten: 0, dropped: 0 };
  readonly #parts: MetricsParts;
  readonly #history: History;
  /** Series with a step being gathered, the one that began first in front. */
  readonly #open = new Set<HostSeries>();
  readonly #load: Batcher<HostSeries, undefined>;
  readonly #elsewhere: Readings;
  readonly #export: MetricExport | undefined;
  #pending: PendingRow[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #stop: (() => void)[] = [];

  constructor(parts: MetricsParts) {
    this.#parts = parts;
    this.#load = new Batcher(200, (series) => this.#loadSeries(series));
    this.#history = new History(parts.store, parts.clock);
    const { exporter } = parts;
    if (exporter) this.#export = new MetricExport({ ...parts, exporter });
    this.#elsewhere = new Readings(parts);
    parts.bus.answer("readings", ({ agents }) => ({ samples: this.#readingsHere(agents) }));
  }

  get history(): History {
    return this.#history;
  }

  /** Rows that wait to be written. */
  get pending(): number {
    return this.#pending.length;
  }

  start(): void {
    this.#stop = [this.#parts.clock.every(FLUSH_MS, () => void this.flush())];
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    for (const series of this.#open) this.#closeStep(series);
    await this.flush();
  }

  /** Takes a reading in: shows it at once, and gathers it for history when `store` is set. Never waits. */
  record(state: AgentState, sample: AgentReading, how: { store: boolean; agentTime: boolean }): void {
    const series = this.#seriesOf(state);
    const now = this.#parts.clock.now();
    this.counters.samples++;
    series.receivedAt = now;
    fillValues(series.values, sample.values);
    series.detail = sample.detail ?? null;
    if (this.#parts.feed.watched)
      this.#parts.feed.publish({ kind: "sample", agentId: state.id, sample: toLatest(series) });
    if (how.store) this.#gather(series, how.agentTime ? sample.at : now, { values: series.values, maySetClock: true });
  }

  /** Takes in readings that an agent kept while we were away, oldest first. They do not change what is shown as newest. */
  backfill(state: AgentState, samples: readonly AgentReading[]): void {
    const series = this.#seriesOf(state);
    const values = new Float64Array(FIELD_NAMES.length);
    for (const sample of samples) {
      this.counters.samples++;
      fillValues(values, sample.values);
      this.#gather(series, sample.at, { values, maySetClock: false });
    }
  }

  /** Reads how far an agent's history is stored, before its journal of samples is compared with it. */
  async load(state: AgentState): Promise<void> {
    const series = this.#seriesOf(state);
    if (!series.loaded) await this.#load.add(series);
  }

  storedThrough(state: AgentState): Timestamp | null {
    return state.series?.storedThrough ?? null;
  }

  /** The newest reading, whichever process holds the agent. */
  async findLatest(agentId: string): Promise<LatestSample | undefined> {
    await this.fetchReadings([agentId]);
    return this.latest(agentId);
  }

  /** A reading of an agent that another process holds. */
  acceptRemote(sample: LatestSample): void {
    this.#elsewhere.accept(sample);
    this.#parts.feed.publish({ kind: "sample", agentId: sample.agentId as AgentId, sample });
  }

  /** Asks the processes that hold these agents for their newest readings, where we do not know them. */
  fetchReadings(agentIds: readonly string[]): Promise<void> {
    const unknown = agentIds.filter((id) => !this.#parts.registry.isHere(id as AgentId));
    return this.#elsewhere.fetch(unknown);
  }

  /** The newest reading as far as this process knows. */
  latest(agentId: string): LatestSample | undefined {
    const remote = this.#parts.registry.isHere(agentId as AgentId) ? undefined : this.#elsewhere.get(agentId);
    if (remote) return remote;
    const state = this.#parts.registry.get(agentId as AgentId);
    const series = state?.series;
    return series && series.receivedAt > 0 ? toLatest(series) : undefined;
  }

  gauges(agentNumber: number, agentId: string): AgentGauges | null {
    const remote = this.#parts.registry.isHere(agentId as AgentId) ? undefined : this.#elsewhere.get(agentId);
    if (remote) return gaugesOf(remote.at, (name) => remote.values[name]);
    const series = this.#parts.registry.getByNumber(agentNumber)?.series;
    if (!series || series.receivedAt === 0) return null;
    return gaugesOf(toIso(series.receivedAt), (name) => series.values[FIELD[name]]);
  }

  /** History of one agent. What is still being gathered is written first, so that a chart ends now. */
  async query(query: HistoryQuery): Promise<MetricAnswer> {
    await this.flush();
    const { reader, clock } = this.#parts;
    return reader ? queryBoth(query, { history: this.#history, reader, now: clock.now() }) : this.#history.query(query);
  }

  /** Stored steps of one agent, newest first. */
  async listSamples(query: Parameters<History["listSamples"]>[0]) {
    await this.flush();
    return this.#history.listSamples(query);
  }

  storageCounts(): ReturnType<History["storageCounts"]> {
    return this.#history.storageCounts();
  }

  forget(state: AgentState): void {
    const { series } = state;
    if (!series) return;
    this.#open.delete(series);
    delete state.series;
    this.#pending = this.#pending.filter((row) => row.series !== series);
  }

  /** Writes every closed step. Agents are told how far they are stored. */
  flush(): Promise<void> {
    const now = this.#parts.clock.monotonic();
    for (const series of this.#open) {
      if (now - series.openedAt < CLOSE_AFTER_MS) break;
      this.#closeStep(series);
    }
    this.#flushing = this.#flushing.then(() => this.#writePending());
    return this.#flushing;
  }

  #readingsHere(agentIds: readonly string[]): Record<string, unknown>[] {
    return agentIds.flatMap((id) => {
      const state = this.#parts.registry.get(id as AgentId);
      const series = state?.series;
      // lists ask for many at once and show gauges only; details come when somebody watches
      if (!series || series.receivedAt === 0) return [];
      const reading = toLatest(series);
      return [agentIds.length > 1 ? { ...reading, detail: null } : { ...reading }];
    });
  }

  #seriesOf(state: AgentState): HostSeries {
    state.series ??= makeSeries(state);
    return state.series;
  }

  #gather(series: HostSeries, at: Timestamp, reading: { values: Float64Array; maySetClock: boolean }): void {
    const { gathering } = series;
    const now = this.#parts.clock.now();
    if (!(at > 0) || at > now + DAY_MS) {
      this.counters.dropped++;
      return;
    }
    const through = Math.max(gathering.lastAt, series.storedThrough ?? -1);
    const clockWasSet = reading.maySetClock && through - at > CLOCK_SET_MS;
    if (at <= through && !clockWasSet) return;
    if (clockWasSet) series.storedThrough = null;
    const stepAt = at - (at % STEP_MS);
    if (gathering.stepAt !== stepAt) {
      this.#closeStep(series);
      gathering.begin(stepAt);
      series.openedAt = this.#parts.clock.monotonic();
      this.#open.add(series);
    }
    gathering.add(at, reading.values);
  }

  #closeStep(series: HostSeries): void {
    const { gathering } = series;
    this.#open.delete(series);
    if (gathering.stepAt < 0) return;
    this.#pending.push({ series, at: gathering.stepAt, packed: packRow(gathering.toRow()), exported: false });
    gathering.stepAt = -1;
    if (this.#pending.length <= MAX_PENDING) return;
    this.#pending.shift();
    this.counters.dropped++;
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const rows = this.#pending.splice(0, ROWS_PER_TRANSACTION);
      await this.#exportRows(rows);
      try {
        await this.#writeRows(rows);
      } catch {
        // rows of agents that were deleted meanwhile must not hold up the others
        const alive = await this.#withoutOrphans(rows);
        this.#pending.unshift(...alive);
        if (alive.length < rows.length) continue;
        return; // the store is away: the rows stay, bounded, and the next flush tries again
      }
      this.counters.rowsWritten += rows.length;
      this.#confirm(rows);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Before our own store: an agent that is told "stored" sends no second time, whatever dies in between. */
  async #exportRows(rows: readonly PendingRow[]): Promise<void> {
    if (!this.#export) return;
    const fresh = rows.filter((row) => !row.exported);
    for (const row of fresh) row.exported = true;
    await this.#export.take(fresh.map(({ series, at, packed }) => ({ agentId: series.agentId, at, packed })));
  }

  async #writeRows(rows: readonly PendingRow[]): Promise<void> {
    const { store } = this.#parts;
    await store.transaction(async (queries) => {
      const without = new Map<number, HostSeries>();
      for (const row of rows) if (row.series.setNumber === null) without.set(row.series.agentNumber, row.series);
      if (without.size > 0) {
        const source = { agentNumbers: [...without.keys()], name: "host", fields: FIELD_NAMES };
        const numbers = await ensureSets(queries, source, store.dialect);
        for (const [agentNumber, series] of without) series.setNumber = numbers.get(agentNumber) ?? null;
      }
      const known = rows.filter((row) => row.series.setNumber !== null);
      const tierRows = known.map((row) => ({ set_number: row.series.setNumber ?? 0, at: row.at, packed: row.packed }));
      await store.dialect.upsertPacked(queries, TIERS[0].table, lastOfEach(tierRows));
    });
    for (const row of rows) if (row.series.setNumber !== null) this.#history.touch(row.series.setNumber, row.at);
  }

  /** The rows of agents that still exist; all of them when nobody can tell. */
  async #withoutOrphans(rows: readonly PendingRow[]): Promise<readonly PendingRow[]> {
    const numbers = [...new Set(rows.map((row) => row.series.agentNumber))];
    const { db } = this.#parts.store;
    const select = db.selectFrom("agents").select("number").where("number", "in", numbers);
    const found = await select.execute().catch(() => undefined);
    if (!found) return rows;
    const alive = new Set(found.map((row) => row.number));
    return rows.filter((row) => alive.has(row.series.agentNumber));
  }

  #confirm(rows: readonly PendingRow[]): void {
    const touched = new Set<HostSeries>();
    for (const { series, at } of rows) {
      series.storedThrough = Math.max(series.storedThrough ?? -1, at + STEP_MS - 1);
      touched.add(series);
    }
    for (const series of touched) {
      const state = this.#parts.registry.getByNumber(series.agentNumber);
      const session = state && workingSession(state);
      if (session && series.storedThrough !== null && state.capabilities.has("backfill"))
        session.peer.onSamplesStored(series.storedThrough);
    }
  }

  async #loadSeries(batch: readonly HostSeries[]): Promise<undefined[]> {
    const { db } = this.#parts.store;
    const sets = await findSets(
      db,
      batch.map((series) => series.agentNumber),
      "host",
    );
    const byAgent = new Map(sets.map((set) => [set.agent_number, set.number]));
    const newest = await newestTimes(db, TIERS[0], [...byAgent.values()]);
    for (const series of batch) {
      const setNumber = byAgent.get(series.agentNumber);
      if (setNumber !== undefined) {
        series.setNumber = setNumber;
        const at = newest.get(setNumber);
        if (at !== undefined) series.storedThrough = Math.max(series.storedThrough ?? -1, at + STEP_MS - 1);
      }
      series.loaded = true;
    }
    return batch.map(() => undefined);
  }
}

/** One statement must not write the same row twice: the later one holds. */
function lastOfEach<Row extends { set_number: number; at: number }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [`${row.set_number}/${row.at}`, row])).values()];
}

function toLatest(series: HostSeries): LatestSample {
  const values: Record<string, number> = {};
  FIELD_NAMES.forEach((name, index) => {
    const value = series.values[index];
    if (value !== undefined && !Number.isNaN(value)) values[name] = value;
  });
  return {
    agentId: series.agentId,
    at: toIso(series.receivedAt),
    values,
    detail: series.detail as LatestSample["detail"],
  };
}

function gaugesOf(at: string, read: (name: keyof typeof FIELD) => number | undefined): AgentGauges {
  return {
    at,
    cpu: nullWhenMissing(read("system.cpu.utilization")),
    memory: nullWhenMissing(read("system.memory.utilization")),
    filesystem: nullWhenMissing(read("system.filesystem.utilization")),
    load1: nullWhenMissing(read("system.load.1m")),
    receive: nullWhenMissing(read("system.network.receive")),
    transmit: nullWhenMissing(read("system.network.transmit")),
  };
}

function nullWhenMissing(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
