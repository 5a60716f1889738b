import { createHash } from "node:crypto";
import type { CancelTimer, Clock, TokenId } from "@muster/core";

/** Whether a token lets a DataKit in. `unknown`: nobody could say, so the DataKit should come again. */
export type TokenVerdict =
  | { readonly kind: "good"; readonly tokenId: TokenId | null }
  | { readonly kind: "bad" }
  | { readonly kind: "unknown" };

/** Who decides about the tokens of DataKits. */
export interface TokenChecks {
  check(token: string): Promise<TokenVerdict>;
  /** Looks again at the tokens of live connections, and tells of those that are good no longer. Ends with the returned function. */
  watch(inUse: () => Iterable<string>, onRevoked: (token: string) => void): CancelTimer;
}

/** Our own enrolment tokens. Connections of removed ones are ended by the fleet, so nothing is left to watch but expiry. */
export function enrollmentChecks(
  access: { checkEnrollment(token: string): TokenId | undefined },
  clock: Clock,
): TokenChecks {
  return {
    async check(token) {
      const tokenId = access.checkEnrollment(token);
      return tokenId === undefined ? { kind: "bad" } : { kind: "good", tokenId };
    },
    watch: (inUse, onRevoked) =>
      clock.every(RECHECK_MS, () => {
        for (const token of new Set(inUse())) if (access.checkEnrollment(token) === undefined) onRevoked(token);
      }),
  };
}

/** How long a yes and a no of the backend are believed, and how often the tokens of live connections are asked about again. */
const GOOD_MS = 60_000;
const BAD_MS = 10_000;
const RECHECK_MS = 60_000;
const MAX_KEPT = 10_000;
/** Questions that may be under way: strangers with made-up tokens must not flood the backend. */
const MAX_ASKING = 64;

/** What no token has ever looked like is not worth a question to the backend, which may take the empty one for another path. */
const TOKEN = /^[A-Za-z0-9_.~-]{4,500}$/;

/** Tokens that a backend decides about, with what it said remembered by hash. */
export class BackendChecks implements TokenChecks {
  readonly #ask: (token: string) => Promise<"good" | "bad" | "unknown">;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly verdict: TokenVerdict; readonly until: number }>();
  readonly #asking = new Map<string, Promise<TokenVerdict>>();

  constructor(ask: (token: string) => Promise<"good" | "bad" | "unknown">, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  check(token: string): Promise<TokenVerdict> {
    if (!TOKEN.test(token)) return Promise.resolve({ kind: "bad" });
    const key = hash(token);
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#clock.monotonic()) return Promise.resolve(kept.verdict);
    return this.#asking.get(key) ?? this.#askNow(token, key);
  }

  watch(inUse: () => Iterable<string>, onRevoked: (token: string) => void): CancelTimer {
    let ended = false;
    let looking = false;
    const look = async () => {
      if (looking) return;
      looking = true;
      // one after the other: nobody waits for it
      for (const token of new Set(inUse())) {
        if (ended) break;
        const key = hash(token);
        const verdict = await (this.#asking.get(key) ?? this.#askNow(token, key));
        // only a clear no ends a connection that was let in: a backend that is away changes nothing
        if (verdict.kind === "bad" && !ended) onRevoked(token);
      }
      looking = false;
    };
    const cancel = this.#clock.every(RECHECK_MS, () => void look());
    return () => {
      ended = true;
      cancel();
    };
  }

  #askNow(token: string, key: string): Promise<TokenVerdict> {
    if (this.#asking.size >= MAX_ASKING) return Promise.resolve({ kind: "unknown" });
    const asking = this.#ask(token)
      .catch(() => "unknown" as const)
      .then((said) => this.#keep(key, said))
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  #keep(key: string, said: "good" | "bad" | "unknown"): TokenVerdict {
    const verdict: TokenVerdict = said === "good" ? { kind: "good", tokenId: null } : { kind: said };
    this.#kept.delete(key);
    if (said === "unknown") return verdict;
    const until = this.#clock.monotonic() + (said === "good" ? GOOD_MS : BAD_MS);
    this.#kept.set(key, { verdict, until });
    if (this.#kept.size > MAX_KEPT) for (const oldest of this.#kept.keys()) return this.#forget(oldest, verdict);
    return verdict;
  }

  #forget(key: string, verdict: TokenVerdict): TokenVerdict {
    this.#kept.delete(key);
    return verdict;
  }
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
