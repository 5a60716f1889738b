/** How an attempt or a connection ended. */
export type LinkEnd =
  /** No connection came about: refused, timed out, a 5xx. `waitMs` is what the server asked for. */
  | { readonly kind: "unreachable"; readonly waitMs?: number }
  /** The server does not accept our token. */
  | { readonly kind: "unauthorized" }
  /** A connection that had been answered broke. */
  | { readonly kind: "lost" }
  /** The server answers and cannot store what we have to hand over: another one may, behind the same address or the next. */
  | { readonly kind: "turned_away" }
  /** The server asked us to come back after a while. */
  | { readonly kind: "drained"; readonly afterMs: number };

export interface ReconnectOptions {
  readonly servers: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** 0 to below 1. */
  readonly random: () => number;
}

/** Where and when to connect next. */
export interface NextAttempt {
  readonly server: number;
  readonly delayMs: number;
}

/** The longest wait that a server may ask for. */
const MAX_ASKED_MS = 600_000;

/**
 * The wait before attempt n (0 is the first): drawn evenly from `minMs` up to a bound that starts at twice that and
 * doubles until it is `maxMs` (full jitter), so that a fleet that lost its server together does not come back together.
 */
export function backoffMs(attempt: number, options: Omit<ReconnectOptions, "servers">): number {
  const { minMs, maxMs, random } = options;
  const bound = Math.min(maxMs, minMs * 2 ** Math.min(attempt + 1, 30));
  return minMs + (bound - minMs) * random();
}

/**
 * What a server asked for (Retry-After), and up to a quarter more but at least a second: it counts in whole seconds and
 * may have told everybody the same.
 */
export function askedWaitMs(askedMs: number, random: () => number): number {
  const waitMs = Math.min(askedMs, MAX_ASKED_MS);
  return waitMs + random() * Math.max(1000, waitMs / 4);
}

/** Decides where and when to connect next. Several servers are tried in turn, with one wait per round. */
export class ReconnectPlan {
  readonly #options: ReconnectOptions;
  #attempt = 0;
  #server = 0;
  #triedInRound = 0;

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  get server(): number {
    return this.#server;
  }

  /** A server has answered our registration: waits start small again. */
  succeed(): void {
    this.#attempt = 0;
    this.#triedInRound = 0;
  }

  next(end: LinkEnd): NextAttempt {
    switch (end.kind) {
      case "drained":
        // the server has spread the fleet already
        return { server: this.#server, delayMs: Math.min(Math.max(0, end.afterMs), MAX_ASKED_MS) };
      case "lost":
        return { server: this.#server, delayMs: this.#wait() };
      case "turned_away":
        this.#turn();
        return { server: this.#server, delayMs: this.#wait() };
      case "unauthorized": {
        this.#turn();
        const { maxMs, random } = this.#options;
        return { server: this.#server, delayMs: maxMs * (0.75 + random() / 2) };
      }
      case "unreachable": {
        const isRoundOver = this.#turn();
        // a server that says when to come back knows better than our doubling, which does not go on meanwhile
        const { waitMs } = end;
        if (waitMs !== undefined) return { server: this.#server, delayMs: askedWaitMs(waitMs, this.#options.random) };
        return { server: this.#server, delayMs: isRoundOver ? this.#wait() : 0 };
      }
    }
  }

  #wait(): number {
    const delayMs = backoffMs(this.#attempt, this.#options);
    this.#attempt += 1;
    return delayMs;
  }

  /** Goes on to the next server; true when all had their turn. */
  #turn(): boolean {
    this.#server = (this.#server + 1) % this.#options.servers;
    this.#triedInRound += 1;
    if (this.#triedInRound < this.#options.servers) return false;
    this.#triedInRound = 0;
    return true;
  }
}
