import { type Clock, MusterError, type Point, type PointCategory } from "@muster/core";
import {
  decodeLinesInSteps,
  decodeReadingsInSteps,
  encodeLines,
  type Precision,
  Readings,
  runInTurns,
  type Series,
  SeriesCache,
  type Turns,
} from "@muster/protocols/points";
import type { PointJournal } from "../store/point-journal.ts";
import type { Store } from "../store/store.ts";
import { MetricExport, type MetricExporter } from "./metric-export.ts";
import type { History } from "./metric-history.ts";
import type { PointForwarder } from "./point-forwarding.ts";
import { PointGatherer } from "./point-gatherer.ts";
import { type PointOwner, PointOwners, type PointSource } from "./point-owners.ts";
import { TurnQueue } from "./point-turns.ts";
import type { Records } from "./records.ts";
import type { Registry } from "./registry.ts";

/** Points that came in one request. */
export type PointBatch = BatchHead & (WholePoints | MeasuredLines);

interface BatchHead {
  readonly source: PointSource;
  /** The name that the writer gave this body; it comes again with the same one when no answer was heard. */
  readonly packageId?: string | undefined;
}

interface WholePoints {
  readonly category: PointCategory;
  readonly points: readonly Point[];
}

/** Measurements that came as lines: what is journaled need not be written anew, and their numbers are all that is kept. */
export interface MeasuredLines {
  readonly category: "metric";
  readonly readings: Readings;
  readonly lines: PointLines;
  readonly points?: undefined;
}

export interface PointLines {
  readonly bytes: Uint8Array;
  readonly precision: Precision | "auto";
  /** The time of lines without one. */
  readonly receivedAtNs: bigint;
}

interface PointsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly history: History;
  readonly records: Records;
  /** Keeps measurements until they are in the database; without one, writers wait for the database itself. */
  readonly journal?: PointJournal | undefined;
  /** A store of metrics beside ours. */
  readonly exporter?: MetricExporter | undefined;
  readonly forwarder?: PointForwarder | undefined;
}

const FLUSH_MS = 1_000;
const CHECKPOINT_MS = 30_000;
/** Names of bodies of measurements. */
const MAX_RECENT = 20_000;
/** Closed steps that wait for the next checkpoint. */
const BUFFERED_ROWS = 50_000;
const MAX_JOURNAL_BYTES = 1024 * 1024 * 1024;
/** Points between two looks at whether the turn is over. */
const POINTS_PER_LOOK = 200;
/** What was taken in once is not refused later, when fewer of its series are known. */
const KEPT = { maxValues: Number.POSITIVE_INFINITY } as const;

/** What agents and programs write: measurements go to the history of metrics, everything else to the records. */
export class Points {
  readonly received: Record<string, number> = {};
  readonly owners: PointOwners;
  readonly gatherer: PointGatherer;
  /** Whoever works on a body shares the event loop with others. */
  readonly turns: TurnQueue;
  readonly #parts: PointsParts;
  readonly #recent = new Set<string>();
  #checkpointing: Promise<void> | undefined;
  #stop: (() => void)[] = [];

  constructor(parts: PointsParts) {
    this.#parts = parts;
    this.owners = new PointOwners(parts);
    this.turns = new TurnQueue(parts);
    const { exporter } = parts;
    const metricExport = exporter && new MetricExport({ ...parts, exporter });
    this.gatherer = new PointGatherer({ ...parts, export: metricExport, onOrphans: () => this.owners.forget() });
  }

  /** Takes in again what an earlier process had promised to keep, then begins work in the background. */
  async start(): Promise<void> {
    const { journal, clock } = this.#parts;
    this.owners.start();
    if (journal) await this.#recover(journal);
    this.#stop = [
      clock.every(FLUSH_MS, () => this.#flushSome()),
      clock.every(CHECKPOINT_MS, () => void this.checkpoint()),
    ];
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    this.owners.stop();
    await this.checkpoint();
    await this.#parts.journal?.close();
  }

  /** Resolves when the points survive the death of this process. Rejects with `unavailable` when they cannot be kept now. */
  async take(batch: PointBatch): Promise<void> {
    const { category, source } = batch;
    const series = batch.points ?? batch.readings.series;
    if (series.length === 0) return;
    const turns = this.turns.begin();
    const owners = await this.#findOwners(series, source, turns);
    const packageId = batch.packageId && nameOf(batch.packageId, source);
    if (category !== "metric" && batch.points) {
      const groups = await this.#groupByOwner(batch.points, owners, turns);
      await this.#parts.records.write({ category, groups, packageId, turns });
    } else if (packageId === undefined || !this.#recent.has(packageId)) {
      await this.#takeMetrics(batch, owners, turns);
      if (packageId !== undefined) this.#remember(packageId);
    }
    // behind the store: whoever is refused there comes again, and must not be forwarded twice
    const { forwarder } = this.#parts;
    if (forwarder) await forwarder.take(category, batch.points ?? (await readPoints(batch.lines, turns)));
    this.received[category] = (this.received[category] ?? 0) + series.length;
    for (const owner of owners.all) this.owners.touch(owner);
  }

  /** Measurements that come twice only weigh more in an average, so it is enough to remember them here. */
  #remember(packageId: string): void {
    this.#recent.add(packageId);
    if (this.#recent.size <= MAX_RECENT) return;
    const [oldest] = this.#recent;
    if (oldest !== undefined) this.#recent.delete(oldest);
  }

  /** A sign of life of somebody who writes. */
  async hear(source: PointSource, host: string | undefined): Promise<void> {
    const owner = await this.owners.find(source, host);
    if (owner) this.owners.touch(owner);
  }

  /** Writes everything that was gathered, and drops from the journal what is in the database then. */
  checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#checkpoint().finally(() => {
      this.#checkpointing = undefined;
    });
    return this.#checkpointing;
  }

  /**
   * What the journal keeps is written later and together: steps of one series lie beside each other in the database, and
   * each page that is changed costs as much as many rows.
   */
  #flushSome(): void {
    this.gatherer.closeOld();
    if (!this.#parts.journal || this.gatherer.pending > BUFFERED_ROWS) void this.gatherer.flush();
  }

  async #checkpoint(): Promise<void> {
    const files = await this.#parts.journal?.seal();
    this.gatherer.closeAll();
    await this.gatherer.flush();
    // what is not written yet needs its file still
    if (files && this.gatherer.pending === 0) await this.#parts.journal?.drop(files);
  }

  async #takeMetrics(batch: PointBatch, owners: OwnersOfBatch, turns: Turns): Promise<void> {
    const { journal } = this.#parts;
    if (this.gatherer.isFull || (journal?.bytes ?? 0) > MAX_JOURNAL_BYTES)
      throw new MusterError("unavailable", "too much waits for the database");
    const readings = batch.points ? Readings.from(batch.points) : batch.readings;
    // in memory before it is on the disk: a file may be dropped only when all that is in it has been gathered
    await this.gatherer.gather(readings, owners.of, turns);
    if (journal) await journal.append(...(await packBatch(batch, turns)));
    else {
      for (const owner of owners.all) this.gatherer.closeOwner(owner.number);
      await this.gatherer.flush();
      if (this.gatherer.pending > 0) throw new MusterError("unavailable", "the database cannot be written now");
    }
  }

  /** Looks up each host once. */
  async #findOwners(series: readonly Series[], source: PointSource, turns: Turns): Promise<OwnersOfBatch> {
    if (source.externalId !== undefined) {
      // a writer that says who it is owns all that it writes
      const owner = await this.owners.find(source, series[0]?.tags.host);
      return { of: () => owner, all: new Set(owner && [owner]) };
    }
    const byHost = new Map<string | undefined, PointOwner | undefined>();
    let last: Series | undefined;
    for (const one of series) {
      if (one === last) continue;
      last = one;
      const { host } = one.tags;
      if (byHost.has(host)) continue;
      byHost.set(host, this.owners.peek(source, host) ?? (await this.owners.find(source, host)));
      if (turns.isOver) await turns.next();
    }
    const all = new Set(byHost.values());
    all.delete(undefined);
    return { of: ({ tags }) => byHost.get(tags.host), all: all as Set<PointOwner> };
  }

  async #groupByOwner(
    points: readonly Point[],
    owners: OwnersOfBatch,
    turns: Turns,
  ): Promise<Map<PointOwner, readonly Point[]>> {
    const groups = new Map<PointOwner, Point[]>();
    for (const [index, point] of points.entries()) {
      if (index % POINTS_PER_LOOK === 0 && turns.isOver) await turns.next();
      const owner = owners.of(point);
      const group = owner && groups.get(owner);
      if (group) group.push(point);
      else if (owner) groups.set(owner, [point]);
      else this.gatherer.counters.dropped.hosts += 1;
    }
    return groups;
  }

  async #recover(journal: PointJournal): Promise<void> {
    const cache = new SeriesCache();
    const turns = this.turns.begin();
    for await (const record of journal.recover()) {
      const batch = await unpackBatch(record, cache, turns);
      if (!batch) continue;
      const { readings, source } = batch;
      const owners = await this.#findOwners(readings.series, source, turns);
      await this.gatherer.gather(readings, owners.of, turns);
      if (this.gatherer.pending > 10_000) await this.gatherer.flush();
    }
    await this.checkpoint();
  }
}

/** Whose the points of one body are. */
interface OwnersOfBatch {
  readonly of: (series: Series) => PointOwner | undefined;
  readonly all: ReadonlySet<PointOwner>;
}

/** Of each writer its own, so that nobody can take another's name away. */
function nameOf(packageId: string, { externalId, hostname, remoteAddress }: PointSource): string {
  return `${packageId} ${externalId ?? hostname ?? remoteAddress}`;
}

/** A record of the journal: a line of JSON that says whose and how, then the lines themselves. */
async function packBatch(batch: PointBatch, turns: Turns): Promise<readonly Uint8Array[]> {
  const { precision, receivedAtNs, bytes } = batch.points ? await encodePoints(batch.points, turns) : batch.lines;
  const { externalId, hostname, remoteAddress, tokenId } = batch.source;
  const head = { externalId, hostname, remoteAddress, tokenId, precision, receivedAtNs: String(receivedAtNs) };
  return [Buffer.from(`${JSON.stringify(head)}\n`), bytes];
}

async function encodePoints(points: readonly Point[], turns: Turns): Promise<PointLines> {
  const parts: Buffer[] = [];
  for (let start = 0; start < points.length; start += POINTS_PER_LOOK) {
    parts.push(Buffer.from(encodeLines(points.slice(start, start + POINTS_PER_LOOK))));
    if (turns.isOver) await turns.next();
  }
  return { bytes: Buffer.concat(parts), precision: "n", receivedAtNs: 0n };
}

/** Points of lines that were read before. */
async function readPoints({ bytes, ...options }: PointLines, turns: Turns): Promise<readonly Point[]> {
  const { points } = await runInTurns(decodeLinesInSteps(bytes, { ...options, ...KEPT }), turns);
  return points ?? [];
}

async function unpackBatch(
  record: Buffer,
  series: SeriesCache,
  turns: Turns,
): Promise<{ source: PointSource; readings: Readings } | undefined> {
  const end = record.indexOf(0x0a);
  try {
    const { precision, receivedAtNs, ...source } = JSON.parse(record.toString("utf8", 0, end));
    const options = { precision: precision as Precision | "auto", receivedAtNs: BigInt(receivedAtNs), series, ...KEPT };
    const { readings } = await runInTurns(decodeReadingsInSteps(record.subarray(end + 1), options), turns);
    return readings && { source: source as PointSource, readings };
  } catch {
    // written by another version
    return undefined;
  }
}
