import { type Clock, delay, type Labels } from "@muster/core";
import { compress } from "snappyjs";
import { DiskQueue, type QueueBatch, type QueueLosses } from "./disk-queue.ts";
import type { OutboundAnswer } from "./http-request.ts";
import { authorization, excerpt, limitReports, type RemoteCredentials, type ReportTrouble } from "./remote-store.ts";
import { type Again, again, isTemporary, LAST_RETRY_MS, post, Sender } from "./sender.ts";
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
  /** Requests that are repeated: no answer, 408, 429, 5xx. */
  failures: number;
  /** Steps that the store refused for good. */
  refused: number;
}

/** Steps per request: about 200 KiB before compression, so that making one never holds up anything else. */
const BATCH = 48;

/**
 * Sends steps by Prometheus remote write 1.0, oldest first and one request at a time, through a queue on the disk. No
 * answer, 408, 429, 5xx and redirects are repeated, with growing pauses and for as long as the queue has room; after any other
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
  readonly #sender: Sender<QueueBatch>;
  /** What is left of the batch that is being sent, in parts that are sent by themselves. */
  #parts: (readonly Step[])[] = [];
  #sending: QueueBatch | undefined;
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
    const { clock, random } = options;
    this.#sender = new Sender<QueueBatch>({
      name: "remote write",
      outbox: {
        peek: () => queue.peek(BATCH),
        confirm: (batch) => queue.confirm(batch),
        close: () => queue.close(),
      },
      send: (batch, signal) => this.#send(batch, signal),
      counters: this.counters,
      waiting: () => this.length,
      clock,
      report: this.#report,
      random,
    });
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
    this.#sender.wake();
  }

  /** Ends a request that is under way; what was not confirmed is sent after the next start. */
  close(): Promise<void> {
    return this.#sender.close();
  }

  /** A batch that fails halfway goes on where it stopped. */
  async #send(batch: QueueBatch, signal: AbortSignal): Promise<Again | undefined> {
    if (this.#sending !== batch) this.#parts = [batch.steps];
    this.#sending = batch;
    for (let steps = this.#parts[0]; steps; steps = this.#parts[0]) {
      const body = compress(this.#requests.encode(steps));
      const request = { url: this.#url, headers: this.#headers, body };
      const answer = await post(request, { clock: this.#options.clock, signal });
      if (!("status" in answer)) return answer;
      if (isTemporary(answer.status)) return again(answer);
      this.#parts.shift();
      if (answer.status < 300) this.counters.sent += steps.length;
      else await this.#refused(steps, answer, signal);
    }
    this.#sending = undefined;
    return undefined;
  }

  /** The same request is never sent again after a refusal. */
  async #refused(steps: readonly Step[], answer: OutboundAnswer, signal: AbortSignal): Promise<void> {
    const isAboutSteps = answer.status === 400 || answer.status === 413 || answer.status === 422;
    if (isAboutSteps && steps.length > 1) {
      const middle = steps.length >> 1;
      this.#parts.unshift(steps.slice(0, middle), steps.slice(middle));
      return;
    }
    this.counters.refused += steps.length;
    const details = { status: answer.status, reason: excerpt(answer.body), steps: steps.length };
    this.#report("the store of metrics refused steps, which are dropped", details);
    // a wrong password or path refuses everything: slowly, so that most is still there when somebody corrects it
    if (!isAboutSteps) await delay(this.#options.clock, LAST_RETRY_MS, signal);
  }

  #reportLosses(): void {
    const { full, disk, broken } = this.#queue.losses;
    const losses = full + disk + broken;
    if (losses > this.#losses) this.#report("steps were lost before they could be sent", { full, disk, broken });
    this.#losses = losses;
  }
}
