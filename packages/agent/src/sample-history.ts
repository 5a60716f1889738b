import type { Clock, HostSample, Timestamp } from "@muster/core";
import { errorText, type Logger } from "./log.ts";
import { SampleAverage, type SampleRing, type SampleRow } from "./samples.ts";

/** The span of one row: the finest step of the server's history. */
const SPAN_MS = 10_000;
/** Rows in one frame. */
const BATCH_ROWS = 500;
/** A batch that was not confirmed for this long is sent again. */
const CONFIRM_WITHIN_MS = 30_000;
const COMPLAIN_EVERY_MS = 600_000;

/**
 * Samples on their way to the server. Every sample goes into the ring (averaged) and stays there until the server says
 * that it is stored. After a connection the ring is sent first, oldest first; until the last batch of it is on its way,
 * live samples are only shown ("backlog"), since they come again as rows.
 */
export class SampleHistory {
  readonly #ring: SampleRing;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #average = new SampleAverage();
  #isLive = false;
  #batch: { readonly next: number; readonly lastAt: Timestamp; readonly sentAt: number } | undefined;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { ring: SampleRing; clock: Clock; log: Logger }) {
    this.#ring = options.ring;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** True while older samples wait to be sent. */
  get hasBacklog(): boolean {
    return !this.#isLive;
  }

  add(sample: HostSample): void {
    if (this.#average.isDue(sample.at, SPAN_MS)) this.#flush();
    this.#average.add(sample);
  }

  /** A server has answered; it has everything up to `storedThrough`. Everything else is backlog now. */
  connect(storedThrough: Timestamp | null): void {
    this.#batch = undefined;
    this.#flush();
    if (storedThrough !== null) this.#ring.drop(storedThrough);
    this.#isLive = this.#ring.size === 0;
  }

  /** The rows to send now, oldest first; undefined when there are none or a batch waits for its confirmation. */
  nextBatch(): readonly SampleRow[] | undefined {
    const now = this.#clock.monotonic();
    const isLate = this.#batch !== undefined && now - this.#batch.sentAt > CONFIRM_WITHIN_MS;
    if (isLate) {
      this.#batch = undefined;
      this.#isLive = false;
    }
    if (this.#isLive || this.#batch) return undefined;
    // the last batch takes along what is being averaged, so that nothing falls between backlog and live
    if (this.#ring.size < BATCH_ROWS) this.#flush();
    const { rows, next } = this.#ring.peek(BATCH_ROWS);
    const last = rows.at(-1);
    this.#isLive = rows.length < BATCH_ROWS;
    if (!last) return undefined;
    this.#batch = { next, lastAt: last[0] ?? 0, sentAt: now };
    return rows;
  }

  /** The server has stored everything that it was sent up to `through`. */
  confirm(through: Timestamp): void {
    const batch = this.#batch;
    this.#ring.drop(through, batch?.next);
    if (batch && through >= batch.lastAt) this.#batch = undefined;
  }

  /** Keeps what is being averaged, before the agent ends. */
  close(): void {
    this.#flush();
    this.#ring.close();
  }

  #flush(): void {
    if (this.#average.isEmpty) return;
    const { at, values } = this.#average.take();
    try {
      this.#ring.push(at, values);
    } catch (error) {
      const now = this.#clock.monotonic();
      if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
      this.#complainedAt = now;
      this.#log.warn("sample not kept", { reason: errorText(error) });
    }
  }
}
