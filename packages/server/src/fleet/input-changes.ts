import { type AgentId, type Clock, MusterError, type Timestamp } from "@muster/core";
import type { InputAnswer, InputCall, InputInventory } from "@muster/core/resources";
import type { Store } from "../store/store.ts";
import { Batcher } from "./batcher.ts";
import type { Calls } from "./calls.ts";
import type { Feed } from "./feed.ts";
import { busyInput, duplicateInput, inputError, inputNotFound, outdatedRevision } from "./input-failures.ts";
import { type Begun, beginChanges, type Change, type Settlement, settleChanges } from "./input-rows.ts";

interface InputChangesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly calls: Calls;
  readonly feed: Feed;
}

/** What was applied. */
export interface Applied {
  /** One per change, in their order. */
  readonly revisions: readonly number[];
  readonly at: Timestamp;
  /** What the agent has from then on, where it said so here: what it tells another process is read from the store. */
  readonly inventory: InputInventory | undefined;
}

/** An agent has to answer within this; a collector that starts may have to connect first. */
export const CALL_MS = 30_000;
/** A change whose process died keeps others away for this long. */
const BUSY_MS = CALL_MS + 10_000;
const BATCH = 200;

/**
 * Carries changes out: written down and reserved, then asked of the agent, then settled by its answer. Of two that race
 * for the same meaning or the same input one wins, in whatever process they are.
 */
export class InputChanges {
  readonly #parts: InputChangesParts;
  readonly #begin: Batcher<readonly Change[], Begun>;
  readonly #settle: Batcher<Settlement, undefined>;

  constructor(parts: InputChangesParts) {
    this.#parts = parts;
    this.#begin = new Batcher(BATCH, (groups) => this.#writeBegun(groups));
    this.#settle = new Batcher(BATCH, (settlements) => this.#writeSettled(settlements));
  }

  /** Resolves when all changes of one call are applied; throws what the caller is told, and then none of them is. */
  async run(agentId: AgentId, changes: readonly Change[], call: InputCall): Promise<Applied> {
    const begun = await this.#begin.add(changes);
    if (!begun.ok) throw REFUSALS[begun.why](begun.inputId);
    const attempts = changes.map(({ inputId }, index) => ({ inputId, revision: begun.revisions[index] ?? 0 }));
    const settle = async (outcome: Settlement["outcome"], reason: string | null) => {
      await Promise.all(
        attempts.map((attempt) => this.#settle.add({ ...attempt, outcome, reason: cleanText(reason) })),
      );
      this.#parts.feed.publish({ kind: "inputs", agentId });
    };
    const about = { inputId: attempts[0]?.inputId, revision: attempts[0]?.revision };
    let answer: InputAnswer;
    try {
      answer = await this.#parts.calls.call(agentId, call, { timeoutMs: CALL_MS });
    } catch (error) {
      const fault = error as MusterError;
      const outcome = mayBeDone(fault) ? "unknown" : "refused";
      await settle(outcome, fault.message);
      throw new MusterError(fault.code, fault.message, { ...fault.details, ...about, outcome }, fault);
    }
    await settle(answer.ok ? "applied" : "refused", answer.ok ? null : answer.failure.message);
    if (!answer.ok) throw inputError(answer.failure, { ...about, outcome: "refused" });
    return { revisions: begun.revisions, at: begun.at, inventory: answer.content.inventory };
  }

  /** Resolves when nothing waits to be written. */
  async settle(): Promise<void> {
    await this.#begin.settle();
    await this.#settle.settle();
  }

  async #writeBegun(groups: readonly (readonly Change[])[]): Promise<Begun[]> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const context = { dialect: store.dialect, now, busyUntil: now + BUSY_MS };
    return store.transaction((queries) => beginChanges(queries, groups, context));
  }

  async #writeSettled(settlements: readonly Settlement[]): Promise<undefined[]> {
    const { store } = this.#parts;
    await store.transaction((queries) => settleChanges(queries, settlements, store));
    return settlements.map(() => undefined);
  }
}

const REFUSALS: Readonly<Record<Extract<Begun, { ok: false }>["why"], (inputId: string) => MusterError>> = {
  duplicate: duplicateInput,
  busy: busyInput,
  gone: inputNotFound,
  outdated: outdatedRevision,
};

/** True where the agent may have done what it was asked for although nobody heard so. */
function mayBeDone(error: MusterError): boolean {
  return error.code === "deadline_exceeded" || error.details.reason === "lost";
}

/** What a database takes as text. */
function cleanText(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "").slice(0, 4000);
}
