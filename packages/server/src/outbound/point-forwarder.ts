import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Clock, delay, type Point, type PointCategory } from "@muster/core";
import { encodeLines } from "@muster/protocols/points";
import { ByteQueue, type ByteQueueLosses } from "./byte-queue.ts";
import { type OutboundAnswer, sendRequest } from "./http-request.ts";
import { excerpt, limitReports, type ReportTrouble } from "./remote-store.ts";

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
  /** Requests that are repeated: no answer, 429, 5xx. */
  failures: number;
  /** Points of categories that the other side has no place for. */
  skipped: number;
}

/** Points per request. */
const BATCH = 2_000;
const TIMEOUT_MS = 30_000;
const MAX_ANSWER = 64 * 1024;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Sends points on to another system in the order in which they came, one request at a time, through a queue on the disk.
 * After a 4xx they are dropped and counted; no answer, 408, 429 and 5xx are repeated with growing pauses for as long as
 * the queue has room. A crash may send the last request twice.
 */
export class PointForwarder {
  readonly counters: PointForwarderCounters = { sent: 0, refused: 0, failures: 0, skipped: 0 };
  readonly #options: PointForwarderOptions;
  readonly #queue: ByteQueue;
  readonly #report: ReportTrouble;
  readonly #target: ForwardTarget;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};

  private constructor(options: PointForwarderOptions, queue: ByteQueue) {
    this.#options = options;
    this.#queue = queue;
    this.#report = limitReports(options.report, options.clock);
    this.#target = makeTarget(options.url, options.token);
    this.#running = this.#run();
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
    this.#wake();
  }

  /** Ends a request that is under way; what was not confirmed is sent after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#running;
    await this.#queue.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#sendNext();
      } catch (error) {
        // nothing below is expected to throw; what does must not end the sending
        this.#report("forwarding failed inside the server", { reason: String(error) });
        await delay(this.#options.clock, LAST_RETRY_MS, signal);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sends what comes next, or waits until something is there. */
  async #sendNext(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const record = await this.#queue.peek();
    if (!record) {
      if (!this.#closing.signal.aborted) await woken;
    } else if (await this.#deliver(record)) await this.#queue.confirm(record);
  }

  /** True when the record is done with, one way or the other; false when the forwarder closes. */
  async #deliver(record: Buffer): Promise<boolean> {
    const end = record.indexOf(0x0a);
    const [category = "metric", count = "0"] = record.toString("utf8", 0, end).split(" ");
    const points = Number(count);
    const body = Uint8Array.from(await promisify(gzip)(record.subarray(end + 1)));
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#post(category, body, points);
      if (signal.aborted && typeof answer === "string") return false;
      if (typeof answer === "string" || isTemporary(answer.status)) {
        this.counters.failures += 1;
        const reason = typeof answer === "string" ? answer : `status ${answer.status}: ${excerpt(answer.body)}`;
        this.#report("forwarding fails and is repeated", { reason, waiting: this.length });
        await delay(clock, this.#pause(attempt, typeof answer === "string" ? undefined : answer.retryAfterMs), signal);
        continue;
      }
      if (answer.status < 300) this.counters.sent += points;
      else {
        this.counters.refused += points;
        const details = { status: answer.status, reason: excerpt(answer.body), points };
        this.#report("points were refused where they are forwarded to, and are dropped", details);
      }
      return true;
    }
    return false;
  }

  async #post(category: string, body: Uint8Array<ArrayBuffer>, points: number): Promise<OutboundAnswer | string> {
    const { clock, version } = this.#options;
    const headers = {
      "content-type": "application/line-protocol",
      "content-encoding": "gzip",
      "user-agent": `muster/${version}`,
      "x-points": String(points),
      ...this.#target.headers,
    };
    const request = { url: this.#target.urlOf(category), method: "POST", headers, body } as const;
    try {
      const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER };
      return await sendRequest({ ...request, ...limits }, { clock, signal: this.#closing.signal });
    } catch (error) {
      return error instanceof Error ? error.message : "no answer";
    }
  }

  /** Twice as long each time, and never the same for two processes that failed together. */
  #pause(attempt: number, retryAfterMs: number | undefined): number {
    const random = this.#options.random ?? Math.random;
    const backOff = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 16)) * (0.5 + random() / 2);
    return Math.max(backOff, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
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

/** Redirects are a matter of configuration, so what waits is kept until somebody corrects it. */
function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || status >= 500 || (status >= 300 && status < 400);
}
