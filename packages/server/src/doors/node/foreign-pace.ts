import type { AgentSession } from "../../fleet/session.ts";
import { FOREIGN_STALE_MS } from "./parts.ts";

/** Even a very slow agent is missed after this long. */
const LONGEST_STALE_MS = 3_600_000;

/**
 * The interval of an agent that is not ours, as its heartbeats show it: three of them may be missed, and never less
 * than three minutes. The original makes up for missed beats in a burst, which says nothing of its interval.
 */
export class ForeignPace {
  #lastBeat: number | undefined;
  #staleAfterMs = FOREIGN_STALE_MS;

  /** `now` is monotonic. */
  beat(session: AgentSession, now: number): void {
    const gap = this.#lastBeat === undefined ? 0 : now - this.#lastBeat;
    this.#lastBeat = now;
    const staleAfterMs = Math.min(Math.max(3 * gap, FOREIGN_STALE_MS), LONGEST_STALE_MS);
    if (staleAfterMs === this.#staleAfterMs) return;
    this.#staleAfterMs = staleAfterMs;
    session.expectSilence(staleAfterMs);
  }
}
