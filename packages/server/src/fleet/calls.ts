import { type AgentId, type CancelTimer, type Clock, MusterError, newMessageId } from "@muster/core";
import type { InputAnswer, InputCall, InputInventory } from "@muster/core/resources";
import type { Bus } from "../bus/bus.ts";
import type { Answer } from "../bus/subjects.ts";
import type { Store } from "../store/store.ts";
import { type AgentState, workingSession } from "./agent-state.ts";
import type { Registry } from "./registry.ts";
import type { LiveSession } from "./sessions.ts";

interface CallsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly registry: Registry;
}

export interface CallOptions {
  readonly timeoutMs: number;
  /** Gives up waiting; what the agent does with the call stays open. */
  readonly signal?: AbortSignal | undefined;
}

type TakeInventory = (agent: AgentState, inventory: InputInventory) => Promise<void>;

interface Waiting {
  readonly session: LiveSession;
  settle(answer: InputAnswer): void;
  fail(error: MusterError): void;
}

/** Calls that one agent may owe an answer to; further ones are refused, since nobody would read them. */
const MAX_PER_AGENT = 100;
/** What the way to another process may take beside the agent's own time. */
const BUS_SLACK_MS = 1000;

type Refusal = Extract<Answer<"call">, { ok: false }>["refusal"];

/**
 * Questions to agents that are answered while somebody waits, whatever the agent's protocol. Not stored: a call that is
 * not answered in time, or whose connection ends, fails at once, and what became of it is seen in the agent's inventory.
 */
export class Calls {
  readonly #parts: CallsParts;
  readonly #waiting = new Map<string, Waiting>();
  readonly #bySession = new Map<LiveSession, Set<string>>();
  #takeInventory: TakeInventory = async () => {};

  constructor(parts: CallsParts) {
    this.#parts = parts;
    parts.bus.answer("call", ({ agent, call, timeoutMs }) => this.#answerOther(agent as AgentId, call, timeoutMs));
  }

  /** Who keeps what agents say of their inputs. An answer that carries an inventory is given out after it was taken. */
  onInventory(take: TakeInventory): void {
    this.#takeInventory = take;
  }

  /** How many calls wait for an answer in this process. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks an agent, wherever it is connected. Refusals of the agent are answers. Rejects with `not_found` (no such agent),
   * `failed_precondition` (it has no inputs to configure), `unavailable` with `details.reason` `offline` (nothing was sent)
   * or `lost` (the connection ended first), `deadline_exceeded`. The inventory of an answer from another process stays there.
   */
  async call(agentId: AgentId, call: InputCall, options: CallOptions): Promise<InputAnswer> {
    const state = this.#parts.registry.get(agentId);
    const session = state && workingSession(state);
    if (session) return this.#ask(session, call, options);
    const holder = await this.#findHolder(agentId, state?.elsewhere ?? null);
    if (holder === null) throw offline();
    return this.#askProcess(holder, { agentId, call, options });
  }

  /** Throws what `call` would, as far as that is known before the agent is asked. */
  async assertReachable(agentId: AgentId): Promise<void> {
    const state = this.#parts.registry.get(agentId);
    const session = state && workingSession(state);
    if (session) {
      if (!canBeAsked(session)) throw unsupported();
    } else if ((await this.#findHolder(agentId, state?.elsewhere ?? null)) === null) throw offline();
  }

  /** The agent has answered. */
  answered(session: LiveSession, callId: string, answer: InputAnswer): void {
    const waiting = this.#waiting.get(callId);
    if (waiting?.session !== session) return;
    this.#forget(session, callId);
    const inventory = answer.ok ? answer.content.inventory : undefined;
    if (!inventory) waiting.settle(answer);
    else {
      const give = () => waiting.settle(answer);
      this.#takeInventory(session.state, inventory).then(give, give);
    }
  }

  reported(session: LiveSession, inventory: InputInventory): void {
    void this.#takeInventory(session.state, inventory).catch(() => {}); // the next one says it again
  }

  /** The connection has ended: nobody will answer what was asked over it. */
  connectionLost(session: LiveSession): void {
    for (const callId of this.#bySession.get(session) ?? []) {
      const waiting = this.#waiting.get(callId);
      this.#waiting.delete(callId);
      waiting?.fail(lost("the agent's connection ended before it answered"));
    }
    this.#bySession.delete(session);
  }

  #ask(session: LiveSession, call: InputCall, options: CallOptions): Promise<InputAnswer> {
    const { peer } = session;
    if (!canBeAsked(session)) throw unsupported();
    const callIds = this.#bySession.get(session) ?? new Set();
    if (callIds.size >= MAX_PER_AGENT)
      throw new MusterError("resource_exhausted", "too many calls wait for this agent's answer");
    const callId = newMessageId();
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      let cancelTimer: CancelTimer = () => {};
      const abort = () => {
        this.#forget(session, callId);
        fail(abandoned());
      };
      const end = () => {
        cancelTimer();
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: MusterError) => {
        end();
        reject(error);
      };
      cancelTimer = this.#parts.clock.after(timeoutMs, () => {
        this.#forget(session, callId);
        fail(new MusterError("deadline_exceeded", "the agent did not answer in time", { timeoutMs }));
      });
      const settle = (answer: InputAnswer) => {
        end();
        resolve(answer);
      };
      this.#waiting.set(callId, { session, settle, fail });
      this.#bySession.set(session, callIds.add(callId));
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      peer.onCall?.(callId, call);
    });
  }

  #forget(session: LiveSession, callId: string): void {
    this.#waiting.delete(callId);
    const callIds = this.#bySession.get(session);
    callIds?.delete(callId);
    if (callIds?.size === 0) this.#bySession.delete(session);
  }

  async #findHolder(agentId: AgentId, told: string | null): Promise<string | null> {
    const { store, bus } = this.#parts;
    const row = await store.db.selectFrom("agents").select("holder").where("id", "=", agentId).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    // what was told over the bus is newer than what is written in batches
    const holder = told ?? row.holder;
    return holder === bus.processId ? null : holder;
  }

  async #askProcess(
    holder: string,
    { agentId, call, options }: { agentId: AgentId; call: InputCall; options: CallOptions },
  ): Promise<InputAnswer> {
    const { bus } = this.#parts;
    if (!bus.isConnected) throw offline();
    const { timeoutMs } = options;
    const ask = bus.ask("call", holder, { agent: agentId, call, timeoutMs }, timeoutMs + BUS_SLACK_MS);
    const asked = await untilAborted(ask, options.signal);
    if (!asked) throw lost("the server process that holds the agent did not answer");
    if (asked.ok) return asked.answer;
    throw REFUSALS[asked.refusal](timeoutMs);
  }

  /** For another process. What it would have to carry over the bus and can read in the store is left out. */
  async #answerOther(agentId: AgentId, call: InputCall, timeoutMs: number): Promise<Answer<"call">> {
    const state = this.#parts.registry.get(agentId);
    const session = state && workingSession(state);
    if (!session) return { ok: false, refusal: "offline" };
    try {
      const answer = await this.#ask(session, call, { timeoutMs });
      if (!answer.ok) return { ok: true, answer };
      const { inventory: _, ...content } = answer.content;
      return { ok: true, answer: { ok: true, content } };
    } catch (error) {
      return { ok: false, refusal: refusalOf(error) };
    }
  }
}

const REFUSALS: Readonly<Record<Refusal, (timeoutMs: number) => MusterError>> = {
  offline: () => offline(),
  lost: () => lost("the agent's connection ended before it answered"),
  unsupported: () => unsupported(),
  busy: () => new MusterError("resource_exhausted", "too many calls wait for this agent's answer"),
  timeout: (timeoutMs) => new MusterError("deadline_exceeded", "the agent did not answer in time", { timeoutMs }),
};

/** What was promised, or a failure as soon as nobody waits for it any more. */
async function untilAborted<Value>(promised: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return promised;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(abandoned());
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promised, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function canBeAsked({ peer, state }: LiveSession): boolean {
  return peer.onCall !== undefined && state.capabilities.has("inputs");
}

function refusalOf(error: unknown): Refusal {
  const code = error instanceof MusterError ? error.code : "internal";
  if (code === "deadline_exceeded") return "timeout";
  if (code === "failed_precondition") return "unsupported";
  return code === "resource_exhausted" ? "busy" : "lost";
}

function offline(): MusterError {
  return new MusterError("unavailable", "the agent is not connected", { reason: "offline" });
}

function lost(message: string): MusterError {
  return new MusterError("unavailable", message, { reason: "lost" });
}

function abandoned(): MusterError {
  return lost("nobody waits for the answer any more");
}

function unsupported(): MusterError {
  return new MusterError("failed_precondition", "this agent's inputs cannot be configured from here", {
    reason: "unsupported",
  });
}
