import { isIPv6 } from "node:net";
import { type Clock, MusterError } from "@muster/core";

/** Failures that cost nothing; from then on each doubles the pause. */
const FREE_FAILURES = 5;
/** An address is kept out longer than a name, so that nobody can lock a person out for long. */
const MAX_PAUSE_MS = { address: 15 * 60_000, username: 30_000 } as const;
const FORGET_AFTER_MS = 30 * 60_000;
const MAX_KEYS = 10_000;
/** Attempts of one address that wait for each other. */
const MAX_WAITING = 20;

interface Failures {
  count: number;
  lastAt: number;
  blockedUntil: number;
}

/**
 * Slows down guessing: per address, and per user name for those who guess from many addresses. An address from which a
 * person has logged in before is not held up by what others try with that person's name.
 */
export class LoginLimiter {
  readonly #clock: Clock;
  readonly #addresses = new Map<string, Failures>();
  readonly #usernames = new Map<string, Failures>();
  readonly #trusted = new Map<string, true>();
  readonly #queues = new Map<string, { last: Promise<void>; length: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs one attempt of an address after the other: else a burst would be checked before its first failure counts.
   */
  async inTurn<Result>(address: string, attempt: () => Promise<Result>): Promise<Result> {
    const network = networkOf(address);
    const queue = this.#queues.get(network) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length >= MAX_WAITING) {
      throw new MusterError("resource_exhausted", "too many logins at once", { retryAfterMs: 2000 });
    }
    queue.length += 1;
    this.#queues.set(network, queue);
    const result = queue.last.then(attempt);
    queue.last = result.then(ignore, ignore);
    try {
      return await result;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(network);
    }
  }

  /** Throws resource_exhausted with `retryAfterMs` while the address or the name is held up. */
  check(username: string, address: string): void {
    const network = networkOf(address);
    const waits = [this.#waitOf(this.#addresses, network)];
    if (!this.#trusted.has(pairOf(username, network))) waits.push(this.#waitOf(this.#usernames, username));
    const retryAfterMs = Math.max(...waits);
    if (retryAfterMs > 0) {
      throw new MusterError("resource_exhausted", "too many failed logins, wait a moment", { retryAfterMs });
    }
  }

  reportFailure(username: string, address: string): void {
    this.#count(this.#addresses, networkOf(address), MAX_PAUSE_MS.address);
    this.#count(this.#usernames, username, MAX_PAUSE_MS.username);
  }

  reportSuccess(username: string, address: string): void {
    const network = networkOf(address);
    this.#addresses.delete(network);
    this.#usernames.delete(username);
    remember(this.#trusted, pairOf(username, network), true);
  }

  #waitOf(failures: Map<string, Failures>, key: string): number {
    const known = failures.get(key);
    return known ? known.blockedUntil - this.#clock.monotonic() : 0;
  }

  #count(failures: Map<string, Failures>, key: string, maxPauseMs: number): void {
    const now = this.#clock.monotonic();
    const known = failures.get(key);
    const count = known && now - known.lastAt < FORGET_AFTER_MS ? known.count + 1 : 1;
    const pauseMs = count < FREE_FAILURES ? 0 : Math.min(maxPauseMs, 1000 * 2 ** (count - FREE_FAILURES));
    failures.delete(key);
    remember(failures, key, { count, lastAt: now, blockedUntil: now + pauseMs });
  }
}

/** Keeps the newest keys only: an attacker with many addresses must not fill our memory. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= MAX_KEYS) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}

function pairOf(username: string, network: string): string {
  return `${network} ${username}`;
}

/** One IPv6 customer owns a /64 at least, so that is what counts as one address. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) while (groups.length < 4) groups.push("0");
  return groups.slice(0, 4).join(":");
}

function ignore(): void {}
