import { type Clock, delay } from "@muster/core";
import { type OutboundAnswer, type OutboundRequest, sendRequest } from "./http-request.ts";
import { excerpt, type ReportTrouble } from "./remote-store.ts";

/** What waits to be sent: `peek` answers the same again until `confirm`, or what has replaced it. */
export interface Outbox<Batch> {
  peek(): Batch | undefined | Promise<Batch | undefined>;
  confirm(batch: Batch): Promise<void>;
  close(): Promise<void>;
}

/** Why a batch is sent again. */
export interface Again {
  readonly reason: string;
  /** How long the other side asks us to wait. */
  readonly retryAfterMs?: number | undefined;
}

export interface SenderOptions<Batch> {
  /** What is done, for reports: "forwarding". */
  readonly name: string;
  readonly outbox: Outbox<Batch>;
  /** One attempt. Undefined when the batch is done with, one way or the other; after an abort it may answer anything. */
  readonly send: (batch: Batch, signal: AbortSignal) => Promise<Again | undefined>;
  readonly counters: { failures: number };
  /** Batches, or parts of them, that wait. */
  readonly waiting: () => number;
  readonly clock: Clock;
  readonly report: ReportTrouble;
  /** 0..1, for spreading retries. */
  readonly random?: (() => number) | undefined;
}

const TIMEOUT_MS = 30_000;
const MAX_ANSWER = 64 * 1024;
const FIRST_RETRY_MS = 500;
export const LAST_RETRY_MS = 30_000;
/** Who asks for more patience than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Sends what waits in an outbox, oldest first and one batch at a time; a failed one again, with growing pauses. */
export class Sender<Batch> {
  readonly #options: SenderOptions<Batch>;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};
  #attempt = 0;

  constructor(options: SenderOptions<Batch>) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Something waits. */
  wake(): void {
    this.#wake();
  }

  /** Ends what is under way, and closes the outbox; what was not confirmed stays in it. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#running;
    await this.#options.outbox.close();
  }

  async #run(): Promise<void> {
    const { name, clock, report } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#sendNext();
      } catch (error) {
        // nothing below is expected to throw; what does must not end the sending
        report(`${name} failed inside the server`, { reason: String(error) });
        await delay(clock, LAST_RETRY_MS, signal);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sends what comes next, or waits until something is there. */
  async #sendNext(): Promise<void> {
    const { name, outbox, send, counters, waiting, clock, report } = this.#options;
    const { signal } = this.#closing;
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const batch = await outbox.peek();
    if (batch === undefined) {
      if (!signal.aborted) await woken;
      return;
    }
    const again = await send(batch, signal);
    if (!again) {
      this.#attempt = 0;
      await outbox.confirm(batch);
    } else if (!signal.aborted) {
      counters.failures++;
      report(`${name} fails and is repeated`, { reason: again.reason, waiting: waiting() });
      await delay(clock, this.#pause(again.retryAfterMs), signal);
    }
  }

  /** Twice as long each time, and never the same for two processes that failed together. */
  #pause(retryAfterMs = 0): number {
    const { random = Math.random } = this.#options;
    const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempt++, 16));
    const backOff = longest * (0.5 + random() / 2);
    const asked = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
    return asked > backOff ? asked * (1 + random() / 10) : backOff;
  }
}

/** As `sendRequest`, within the limits of all that comes from a queue; without a whole answer, why the batch is sent again. */
export async function post(
  request: Pick<OutboundRequest, "url" | "headers" | "body">,
  how: { clock: Clock; signal: AbortSignal },
): Promise<OutboundAnswer | Again> {
  const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER };
  try {
    return await sendRequest({ ...request, ...limits, method: "POST" }, how);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : "no answer" };
  }
}

/**
 * Whether a status says nothing about what was sent: too much at this moment, or a fault of the other side. Redirects are
 * a matter of configuration, so what waits is kept until somebody corrects it.
 */
export function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || status >= 500 || (status >= 300 && status < 400);
}

/** Whether a refusal is about who we are: a mistake in a token must not empty a queue. */
export function isAboutToken(status: number): boolean {
  return status === 401 || status === 403;
}

/** An answer that is not final. */
export function again({ status, body, retryAfterMs }: OutboundAnswer): Again {
  return { reason: `status ${status}: ${excerpt(body)}`, retryAfterMs };
}
