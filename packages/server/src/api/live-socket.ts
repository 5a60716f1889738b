import { type Clock, MusterError, toMusterError } from "@muster/core";
import { type LiveEvent, liveRequestSchema } from "@muster/core/resources";
import type { z } from "zod";
import type { Identity } from "../fleet/access.ts";
import { type Action, authorize } from "../fleet/access-rules.ts";
import type { Connection, ConnectionHandler } from "../listeners/door.ts";
import type { LiveHub } from "./live-hub.ts";
import type { Subscription } from "./live-subscription.ts";

type Request = z.output<typeof liveRequestSchema>;
type Subscribe = Exclude<Request, { op: "stop" } | { op: "ping" }>;

const MAX_SUBSCRIPTIONS = 64;
const MAX_REQUESTS = 200;
const REQUEST_WINDOW_MS = 10_000;

/** Above this a reader is slow: it gets the newest state once it has caught up, instead of every change. */
const CLOGGED_BYTES = 512 * 1024;

/** Each subscription needs the same right as the list that it keeps up to date. */
const ACTION_OF: Readonly<Record<Subscribe["op"], Action>> = {
  fleet: "agents.read",
  agent: "metrics.read",
  command: "commands.read",
  commands: "commands.read",
  output: "commands.read",
  configs: "configs.read",
};

/** One watcher's end of the live stream: reads its requests, carries its events. */
export class LiveSocket implements ConnectionHandler {
  /** Called when the handshake is done, and when the socket has ended. */
  onStart: () => void = () => undefined;
  onEnd: () => void = () => undefined;
  readonly #hub: LiveHub;
  readonly #clock: Clock;
  readonly #identity: Identity;
  readonly #version: string;
  readonly #subscriptions = new Map<number, Subscription>();
  #connection: Connection | undefined;
  #windowStart = 0;
  #requests = 0;

  constructor(parts: { hub: LiveHub; clock: Clock; identity: Identity; version: string }) {
    this.#hub = parts.hub;
    this.#clock = parts.clock;
    this.#identity = parts.identity;
    this.#version = parts.version;
  }

  onOpen(connection: Connection): void {
    this.#connection = connection;
    this.onStart();
    this.send({ event: "hello", version: this.#version });
  }

  onText(text: string): void {
    if (!this.#admitRequest()) {
      this.sendError(null, new MusterError("resource_exhausted", "too many requests"));
      this.close(4429, "too many requests");
      return;
    }
    const request = readRequest(text);
    if (request instanceof MusterError) this.sendError(null, request);
    else if (request.op === "ping") this.send({ event: "pong" });
    else if (request.op === "stop") this.#stop(request.sub);
    else void this.#subscribe(request);
  }

  onClose(): void {
    this.#connection = undefined;
    for (const sub of [...this.#subscriptions.keys()]) this.#stop(sub);
    this.onEnd();
  }

  get isClogged(): boolean {
    return (this.#connection?.bufferedBytes ?? 0) > CLOGGED_BYTES;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /** Resolves when the reader has taken most of what was sent, or has gone. */
  async untilClear(): Promise<void> {
    while (this.isClogged) {
      await new Promise<void>((resolve) => {
        this.#connection?.whenBelow(CLOGGED_BYTES / 2, resolve);
        // a socket that ends while we wait tells nobody
        this.#clock.after(1000, resolve);
      });
    }
  }

  send(event: LiveEvent): void {
    this.sendText(JSON.stringify(event));
  }

  /** For events that many watchers get: the costly part is text already. */
  sendText(text: string): void {
    this.#connection?.send(text);
  }

  sendError(sub: number | null, error: unknown): void {
    const { code, message } = toMusterError(error);
    this.send({ event: "error", sub, code, message });
  }

  close(code: number, reason: string): void {
    this.#connection?.close(code, reason);
  }

  /** Called by a subscription that has nothing more to tell. */
  finish(subscription: Subscription): void {
    if (this.#subscriptions.get(subscription.sub) === subscription) this.#stop(subscription.sub);
  }

  async #subscribe(request: Subscribe): Promise<void> {
    try {
      authorize(this.#identity.principal, ACTION_OF[request.op]);
      this.#stop(request.sub);
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
        throw new MusterError("resource_exhausted", `at most ${MAX_SUBSCRIPTIONS} subscriptions at a time`);
      }
      const subscription = this.#hub.create(request, this);
      this.#subscriptions.set(request.sub, subscription);
      await this.#hub.start(subscription);
    } catch (error) {
      this.#stop(request.sub);
      this.sendError(request.sub, error);
    }
  }

  #stop(sub: number): void {
    const subscription = this.#subscriptions.get(sub);
    if (!subscription) return;
    this.#subscriptions.delete(sub);
    this.#hub.stop(subscription);
  }

  #admitRequest(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#windowStart > REQUEST_WINDOW_MS) {
      this.#windowStart = now;
      this.#requests = 0;
    }
    this.#requests += 1;
    return this.#requests <= MAX_REQUESTS;
  }
}

function readRequest(text: string): Request | MusterError {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new MusterError("invalid_argument", "the request is not JSON");
  }
  const parsed = liveRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return new MusterError("invalid_argument", `${issue?.path.join(".") || "request"}: ${issue?.message ?? "not valid"}`);
}
