import { type CancelTimer, type Clock, systemClock, type Timestamp } from "@muster/core";
import type { LiveEvent, LiveRequest } from "@muster/core/resources";
import { type ConnectLive, connectLive, type LiveSocket } from "./live-socket.ts";
import type { LiveEventFor, LiveOp, LiveSubject } from "./live-subjects.ts";

/**
 * Where the live connection is. While it is `waiting`, `retryAt` says when it tries again; `signed_out` means that the
 * session or token has ended and that it does not try again by itself.
 */
export type LiveState =
  | { readonly phase: "idle" | "connecting" | "open" | "signed_out" | "closed" }
  | { readonly phase: "waiting"; readonly retryAt: Timestamp; readonly reason: string };

export interface LiveOptions {
  readonly connect?: ConnectLive;
  readonly clock?: Clock;
  /** 0..1, for the jitter. */
  readonly random?: () => number;
  /** Called on every change of state. */
  readonly onState?: (state: LiveState) => void;
}

export interface LiveTarget extends LiveOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Subscription {
  subject: LiveSubject;
  readonly onEvent: (event: LiveEvent) => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const PING_MS = 20_000;
/** Silence after a ping that means the connection is dead, whatever the operating system believes. */
const SILENCE_MS = 45_000;
/** The close code that ends the right to watch. */
const CLOSE_SIGNED_OUT = 4401;

/**
 * The live stream: subscribe, get the present state, then changes. A broken connection is made again with jitter and
 * every subscription with it: subscribers get the present state again, `output` goes on after the last chunk they saw.
 * Events are delivered in the order of arrival, never after `unsubscribe`; a subscriber must not throw.
 */
export class LiveClient {
  readonly #target: LiveTarget;
  readonly #clock: Clock;
  readonly #subscriptions = new Map<number, Subscription>();
  #state: LiveState = { phase: "idle" };
  #socket: LiveSocket | null = null;
  #lastSub = 0;
  #failures = 0;
  #heardAt = 0;
  #cancelTimer: CancelTimer = () => undefined;

  constructor(target: LiveTarget) {
    this.#target = target;
    this.#clock = target.clock ?? systemClock;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Watches a subject until the returned function is called. The first subscription opens the connection. */
  subscribe<Op extends LiveOp>(
    subject: LiveSubject & { op: Op },
    onEvent: (event: LiveEventFor<Op>) => void,
  ): () => void {
    const sub = ++this.#lastSub;
    this.#subscriptions.set(sub, { subject, onEvent: onEvent as (event: LiveEvent) => void });
    if (this.#state.phase === "idle") this.#connect();
    else if (this.#state.phase === "open") this.#send({ ...subject, sub });
    return () => {
      if (this.#subscriptions.delete(sub) && this.#state.phase === "open") this.#send({ op: "stop", sub });
    };
  }

  /** Tries again at once: when the browser comes back online, or after a new login. */
  reconnect(): void {
    if (this.#state.phase === "waiting" || this.#state.phase === "signed_out") this.#connect();
  }

  /** Ends the connection and every subscription, for good. */
  close(): void {
    this.#subscriptions.clear();
    this.#cancelTimer();
    this.#setState({ phase: "closed" });
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #connect(): void {
    this.#cancelTimer();
    this.#setState({ phase: "connecting" });
    let socket: LiveSocket;
    try {
      socket = (this.#target.connect ?? connectLive)(this.#target.url, this.#target.headers);
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : "cannot connect");
      return;
    }
    this.#socket = socket;
    // a socket that was given up may still speak; only the current one counts
    const current = () => this.#socket === socket;
    socket.addEventListener("open", () => current() && this.#onOpen());
    socket.addEventListener("message", (event) => current() && this.#onMessage(event.data));
    socket.addEventListener("error", () => current() && this.#lose("the connection failed"));
    socket.addEventListener("close", (event) => {
      if (!current()) return;
      if (event.code === CLOSE_SIGNED_OUT) this.#signOut();
      else this.#lose(event.reason || `closed with ${event.code}`);
    });
    this.#heardAt = this.#clock.monotonic();
    this.#cancelTimer = this.#clock.every(PING_MS, () => this.#checkPulse());
  }

  #onOpen(): void {
    this.#setState({ phase: "open" });
    for (const [sub, { subject }] of this.#subscriptions) this.#send({ ...subject, sub });
  }

  #onMessage(text: unknown): void {
    this.#heardAt = this.#clock.monotonic();
    const event = typeof text === "string" ? parseEvent(text) : undefined;
    if (!event) return;
    // only what was heard proves that a server is there: a proxy may accept and drop
    this.#failures = 0;
    if (!("sub" in event) || event.sub === null) return;
    const subscription = this.#subscriptions.get(event.sub);
    if (!subscription) return;
    if (event.event === "output" && subscription.subject.op === "output") {
      const last = event.chunks.at(-1);
      if (last) subscription.subject = { ...subscription.subject, after: last.seq };
    }
    subscription.onEvent(event);
  }

  #checkPulse(): void {
    if (this.#clock.monotonic() - this.#heardAt >= SILENCE_MS) this.#lose("the server is silent");
    else if (this.#state.phase === "open") this.#send({ op: "ping" });
  }

  #signOut(): void {
    this.#cancelTimer();
    this.#socket = null;
    this.#setState({ phase: "signed_out" });
  }

  #lose(reason: string): void {
    this.#cancelTimer();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const random = this.#target.random ?? Math.random;
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    // jitter over the upper half: never at once, and a thousand consoles do not come back together
    const delayMs = Math.round(ceiling * (0.5 + random() / 2));
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#connect());
    this.#setState({ phase: "waiting", retryAt: this.#clock.now() + delayMs, reason });
  }

  #send(request: LiveRequest): void {
    this.#socket?.send(JSON.stringify(request));
  }

  #setState(state: LiveState): void {
    if (this.#state.phase === "closed") return;
    this.#state = state;
    this.#target.onState?.(state);
  }
}

function parseEvent(text: string): LiveEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "event" in value ? (value as LiveEvent) : undefined;
  } catch {
    return undefined;
  }
}
