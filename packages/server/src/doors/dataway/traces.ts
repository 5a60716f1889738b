import type { CancelTimer, Clock } from "@muster/core";

/** How a message down ended: answered, silent for too long, its socket gone, or never sent, since too much waits or there is no word for it. */
export type Outcome<Reply> =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "expired" }
  | { readonly kind: "lost" }
  | { readonly kind: "busy" }
  | { readonly kind: "unsupported" };

interface Waiting<Reply> {
  readonly settle: (outcome: Outcome<Reply>) => void;
  readonly cancel: CancelTimer;
}

/**
 * The messages down one socket that wait for their answers, by the trace id that is made here and leaves only towards the
 * DataKit. Answers may come in any order; late and unknown ones find nobody.
 */
export class Traces<Reply> {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiting = new Map<string, Waiting<Reply>>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Sends and waits at most `timeoutMs`. */
  ask(traceId: string, send: () => void, timeoutMs: number): Promise<Outcome<Reply>> {
    if (this.#waiting.size >= this.#limit || this.#waiting.has(traceId)) return Promise.resolve({ kind: "busy" });
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<Reply>) => {
        this.#waiting.get(traceId)?.cancel();
        this.#waiting.delete(traceId);
        resolve(outcome);
      };
      const cancel = this.#clock.after(timeoutMs, () => settle({ kind: "expired" }));
      this.#waiting.set(traceId, { settle, cancel });
      send();
    });
  }

  /** False when nobody waits for it. */
  answer(traceId: string, reply: Reply): boolean {
    const waiting = this.#waiting.get(traceId);
    waiting?.settle({ kind: "reply", reply });
    return waiting !== undefined;
  }

  /** For an answer that names no request: it is meant for the one that waits, if only one does. */
  answerOnly(reply: Reply): boolean {
    const [traceId, ...others] = this.#waiting.keys();
    return traceId !== undefined && others.length === 0 && this.answer(traceId, reply);
  }

  /** The socket is gone: nobody waits any longer. */
  close(): void {
    for (const { settle } of [...this.#waiting.values()]) settle({ kind: "lost" });
  }
}
