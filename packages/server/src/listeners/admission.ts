import type { Clock } from "@muster/core";

export interface AdmissionOptions {
  readonly clock: Clock;
  /** Upgrades of agents that may begin per second, in the long run. */
  readonly perSecond: number;
  /** How many may begin at once after a quiet time; default: two seconds' worth. */
  readonly burst?: number;
  /** While so many hellos wait for the store nobody new is let in; default: four seconds' worth, at most 5,000. */
  readonly maxWaiting?: number;
  /** 0 to below 1. */
  readonly random: () => number;
}

/** So many seconds' worth of the rate may wait for the store: those that wait much longer have given up when it is their turn. */
const WAITING_SECONDS = 4;
const MAX_WAITING = 5_000;
/** Nobody is sent away for longer: whoever lost the queue's count for good should not stay away for good. */
const MAX_WAIT_MS = 300_000;
/** Why upgrades were refused. */
export type AdmissionRefusal = "rate" | "store" | "descriptors";

/**
 * Decides which agents may come: those that dial, before a token or the store is looked at, and those that a connection
 * speaks for beside its first. A bucket of tokens holds the rate; who finds it empty is handed the next free place of a
 * queue that nobody stands in: the time until then is what Retry-After says, so that a fleet that came at once comes back
 * at the rate.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #maxWaiting: number;
  readonly #random: () => number;
  #tokens: number;
  #filledAt: number;
  /** When the last place that was handed out comes up; on the monotonic clock. */
  #lastPlaceAt: number;
  /** Upgrades let pass since the start, whatever came of them; for the metrics. */
  admitted = 0;
  readonly refused: Record<AdmissionRefusal, number> = { rate: 0, store: 0, descriptors: 0 };

  constructor(options: AdmissionOptions) {
    this.#clock = options.clock;
    this.#perSecond = options.perSecond;
    this.#burst = options.burst ?? options.perSecond * 2;
    this.#maxWaiting = options.maxWaiting ?? Math.min(MAX_WAITING, options.perSecond * WAITING_SECONDS);
    this.#random = options.random;
    this.#tokens = this.#burst;
    this.#filledAt = options.clock.monotonic();
    this.#lastPlaceAt = this.#filledAt;
  }

  /** 0 when the upgrade may begin; otherwise the whole seconds after which to come back. */
  admit(waitingHellos: number): number {
    if (waitingHellos >= this.#maxWaiting) return this.refuse("store");
    this.#fill();
    if (this.#tokens < 1) return this.refuse("rate");
    this.#tokens -= 1;
    this.admitted += 1;
    return 0;
  }

  /** Counts a refusal and hands out the next place: the whole seconds after which to come back. */
  refuse(why: AdmissionRefusal): number {
    this.refused[why] += 1;
    const now = this.#clock.monotonic();
    const placeAt = Math.max(this.#lastPlaceAt, now) + 1000 / this.#perSecond;
    if (placeAt - now > MAX_WAIT_MS) return Math.ceil((MAX_WAIT_MS * (1 + this.#random())) / 2000);
    this.#lastPlaceAt = placeAt;
    // a second that went through floating point may come back a hair longer, and must not become two
    return Math.max(1, Math.ceil((placeAt - now) / 1000 - 1e-6));
  }

  /** For an upgrade that came to nothing, such as one with a wrong token: strangers must not use up the agents' rate. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) * this.#perSecond) / 1000);
    this.#filledAt = now;
  }
}
