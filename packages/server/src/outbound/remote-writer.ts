import { type Clock, delay, type Labels } from "@muster/core";
import { compress } from "snappyjs";
import { DiskQueue, type QueueLosses } from "./disk-queue.ts";
import { type OutboundAnswer, sendRequest } from "./http-request.ts";
import { authorization, excerpt, limitReports, type RemoteCredentials, type ReportTrouble } from "./remote-store.ts";
import type { Step } from "./step.ts";
import { WriteRequests } from "./write-request.ts";

export interface RemoteWriterOptions {
  readonly url: string;
  readonly credentials: RemoteCredentials;
  /** Labels that every series gets. */
  readonly labels: Labels;
  readonly queueFolder: string;
  readonly queueBytes: number;
  readonly version: string;
  readonly clock: Clock;
  readonly report: ReportTrouble;
  /** 0..1, for spreading retries. */
  readonly random?: () => number;
}

export interface RemoteWriterCounters {
  /** Steps that the store took. */
  sent: number;
  /** Requests that will be repeated: no answer, 429, 5xx. */
  failures: number;
  /** Steps that the store refused for good. */
  refused: number;
}

/** Steps per request: about 200 KiB before compression, so that making one never holds up anything else. */
const BATCH = 48;
const TIMEOUT_MS = 30_000;
const MAX_ANSWER = 64 * 1024;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** A store that asks for more patience than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Sends steps by Prometheus remote write 1.0, oldest first and one request at a time, through a queue on the disk. No
 * answer, 429, 5xx and redirects are repeated, with growing pauses and for as long as the queue has room; after any other
 * 4xx the steps are dropped and counted, as the protocol demands. When the refusal may be about one step among many, the
 * batch is halved first, so that one bad step takes no good ones with it.
 */
export class RemoteWriter {
  readonly counters: RemoteWriterCounters = { sent: 0, failures: 0, refused: 0 };
  readonly #options: RemoteWriterOptions;
  readonly #url: URL;
  readonly #queue: DiskQueue;
  readonly #requests: WriteRequests;
  readonly #headers: Record<string, string>;
  readonly #report: ReportTrouble;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};
  #losses = 0;

  private constructor(options: RemoteWriterOptions, queue: DiskQueue) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#queue = queue;
    this.#requests = new WriteRequests(options.labels);
    this.#report = limitReports(options.report, options.clock);
    this.#headers = {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      "user-agent": `muster/${options.version}`,
      ...authorization(options.credentials),
    };
    this.#running = this.#run();
  }

  /** Opens the queue and goes on with what is in it. */
  static async open(options: RemoteWriterOptions): Promise<RemoteWriter> {
    const { queueFolder: folder, queueBytes: maxBytes, clock } = options;
    return new RemoteWriter(options, await DiskQueue.open({ folder, maxBytes, clock }));
  }

  /** Steps that wait to be sent. */
  get length(): number {
    return this.#queue.length;
  }

  get queueBytes(): number {
    return this.#queue.bytes;
  }

  get losses(): Readonly<QueueLosses> {
    return this.#queue.losses;
  }

  /** Resolves when the steps would survive the death of this process; never rejects. */
  async take(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    await this.#queue.append(steps);
    this.#reportLosses();
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
        this.#report("remote write failed inside the server", { reason: String(error) });
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
    const batch = await this.#queue.peek(BATCH);
    if (!batch) {
      if (!this.#closing.signal.aborted) await woken;
    } else if (await this.#deliver(batch.steps)) await this.#queue.confirm(batch);
  }

  /** True when these steps are done with, one way or the other; false when the writer closes. */
  async #deliver(steps: readonly Step[]): Promise<boolean> {
    const body = compress(this.#requests.encode(steps));
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#post(body);
      if (signal.aborted && typeof answer === "string") return false;
      if (typeof answer === "string" || isTemporary(answer.status)) {
        this.counters.failures++;
        const reason = typeof answer === "string" ? answer : `status ${answer.status}: ${excerpt(answer.body)}`;
        this.#report("remote write fails and is repeated", { reason, waiting: this.length });
        await delay(clock, this.#pause(attempt, typeof answer === "string" ? undefined : answer.retryAfterMs), signal);
        continue;
      }
      if (answer.status < 300) {
        this.counters.sent += steps.length;
        return true;
      }
      return this.#refused(steps, answer);
    }
    return false;
  }

  /** The same request is never sent again after a refusal. */
  async #refused(steps: readonly Step[], answer: OutboundAnswer): Promise<boolean> {
    const isAboutSteps = answer.status === 400 || answer.status === 413 || answer.status === 422;
    if (isAboutSteps && steps.length > 1) {
      const middle = steps.length >> 1;
      return (await this.#deliver(steps.slice(0, middle))) && (await this.#deliver(steps.slice(middle)));
    }
    this.counters.refused += steps.length;
    const details = { status: answer.status, reason: excerpt(answer.body), steps: steps.length };
    this.#report("the store of metrics refused steps, which are dropped", details);
    // a wrong password or path refuses everything: slowly, so that most is still there when somebody corrects it
    if (!isAboutSteps) await delay(this.#options.clock, LAST_RETRY_MS, this.#closing.signal);
    return true;
  }

  async #post(body: Uint8Array<ArrayBuffer>): Promise<OutboundAnswer | string> {
    const { clock } = this.#options;
    const request = { url: this.#url, method: "POST", headers: this.#headers, body } as const;
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
    const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    return asked > backOff ? asked * (1 + random() / 10) : backOff;
  }

  #reportLosses(): void {
    const { full, disk, broken } = this.#queue.losses;
    const losses = full + disk + broken;
    if (losses > this.#losses) this.#report("steps were lost before they could be sent", { full, disk, broken });
    this.#losses = losses;
  }
}

/** Redirects are a matter of configuration, so what waits is kept until somebody corrects it. */
function isTemporary(status: number): boolean {
  return status === 429 || status >= 500 || (status >= 300 && status < 400);
}
