import { type Clock, MusterError, POINT_CATEGORIES, type Point, type PointCategory } from "@muster/core";
import type { RecordItem, RecordListQuery } from "@muster/core/resources";
import type { Turns } from "@muster/protocols/points";
import type { Insertable } from "kysely";
import type { RecordObjectsTable, RecordsTable } from "../store/record-tables.ts";
import { type Queries, type Store, slices } from "../store/store.ts";
import { Batcher } from "./batcher.ts";
import type { PointOwner } from "./point-owners.ts";
import { describeRecord, packContent } from "./record-content.ts";
import { RecordReader } from "./record-reader.ts";

/** Rows that one transaction writes at most, so that others get their turn. */
const ROWS_PER_BATCH = 2_000;
/** Rows that may wait for the store; beyond, writers are asked to come again. */
const MAX_WAITING = 100_000;
const PRUNE_ROWS = 2_000;
/** Nobody repeats a request later than this. */
const PACKAGES_KEPT_MS = 86_400_000;
const NS_PER_MS = 1_000_000n;
/** Instants that a date can be written for. */
const LATEST_MS = 253_402_300_799_999;

/** Categories whose points are states of things rather than events. */
const OBJECTS: ReadonlySet<string> = new Set<PointCategory>(["object", "custom_object"]);

type RecordRow = Insertable<RecordsTable>;

interface RecordRows {
  /** The same for the same rows that come again; absent where the writer gave them no name. */
  readonly packageId: string | undefined;
  readonly records: readonly RecordRow[];
  readonly objects: readonly Insertable<RecordObjectsTable>[];
}

/** Points of one request, by whose they are. */
export interface RecordBatch {
  readonly category: PointCategory;
  readonly groups: ReadonlyMap<PointOwner, readonly Point[]>;
  /** The name that the writer gave them. */
  readonly packageId?: string | undefined;
  readonly turns: Turns;
}

/** How long each category is kept, in ms. */
export type RecordRetention = (category: string) => number;

/** Logs, objects, events, traces and whatever else is written that is no measurement: stored, searched, deleted with age. */
export class Records {
  readonly counters = { written: 0, dropped: 0 };
  readonly reader: RecordReader;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #batches: Batcher<RecordRows, undefined>;
  #waiting = 0;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.reader = new RecordReader(parts);
    this.#batches = new Batcher(16, (batch) => this.#writeBatch(batch));
  }

  /** Resolves when they are committed. Rejects with `unavailable` when they cannot be now. */
  async write({ category, groups, packageId, turns }: RecordBatch): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new MusterError("unavailable", "too much waits for the database");
    let count = 0;
    for (const points of groups.values()) count += points.length;
    this.#waiting += count;
    try {
      const rows = await this.#makeRows(category, groups, turns);
      for (let start = 0; start < rows.length; start += ROWS_PER_BATCH) {
        const records = rows.slice(start, start + ROWS_PER_BATCH);
        await this.#batches.add({
          packageId: packageId && `${packageId} ${category} ${start}`,
          records: records.map(({ row }) => row),
          objects: newestObjects(records),
        });
      }
      this.counters.written += rows.length;
    } finally {
      this.#waiting -= count;
    }
  }

  list(query: RecordListQuery): Promise<{ items: RecordItem[]; nextCursor: string | null; tailCursor: string }> {
    return this.reader.list(query);
  }

  /** Deletes what is older than its category is kept, some rows per turn. */
  async prune(now: number, keepMs: RecordRetention): Promise<void> {
    const { db } = this.#store;
    await db
      .deleteFrom("record_packages")
      .where("at", "<", now - PACKAGES_KEPT_MS)
      .execute();
    for (const category of POINT_CATEGORIES) {
      const before = now - keepMs(category);
      for (let deleted = PRUNE_ROWS; deleted >= PRUNE_ROWS; ) {
        const old = db
          .selectFrom("records")
          .select("number")
          .where("category", "=", category)
          .where("at", "<", before)
          .orderBy("at")
          .limit(PRUNE_ROWS);
        const [result] = await db.deleteFrom("records").where("number", "in", old).execute();
        deleted = Number(result?.numDeletedRows ?? 0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await db
        .deleteFrom("record_objects")
        .where("category", "=", category)
        .where("received_at", "<", before)
        .execute();
    }
  }

  async #makeRows(category: PointCategory, groups: RecordBatch["groups"], turns: Turns): Promise<StoredPoint[]> {
    const receivedAt = this.#clock.now();
    const rows: StoredPoint[] = [];
    for (const [owner, points] of groups) {
      for (const point of points) {
        if (turns.isOver) await turns.next();
        const { message, status, name } = describeRecord(point);
        const at = Number(point.timeNs / NS_PER_MS);
        if (!(at >= 0 && at <= LATEST_MS)) {
          this.counters.dropped += 1;
          continue;
        }
        const row = {
          category,
          agent_number: owner.number,
          at,
          sub_ns: Number(point.timeNs % NS_PER_MS),
          received_at: receivedAt,
          measurement: plain(point.measurement),
          status: status ?? (category === "logging" ? "unknown" : null),
          message: plain(message),
          content: plain(packContent(point)),
        };
        rows.push({ row, name: plain(name) });
      }
    }
    return rows;
  }

  async #writeBatch(batch: readonly RecordRows[]): Promise<undefined[]> {
    await this.#store.transaction(async (queries) => {
      const fresh = await this.#withoutRepeats(queries, batch);
      const records = fresh.flatMap((rows) => rows.records);
      for (const slice of slices(records, 9, this.#store.dialect))
        await queries
          .insertInto("records")
          .values([...slice])
          .execute();
      await this.#writeObjects(queries, latestOf(fresh.flatMap((rows) => rows.objects)));
    });
    return batch.map(() => undefined);
  }

  /** A writer that heard no answer sends the same again; what is stored already is left out. */
  async #withoutRepeats(queries: Queries, batch: readonly RecordRows[]): Promise<readonly RecordRows[]> {
    const named = new Map<string, RecordRows>();
    for (const rows of batch) if (rows.packageId !== undefined) named.set(rows.packageId, rows);
    if (named.size === 0) return batch;
    const at = this.#clock.now();
    const inserted = await queries
      .insertInto("record_packages")
      .values([...named.keys()].sort().map((id) => ({ id, at })))
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning("id")
      .execute();
    const first = new Set(inserted.map((row) => named.get(row.id)));
    return batch.filter((rows) => rows.packageId === undefined || first.has(rows));
  }

  /** An older state never replaces a newer one. */
  async #writeObjects(queries: Queries, objects: readonly Insertable<RecordObjectsTable>[]): Promise<void> {
    for (const slice of slices(objects, 10, this.#store.dialect))
      await queries
        .insertInto("record_objects")
        .values([...slice])
        .onConflict((conflict) =>
          conflict
            .columns(["agent_number", "category", "class", "name"])
            .doUpdateSet((update) => ({
              at: update.ref("excluded.at"),
              sub_ns: update.ref("excluded.sub_ns"),
              received_at: update.ref("excluded.received_at"),
              status: update.ref("excluded.status"),
              message: update.ref("excluded.message"),
              content: update.ref("excluded.content"),
            }))
            .whereRef("excluded.at", ">=", "record_objects.at"),
        )
        .execute();
  }
}

interface StoredPoint {
  readonly row: RecordRow;
  readonly name: string;
}

function newestObjects(points: readonly StoredPoint[]): Insertable<RecordObjectsTable>[] {
  return points.flatMap(({ row, name }) => {
    if (!OBJECTS.has(row.category)) return [];
    const { measurement, ...rest } = row;
    return [{ ...rest, class: measurement, name }];
  });
}

/** One statement must not write the same row twice. In the order of keys, so that two processes never wait for each other. */
function latestOf(objects: readonly Insertable<RecordObjectsTable>[]): Insertable<RecordObjectsTable>[] {
  const newest = new Map<string, Insertable<RecordObjectsTable>>();
  for (const object of objects) {
    const key = `${object.agent_number}\n${object.category}\n${object.class}\n${object.name}`;
    const known = newest.get(key);
    if (!known || object.at >= known.at) newest.set(key, object);
  }
  return [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** PostgreSQL's texts hold no NUL and no half characters. */
function plain(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "") : text).toWellFormed();
}
