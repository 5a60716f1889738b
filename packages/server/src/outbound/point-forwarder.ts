import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock, Point, PointCategory } from "@muster/core";
import { encodeLines } from "@muster/protocols/points";
import { ByteQueue, type ByteQueueLosses } from "./byte-queue.ts";
import { excerpt, limitReports, type ReportTrouble } from "./remote-store.ts";
import { type Again, again, isAboutToken, isTemporary, post, Sender } from "./sender.ts";

export interface PointForwarderOptions {
  /** `http(s)` of a DataWay, `influx+http(s)` of what takes InfluxDB's lines. */
  readonly url: string;
  readonly token: string | undefined;
  readonly queueFolder: string;
  readonly queueBytes: number;
  readonly version: string;
  readonly clock: Clock;
  readonly report: ReportTrouble;
  /** 0..1, for spreading retries. */
  readonly random?: () => number;
}

export interface PointForwarderCounters {
  /** Points that the other side took. */
  sent: number;
  /** Points that it refused for good. */
  refused: number;
  /** Requests that are repeated: no answer, 408, 429, 5xx, or a wrong token or address. */
  failures: number;
  /** Points of categories that the other side has no place for. */
  skipped: number;
}

/** Points per request. */
const BATCH = 2_000;

/**
 * Sends points on to another system in the order in which they came, one request at a time, through a queue on the disk.
 * No answer, 408, 429 and 5xx are repeated with growing pauses for as long as the queue has room, and so are 401, 403 and
 * the 404 of metrics: they are about the token or the address, and a mistake there must not empty the queue. After any
 * other 4xx, which is about the points, they are dropped and counted. A crash may send the last request twice.
 */
export class PointForwarder {
  readonly counters: PointForwarderCounters = { sent: 0, refused: 0, failures: 0, skipped: 0 };
  readonly #options: PointForwarderOptions;
  readonly #queue: ByteQueue;
  readonly #report: ReportTrouble;
  readonly #target: ForwardTarget;
  readonly #sender: Sender<Buffer>;

  private constructor(options: PointForwarderOptions, queue: ByteQueue) {
    this.#options = options;
    this.#queue = queue;
    this.#report = limitReports(options.report, options.clock);
    this.#target = makeTarget(options.url, options.token);
    this.#sender = new Sender({
      name: "forwarding",
      outbox: queue,
      send: (record, signal) => this.#send(record, signal),
      counters: this.counters,
      waiting: () => this.length,
      clock: options.clock,
      report: this.#report,
      random: options.random,
    });
  }

  /** Opens the queue and goes on with what is in it. */
  static async open(options: PointForwarderOptions): Promise<PointForwarder> {
    const { queueFolder: folder, queueBytes: maxBytes, clock } = options;
    return new PointForwarder(options, await ByteQueue.open({ folder, maxBytes, clock }));
  }

  /** Requests that wait. */
  get length(): number {
    return this.#queue.length;
  }

  get queueBytes(): number {
    return this.#queue.bytes;
  }

  get losses(): Readonly<ByteQueueLosses> {
    return this.#queue.losses;
  }

  /** Resolves when the points would survive the death of this process; never rejects. */
  async take(category: PointCategory, points: readonly Point[]): Promise<void> {
    if (this.#target.onlyMetrics && category !== "metric") {
      this.counters.skipped += points.length;
      return;
    }
    for (let start = 0; start < points.length; start += BATCH) {
      const slice = points.slice(start, start + BATCH);
      const lines = encodeLines(slice);
      if (lines !== "") await this.#queue.append(Buffer.from(`${category} ${slice.length}\n${lines}`));
    }
    this.#sender.wake();
  }

  /** Ends a request that is under way; what was not confirmed is sent after the next start. */
  close(): Promise<void> {
    return this.#sender.close();
  }

  async #send(record: Buffer, signal: AbortSignal): Promise<Again | undefined> {
    const end = record.indexOf(0x0a);
    const [category = "metric", count = "0"] = record.toString("utf8", 0, end).split(" ");
    const points = Number(count);
    const body = Uint8Array.from(await promisify(gzip)(record.subarray(end + 1)));
    const { clock, version } = this.#options;
    const headers = {
      "content-type": "application/line-protocol",
      "content-encoding": "gzip",
      "user-agent": `muster/${version}`,
      "x-points": count,
      ...this.#target.headers,
    };
    const answer = await post({ url: this.#target.urlOf(category), headers, body }, { clock, signal });
    if (!("status" in answer)) return answer;
    const { status } = answer;
    if (isTemporary(status) || isMisdirected(status, category)) return again(answer);
    if (status < 300) this.counters.sent += points;
    else {
      this.counters.refused += points;
      const details = { status, reason: excerpt(answer.body), category, points };
      this.#report("points were refused where they are forwarded to, and are dropped", details);
    }
    return undefined;
  }
}

interface ForwardTarget {
  readonly onlyMetrics: boolean;
  readonly headers: Readonly<Record<string, string>>;
  urlOf(category: string): URL;
}

/** InfluxDB has one place for all, and no word for what is no measurement. */
function makeTarget(text: string, token: string | undefined): ForwardTarget {
  const isInflux = text.startsWith("influx+");
  const base = new URL(text.replace(/^influx\+/, ""));
  const path = base.pathname.replace(/\/+$/, "");
  if (isInflux) {
    const isNewer = base.searchParams.has("bucket") || base.searchParams.has("org");
    base.pathname = path.endsWith("/write") ? path : `${path}${isNewer ? "/api/v2/write" : "/write"}`;
    base.searchParams.set("precision", "ns");
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Token ${token}` };
    return { onlyMetrics: true, headers, urlOf: () => base };
  }
  base.searchParams.set("precision", "n");
  return {
    onlyMetrics: false,
    headers: token === undefined ? {} : { "x-token": token },
    urlOf(category) {
      const url = new URL(base);
      url.pathname = `${path}/v1/write/${category}`;
      return url;
    },
  };
}

/**
 * Whether a refusal is about our token or the address. Every such place takes metrics, but an older DataWay has no path for
 * each of the other categories: those must not hold up what comes after them.
 */
function isMisdirected(status: number, category: string): boolean {
  return isAboutToken(status) || (status === 404 && category === "metric");
}
