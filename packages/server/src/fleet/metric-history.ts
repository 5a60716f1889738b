import { type Clock, HOST_METRICS, type HostValues, MusterError, type Timestamp, toIso } from "@muster/core";
import type { MetricAnswer } from "@muster/core/resources";
import { countFields, joinRows, type MetricRow, packRow, unpackRow } from "../store/metric-row.ts";
import { findSets, newestTimes, readTierRows, TIERS, type Tier, type TierRow } from "../store/metrics.ts";
import { deleteEmptySets } from "../store/point-sets.ts";
import type { Store } from "../store/store.ts";

/** What of one agent's history is asked for; instants in ms. */
export interface HistoryQuery {
  readonly agentId: string;
  /** Absent: every metric that has values. */
  readonly names?: readonly string[] | undefined;
  readonly from: Timestamp;
  readonly to: Timestamp;
  readonly stepMs?: number | undefined;
  readonly maxPoints: number;
}

const FIELDS = HOST_METRICS.length;
/** A step is rolled up when it is this old, so that late readings of the same minute are in it. */
const SETTLE_MS = 30_000;
/** Steps rolled up in one turn of the job. */
const ROLL_UP_BATCH = 200;

/** Stored measurements: answers ranges from the tier that fits, and keeps the coarser tiers true. */
export class History {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Per coarser tier: the steps whose finer rows changed, as "set/at". */
  readonly #stale = [new Set<string>(), new Set<string>()] as const;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A row of the finest tier was written: what is made of it has to be made again. */
  touch(setNumber: number, at: Timestamp): void {
    this.#stale[0].add(`${setNumber}/${at - (at % TIERS[1].stepMs)}`);
  }

  /** After a start nobody knows what was left undone: everything behind the newest coarser row is looked at again. */
  async recover(): Promise<void> {
    const sets = await this.#store.db.selectFrom("metric_sets").select("number").execute();
    for (let start = 0; start < sets.length; start += 100) {
      const numbers = sets.slice(start, start + 100).map((set) => set.number);
      for (const level of [0, 1] as const) {
        const finer = await newestTimes(this.#store.db, TIERS[level], numbers);
        const coarser = await newestTimes(this.#store.db, TIERS[level + 1] as Tier, numbers);
        for (const number of numbers)
          this.#markRange(number, level, { newest: finer.get(number), done: coarser.get(number) });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #markRange(setNumber: number, level: 0 | 1, times: { newest: number | undefined; done: number | undefined }): void {
    if (times.newest === undefined) return;
    const { stepMs } = TIERS[level + 1] as Tier;
    // without a coarser row, the finest tier reaches back a day at most
    const from = times.done ?? times.newest - 86_400_000;
    for (let at = from - (from % stepMs); at <= times.newest; at += stepMs)
      this.#stale[level].add(`${setNumber}/${at}`);
  }

  /** Makes coarser rows of finer ones where something changed. Repeating it changes nothing. */
  async rollUp(now: Timestamp): Promise<void> {
    for (const level of [0, 1] as const) {
      const tier = TIERS[level + 1] as Tier;
      const ready: { key: string; setNumber: number; at: number }[] = [];
      for (const key of this.#stale[level]) {
        const slash = key.indexOf("/");
        const at = Number(key.slice(slash + 1));
        if (at + tier.stepMs + SETTLE_MS <= now) ready.push({ key, setNumber: Number(key.slice(0, slash)), at });
      }
      for (let start = 0; start < ready.length; start += ROLL_UP_BATCH) {
        const slice = ready.slice(start, start + ROLL_UP_BATCH);
        await this.#store.transaction(async (queries) => {
          const made: TierRow[] = [];
          for (const step of slice) {
            const rows = await readTierRows(queries, TIERS[level], {
              setNumber: step.setNumber,
              from: step.at,
              to: step.at + tier.stepMs,
            });
            if (rows.length === 0) continue;
            const fields = Math.max(...rows.map((row) => countFields(row.packed)));
            const joined = joinRows(
              rows.map((row) => unpackRow(row.packed, fields)),
              fields,
            );
            made.push({ set_number: step.setNumber, at: step.at, packed: packRow(joined) });
          }
          await this.#store.dialect.upsertPacked(queries, tier.table, made);
        });
        for (const step of slice) {
          this.#stale[level].delete(step.key);
          if (level === 0) this.#stale[1].add(`${step.setNumber}/${step.at - (step.at % TIERS[2].stepMs)}`);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async query(query: HistoryQuery): Promise<MetricAnswer> {
    if (query.to <= query.from)
      throw new MusterError("invalid_argument", "the range ends before it begins", { field: "to" });
    const { from, stepMs, steps } = chooseGrid(query);
    const setNumber = await this.#findSet(query.agentId);
    const rows =
      setNumber === undefined ? [] : await this.readSet(setNumber, { from, to: from + steps * stepMs, stepMs });
    const grid = gatherSteps(rows, { from, stepMs, steps }, FIELDS);
    const wanted = query.names ? new Set(query.names) : undefined;
    const series = HOST_METRICS.flatMap((metric, index) => {
      if (wanted && !wanted.has(metric.name)) return [];
      const values = describeField(grid, index);
      return wanted || values.avg.some((value) => value !== null)
        ? [{ name: metric.name, unit: metric.unit, ...values }]
        : [];
    });
    return { from: toIso(from), stepMs, series };
  }

  /** Rows of the finest tier, newest first, as single readings. */
  async listSamples(query: { agentId: string; from?: number; to?: number; limit: number; offset: number }) {
    const setNumber = await this.#findSet(query.agentId);
    if (setNumber === undefined) return { items: [], total: 0 };
    let rows = this.#store.db.selectFrom(TIERS[0].table).where("set_number", "=", setNumber);
    if (query.from !== undefined) rows = rows.where("at", ">=", query.from);
    if (query.to !== undefined) rows = rows.where("at", "<=", query.to);
    const total = await rows.select(({ fn }) => fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
    const page = await rows.selectAll().orderBy("at", "desc").limit(query.limit).offset(query.offset).execute();
    const items = page.map((row) => ({
      id: Math.floor(row.at / TIERS[0].stepMs),
      at: row.at,
      values: toValues(unpackRow(row.packed, FIELDS)),
    }));
    return { items, total: Number(total.count) };
  }

  /** How much of the finest tier is stored, counted a few sources at a time so that nothing else waits for it. */
  async storageCounts(): Promise<{
    total: number;
    last24h: number;
    earliestAt: number | null;
    latestAt: number | null;
  }> {
    const sets = await this.#store.db.selectFrom("metric_sets").select("number").execute();
    const since = this.#clock.now() - 86_400_000;
    const counts = { total: 0, last24h: 0, earliestAt: null as number | null, latestAt: null as number | null };
    for (const set of sets) {
      const row = await this.#store.db
        .selectFrom(TIERS[0].table)
        .select(({ fn, eb }) => [
          fn.countAll<number>().as("total"),
          fn.sum<number>(eb.case().when("at", ">=", since).then(1).else(0).end()).as("recent"),
          fn.min("at").as("earliest"),
          fn.max("at").as("latest"),
        ])
        .where("set_number", "=", set.number)
        .executeTakeFirstOrThrow();
      counts.total += Number(row.total);
      counts.last24h += Number(row.recent ?? 0);
      if (row.earliest !== null) counts.earliestAt = Math.min(counts.earliestAt ?? row.earliest, row.earliest);
      if (row.latest !== null) counts.latestAt = Math.max(counts.latestAt ?? row.latest, row.latest);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return counts;
  }

  /** Deletes rows older than each tier keeps. A few sources per turn. */
  async prune(now: Timestamp, keepMs: readonly number[]): Promise<void> {
    const sets = await this.#store.db.selectFrom("metric_sets").select("number").execute();
    for (let start = 0; start < sets.length; start += 50) {
      const numbers = sets.slice(start, start + 50).map((set) => set.number);
      await this.#store.transaction(async (queries) => {
        for (const [index, tier] of TIERS.entries()) {
          const before = now - (keepMs[index] ?? Number.POSITIVE_INFINITY);
          for (const number of numbers) {
            await queries.deleteFrom(tier.table).where("set_number", "=", number).where("at", "<", before).execute();
          }
        }
        await deleteEmptySets(queries, numbers);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #findSet(agentId: string): Promise<number | undefined> {
    const agent = await this.#store.db
      .selectFrom("agents")
      .select("number")
      .where("id", "=", agentId)
      .executeTakeFirst();
    if (!agent) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    const sets = await findSets(this.#store.db, [agent.number], "host");
    return sets[0]?.number;
  }

  /** The coarsest tier that is fine enough, and for the time it does not cover yet the finer ones. */
  async readSet(setNumber: number, range: { from: number; to: number; stepMs: number }): Promise<TierRow[]> {
    const fitting = TIERS.findLastIndex((tier) => tier.stepMs <= range.stepMs);
    const rows: TierRow[] = [];
    let { from } = range;
    for (let level = Math.max(0, fitting); level >= 0; level--) {
      const tier = TIERS[level] as Tier;
      const found = await readTierRows(this.#store.db, tier, { setNumber, from, to: range.to });
      rows.push(...found);
      const newest = found.at(-1);
      if (newest) from = newest.at + tier.stepMs;
    }
    if (rows.length > 0) return rows;
    // older than the fine tiers reach: a coarser one is better than nothing
    for (const tier of TIERS) {
      const found = await readTierRows(this.#store.db, tier, { setNumber, from: range.from, to: range.to });
      if (found.length > 0) return found;
    }
    return rows;
  }
}

/** The steps of an answer: as fine as asked for, as coarse as the number of points demands. */
export function chooseGrid(query: HistoryQuery): { from: number; stepMs: number; steps: number } {
  const stepMs = chooseStep(query);
  const from = query.from - (query.from % stepMs);
  return { from, stepMs, steps: Math.max(1, Math.ceil((query.to - from) / stepMs)) };
}

function chooseStep(query: HistoryQuery): number {
  const least = Math.max(query.stepMs ?? 0, (query.to - query.from) / query.maxPoints, TIERS[0].stepMs);
  const nice = [
    10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
  ];
  return nice.find((step) => step >= least) ?? Math.ceil(least / 86_400_000) * 86_400_000;
}

/** One joined row per step of a grid. */
export function gatherSteps(
  rows: readonly TierRow[],
  grid: { from: number; stepMs: number; steps: number },
  fields: number,
): (MetricRow | undefined)[] {
  const gathered: MetricRow[][] = Array.from({ length: grid.steps }, () => []);
  for (const row of rows) gathered[Math.floor((row.at - grid.from) / grid.stepMs)]?.push(unpackRow(row.packed, fields));
  return gathered.map((found) =>
    found.length === 0 ? undefined : found.length === 1 ? found[0] : joinRows(found, fields),
  );
}

/** The values of one field along a grid; null where nothing was measured. */
export function describeField(grid: readonly (MetricRow | undefined)[], field: number) {
  const pick = (values: (row: MetricRow) => Float64Array) =>
    grid.map((row) => {
      const value = row ? values(row)[field] : undefined;
      return value === undefined || Number.isNaN(value) ? null : value;
    });
  return { avg: pick((row) => row.avg), min: pick((row) => row.min), max: pick((row) => row.max) };
}

function toValues(row: MetricRow): HostValues {
  const values: HostValues = {};
  HOST_METRICS.forEach((metric, index) => {
    const value = row.avg[index];
    if (value !== undefined && !Number.isNaN(value)) values[metric.name] = value;
  });
  return values;
}
