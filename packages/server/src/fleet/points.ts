import { type Clock, MusterError, type Point, type PointCategory } from "@muster/core";
import { decodeLines, encodeLines, type Precision } from "@muster/protocols/points";
import type { PointJournal } from "../store/point-journal.ts";
import type { Store } from "../store/store.ts";
import { MetricExport, type MetricExporter } from "./metric-export.ts";
import type { History } from "./metric-history.ts";
import type { PointForwarder } from "./point-forwarding.ts";
import { PointGatherer } from "./point-gatherer.ts";
import { type PointOwner, PointOwners, type PointSource } from "./point-owners.ts";
import type { Records } from "./records.ts";
import type { Registry } from "./registry.ts";

/** Points that came in one request. */
export interface PointBatch {
  readonly category: PointCategory;
  readonly points: readonly Point[];
  readonly source: PointSource;
  /** The name that the writer gave this body; it comes again with the same one when no answer was heard. */
  readonly packageId?: string | undefined;
  /** The lines that the points were read from, where they came as lines: what is journaled then need not be written anew. */
  readonly lines?: PointLines | undefined;
}

export interface PointLines {
  readonly text: string;
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

/** What agents and programs write: measurements go to the history of metrics, everything else to the records. */
export class Points {
  readonly received: Record<string, number> = {};
  readonly owners: PointOwners;
  readonly gatherer: PointGatherer;
  readonly #parts: PointsParts;
  readonly #recent = new Set<string>();
  #checkpointing: Promise<void> | undefined;
  #stop: (() => void)[] = [];

  constructor(parts: PointsParts) {
    this.#parts = parts;
    this.owners = new PointOwners(parts);
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
    if (batch.points.length === 0) return;
    const groups = await this.#groupByOwner(batch.points, batch.source);
    const packageId = batch.packageId && nameOf(batch.packageId, batch.source);
    if (batch.category !== "metric") await this.#parts.records.write(batch.category, groups, packageId);
    else if (packageId === undefined || !this.#recent.has(packageId)) {
      await this.#takeMetrics(batch, groups);
      if (packageId !== undefined) this.#remember(packageId);
    }
    // behind the store: whoever is refused there comes again, and must not be forwarded twice
    await this.#parts.forwarder?.take(batch.category, batch.points);
    this.received[batch.category] = (this.received[batch.category] ?? 0) + batch.points.length;
    for (const owner of groups.keys()) this.owners.touch(owner);
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

  async #takeMetrics(batch: PointBatch, groups: ReadonlyMap<PointOwner, readonly Point[]>): Promise<void> {
    const { journal } = this.#parts;
    if (this.gatherer.isFull || (journal?.bytes ?? 0) > MAX_JOURNAL_BYTES)
      throw new MusterError("unavailable", "too much waits for the database");
    // in memory before it is on the disk: a file may be dropped only when all that is in it has been gathered
    for (const [owner, points] of groups) this.gatherer.gather(owner, points);
    if (journal) await journal.append(packBatch(batch));
    else {
      for (const owner of groups.keys()) this.gatherer.closeOwner(owner.number);
      await this.gatherer.flush();
      if (this.gatherer.pending > 0) throw new MusterError("unavailable", "the database cannot be written now");
    }
  }

  async #groupByOwner(points: readonly Point[], source: PointSource): Promise<Map<PointOwner, readonly Point[]>> {
    const groups = new Map<PointOwner, Point[]>();
    const add = (owner: PointOwner, point: Point) => {
      const group = groups.get(owner);
      if (group) group.push(point);
      else groups.set(owner, [point]);
    };
    if (source.externalId !== undefined) {
      // a writer that says who it is owns all that it writes
      const owner = await this.owners.find(source, points[0]?.tags.host);
      return new Map(owner ? [[owner, points]] : []);
    }
    for (const point of points) {
      const { host } = point.tags;
      const owner = this.owners.peek(source, host) ?? (await this.owners.find(source, host));
      if (owner) add(owner, point);
      else this.gatherer.counters.dropped.hosts += 1;
    }
    return groups;
  }

  async #recover(journal: PointJournal): Promise<void> {
    for await (const record of journal.recover()) {
      const batch = unpackBatch(record);
      if (!batch) continue;
      for (const [owner, points] of await this.#groupByOwner(batch.points, batch.source))
        this.gatherer.gather(owner, points);
      if (this.gatherer.pending > 10_000) await this.gatherer.flush();
    }
    await this.checkpoint();
  }
}

/** Of each writer its own, so that nobody can take another's name away. */
function nameOf(packageId: string, { externalId, hostname, remoteAddress }: PointSource): string {
  return `${packageId} ${externalId ?? hostname ?? remoteAddress}`;
}

/** A record of the journal: a line of JSON that says whose and how, then the lines themselves. */
function packBatch({ points, source, lines }: PointBatch): Buffer {
  const { precision = "n", receivedAtNs = 0n, text = encodeLines(points) } = lines ?? {};
  const { externalId, hostname, remoteAddress, tokenId } = source;
  const head = { externalId, hostname, remoteAddress, tokenId, precision, receivedAtNs: String(receivedAtNs) };
  return Buffer.from(`${JSON.stringify(head)}\n${text}`);
}

function unpackBatch(record: Buffer): { source: PointSource; points: readonly Point[] } | undefined {
  const end = record.indexOf(0x0a);
  try {
    const { precision, receivedAtNs, ...source } = JSON.parse(record.toString("utf8", 0, end));
    const options = { precision: precision as Precision | "auto", receivedAtNs: BigInt(receivedAtNs) };
    const { points } = decodeLines(record.subarray(end + 1), options);
    return points && { source: source as PointSource, points };
  } catch {
    // written by another version
    return undefined;
  }
}
