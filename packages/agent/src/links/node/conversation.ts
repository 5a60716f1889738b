import { type Clock, toIso } from "@muster/core";
import type { InputCall } from "@muster/core/resources";
import type {
  CoreFrame,
  NativeWelcome,
  NodeErrorCode,
  NodeFrame,
  NodeRegister,
  WireConfig,
} from "@muster/protocols/node";
import type { LinkEnd } from "./reconnect.ts";

/** Original cores announce no interval. */
export const CLASSIC_BEAT_MS = 10_000;
/** A registration that was not answered is sent again, and after a second silence the connection is given up. */
const REGISTER_WITHIN_MS = 15_000;
const REGISTER_RETRY_MIN_MS = 5000;
const REGISTER_RETRY_MAX_MS = 60_000;
const LEAST_SILENCE_MS = 15_000;
/** A server that could not store so many things in a row is cut off from its database; another one may not be. */
const STORE_REFUSALS = 2;
/** Behind the only address there may be a load balancer, or one server whose trouble passes: it is left when it lasts. */
const STORE_PATIENCE_MS = 30_000;
/** Reports whose answer is awaited; of older ones a refusal is not told from that of a beat. */
const MAX_OWED = 1000;

/** What the owner of the connection has to do, in order. */
export type Step =
  | { readonly do: "send"; readonly frame: NodeFrame }
  /** The server has answered our registration: everything may flow. `null` is a core without our extension. */
  | { readonly do: "ready"; readonly welcome: NativeWelcome | null; readonly beatMs: number }
  /** The interval has changed since. */
  | { readonly do: "beat_interval"; readonly beatMs: number }
  | { readonly do: "execute"; readonly frame: Extract<CoreFrame, { type: "execute_command" }> }
  | { readonly do: "cancel"; readonly runId: string; readonly graceMs: number }
  | { readonly do: "output_stored"; readonly runId: string; readonly through: number }
  | { readonly do: "result_stored"; readonly messageId: string; readonly runId: string | undefined }
  /** The server could not store a result or output; it is likely that it stored nothing else that is on its way. */
  | { readonly do: "not_stored" }
  | { readonly do: "samples_stored"; readonly through: number }
  /** Asks something about the inputs of this host. */
  | { readonly do: "answer"; readonly callId: string; readonly call: InputCall }
  /** All configs that this host should have. */
  | { readonly do: "follow"; readonly configs: readonly WireConfig[] }
  /** Whether somebody looks at this host. */
  | { readonly do: "watch"; readonly detail: boolean }
  | { readonly do: "warn"; readonly event: string; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly do: "close"; readonly reason: string; readonly end: LinkEnd };

export interface ConversationOptions {
  readonly clock: Clock;
  /** Built anew at each registration: it tells the journal as it is then. */
  readonly describe: () => NodeRegister;
  readonly newMessageId: () => string;
  /** There are other addresses to try. */
  readonly hasOthers: boolean;
}

/**
 * The rules of one connection to a core, ours or an original one: register first, answer what the seed's table of
 * errors advises, notice silence. Sends nothing itself and holds no timer: the owner carries out the steps and calls
 * `tick` about once a second. Protocol: docs/protocols/node.md.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  #phase: "registering" | "ready" = "registering";
  #beatMs = CLASSIC_BEAT_MS;
  #heardAt: number;
  #registeredAt: number | undefined;
  #registerAgainAt: number | undefined;
  #refusals = 0;
  #unanswered = 0;
  #isNative = false;
  #storeRefusals = 0;
  #storeRefusedAt = 0;
  /** Ids of frames that the server has to store: results and output. */
  readonly #owed = new Set<string>();

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#heardAt = options.clock.monotonic();
  }

  get isReady(): boolean {
    return this.#phase === "ready";
  }

  /** The socket is open. A welcome may come late or never: registering does not wait for it. */
  open(): Step[] {
    this.#heardAt = this.#now();
    return [this.#register()];
  }

  /** A frame leaves whose content is kept here until the server says that it is stored. */
  owe(messageId: string): void {
    this.#owed.add(messageId);
    if (this.#owed.size <= MAX_OWED) return;
    for (const oldest of this.#owed) {
      this.#owed.delete(oldest);
      return;
    }
  }

  /** A frame came. */
  receive(frame: CoreFrame): Step[] {
    this.#heardAt = this.#now();
    switch (frame.type) {
      case "register_response":
        return this.#onRegistered(frame.data);
      case "heartbeat_ack":
        return this.#onAcknowledged(frame.data.muster);
      case "error":
        return this.#onError(frame.data, frame.id);
      case "execute_command":
        return [{ do: "execute", frame }];
      case "command_received":
        this.#onStored(frame.id);
        return [{ do: "result_stored", messageId: frame.id, runId: frame.data.command_id }];
      case "cancel_command":
        return [{ do: "cancel", runId: frame.data.command_id, graceMs: frame.data.grace_ms }];
      case "output_received":
        this.#onStored(frame.id);
        return [{ do: "output_stored", runId: frame.data.command_id, through: frame.data.through }];
      case "samples_stored":
        return [{ do: "samples_stored", through: frame.data.through }];
      case "watch":
        return [{ do: "watch", detail: frame.data.detail }];
      case "reconnect":
        return [{ do: "close", reason: frame.data.reason, end: { kind: "drained", afterMs: frame.data.after_ms } }];
      case "call":
        return [{ do: "answer", callId: frame.data.call_id, call: frame.data.call }];
      case "configs":
        return [{ do: "follow", configs: frame.data.configs }];
      case "welcome":
      case "metrics_response":
        return [];
    }
  }

  #onAcknowledged(told: { readonly beat_ms?: number; readonly stored_through?: number } | undefined): Step[] {
    const steps = this.#changeBeat(told?.beat_ms);
    return told?.stored_through === undefined
      ? steps
      : [...steps, { do: "samples_stored", through: told.stored_through }];
  }

  /** Something came that is no frame: a sign of life all the same. */
  receiveUnreadable(): void {
    this.#heardAt = this.#now();
  }

  /** Time has passed. */
  tick(): Step[] {
    const now = this.#now();
    if (now - this.#heardAt > this.#silenceMs()) {
      return [{ do: "close", reason: "the server has been silent", end: { kind: "lost" } }];
    }
    if (this.#phase === "ready") return [];
    if (this.#registerAgainAt !== undefined) return now >= this.#registerAgainAt ? [this.#register()] : [];
    if (this.#registeredAt === undefined || now - this.#registeredAt <= REGISTER_WITHIN_MS) return [];
    this.#unanswered += 1;
    if (this.#unanswered < 2) return [this.#register()];
    return [{ do: "close", reason: "the registration was not answered", end: { kind: "lost" } }];
  }

  /** Three beats, so that one lost acknowledgement does not matter; a server that is asked nothing says nothing. */
  #silenceMs(): number {
    if (this.#phase === "registering") return REGISTER_RETRY_MAX_MS + 2 * REGISTER_WITHIN_MS;
    return Math.max(LEAST_SILENCE_MS, 3 * this.#beatMs + 1000);
  }

  #register(): Step {
    this.#phase = "registering";
    this.#registeredAt = this.#now();
    this.#registerAgainAt = undefined;
    const { newMessageId, describe, clock } = this.#options;
    const frame: NodeFrame = {
      type: "node_register",
      id: newMessageId(),
      timestamp: toIso(clock.now()),
      data: describe(),
    };
    return { do: "send", frame };
  }

  #onRegistered(answer: Extract<CoreFrame, { type: "register_response" }>["data"]): Step[] {
    if (!answer.success) return this.#registerLater("registration refused", { message: answer.message });
    if (this.#phase === "ready") return []; // a repeat was answered twice
    this.#phase = "ready";
    this.#refusals = 0;
    this.#storeRefusals = 0;
    this.#unanswered = 0;
    this.#isNative = answer.muster !== undefined;
    this.#beatMs = clampBeat(answer.muster?.beat_ms ?? CLASSIC_BEAT_MS);
    return [{ do: "ready", welcome: answer.muster ?? null, beatMs: this.#beatMs }];
  }

  #changeBeat(wanted: number | undefined): Step[] {
    if (wanted === undefined || !this.#isNative) return [];
    const beatMs = clampBeat(wanted);
    if (beatMs === this.#beatMs) return [];
    this.#beatMs = beatMs;
    return [{ do: "beat_interval", beatMs }];
  }

  #onStored(messageId: string): void {
    this.#owed.delete(messageId);
    this.#storeRefusals = 0;
  }

  /** The seed's advice per code. A refused token ends the connection, and a server that cannot store what it must. */
  #onError(error: { error_code: string; message: string; details: string }, messageId: string): Step[] {
    const fields = { code: error.error_code, message: error.message, details: error.details };
    switch (error.error_code as NodeErrorCode) {
      case "INVALID_TOKEN":
        return [{ do: "close", reason: "the server does not accept the token", end: { kind: "unauthorized" } }];
      case "NODE_NOT_FOUND":
        // the server has forgotten us; a registration that is on its way will do
        if (this.#phase === "registering") return [];
        return [{ do: "warn", event: "server did not know this agent", fields }, this.#register()];
      case "DATABASE_ERROR":
        return this.#onNotStored(messageId, fields);
      case "INVALID_REGISTER_DATA":
        if (this.#phase === "registering") return this.#registerLater("registration refused", fields);
        return [{ do: "warn", event: "server reported an error", fields }];
      default:
        return [{ do: "warn", event: "server reported an error", fields }];
    }
  }

  #onNotStored(messageId: string, fields: Readonly<Record<string, unknown>>): Step[] {
    const warning: Step = { do: "warn", event: "server reported an error", fields };
    const isRegistering = this.#phase === "registering";
    // a beat that was not stored matters to nobody
    if (!isRegistering && !this.#owed.delete(messageId)) return [warning];
    if (this.#storeRefusals === 0) this.#storeRefusedAt = this.#now();
    this.#storeRefusals += 1;
    const isOver = this.#options.hasOthers || this.#now() - this.#storeRefusedAt >= STORE_PATIENCE_MS;
    if (this.#storeRefusals >= STORE_REFUSALS && isOver)
      return [{ do: "close", reason: "the server cannot reach its database", end: { kind: "turned_away" } }];
    return isRegistering ? this.#registerLater("registration refused", fields) : [{ do: "not_stored" }, warning];
  }

  #registerLater(event: string, fields: Readonly<Record<string, unknown>>): Step[] {
    const waitMs = Math.min(REGISTER_RETRY_MAX_MS, REGISTER_RETRY_MIN_MS * 2 ** Math.min(this.#refusals, 10));
    this.#refusals += 1;
    this.#registerAgainAt = this.#now() + waitMs;
    return [{ do: "warn", event, fields: { ...fields, waitMs } }];
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

function clampBeat(beatMs: number): number {
  return Math.min(Math.max(beatMs, 500), 300_000);
}
