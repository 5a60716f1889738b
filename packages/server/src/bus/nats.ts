import { readFileSync } from "node:fs";
import { newMessageId } from "@muster/core";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
} from "@nats-io/transport-node";
import type { Bus } from "./bus.ts";
import { type Ask, type Message, REQUESTS, type RequestName, TOPICS, type Topic } from "./subjects.ts";

/** Where NATS is and who we are to it. All but the servers are optional. */
export interface NatsOptions {
  readonly servers: readonly string[];
  /** Separates installations that share a NATS. */
  readonly prefix?: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly nkeyFile?: string | undefined;
  readonly credentialsFile?: string | undefined;
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certFile?: string | undefined;
        readonly keyFile?: string | undefined;
      }
    | undefined;
  /** Told when the connection comes and goes, and of messages that make no sense. */
  readonly onEvent?: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

const ASK_MS = 500;
const RECONNECT_MS = 1000;
/** NATS refuses larger messages by default. */
const MAX_MESSAGE_BYTES = 1_000_000;

type Handler = (message: never, from: string) => void;
type Answerer = (ask: never) => unknown;

/** Core NATS: one subscription for everything that goes to all, one for what goes to this process. Nothing is stored there. */
export class NatsBus implements Bus {
  readonly name = "nats";
  readonly processId = newMessageId();
  readonly #options: NatsOptions;
  readonly #prefix: string;
  readonly #handlers = new Map<Topic, Handler>();
  readonly #answerers = new Map<RequestName, Answerer>();
  /** How to end the waiting for a process, for each question that waits. */
  readonly #asked = new Map<string, Set<() => void>>();
  #onConnect: () => void = () => {};
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#prefix = options.prefix ?? "muster";
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Tries once and goes on trying in the background: NATS may start after us. */
  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#tell("not connected yet", { error: error instanceof Error ? error.message : String(error) });
      this.#startLater();
    }
  }

  async #connect(): Promise<void> {
    const connection = await connect({
      servers: [...this.#options.servers],
      name: "muster",
      // the library's way to connect again reads the system's clock, and after a jump back by an hour waits for an hour
      reconnect: false,
      timeout: 3000,
      pingInterval: 5000,
      maxPingOut: 2,
      noEcho: true,
      ...readCredentials(this.#options),
    });
    if (this.#closed) return connection.close();
    try {
      await this.#subscribe(connection);
    } catch (error) {
      await connection.close().catch(() => {});
      throw error;
    }
    this.#connection = connection;
    this.#setConnected(true);
    void connection.closed().then(() => {
      this.#setConnected(false);
      this.#startLater();
    });
  }

  /** Resolves when NATS knows what we want to hear. */
  async #subscribe(connection: NatsConnection): Promise<void> {
    connection.subscribe(`${this.#prefix}.all.*`, {
      callback: (error, message) => {
        if (!error) this.#receive(message.subject, message.data);
      },
    });
    connection.subscribe(`${this.#prefix}.to.${this.processId}.*`, {
      callback: (error, message) => {
        if (!error)
          void this.#answerTo(message).catch((fault) => this.#tell("a question failed", { error: String(fault) }));
      },
    });
    await connection.flush();
  }

  #startLater(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => void this.start(), RECONNECT_MS);
    this.#retry.unref();
  }

  publish<Name extends Topic>(topic: Name, message: Message<Name>): void {
    const data = encode({ from: this.processId, message });
    if (data) this.#send(`${this.#prefix}.all.${topic}`, data);
  }

  on<Name extends Topic>(topic: Name, handler: (message: Message<Name>, from: string) => void): void {
    this.#handlers.set(topic, handler as Handler);
  }

  async ask<Name extends RequestName>(name: Name, processId: string, ask: Ask<Name>, timeoutMs = ASK_MS) {
    if (!this.#connection || !this.#isConnected) return undefined;
    const data = encode(ask);
    if (!data) return undefined;
    const asked = this.#asked.get(processId) ?? new Set();
    this.#asked.set(processId, asked);
    const { promise: gone, resolve: giveUp } = Promise.withResolvers<undefined>();
    const end = () => giveUp(undefined);
    asked.add(end);
    try {
      const subject = `${this.#prefix}.to.${processId}.${name}`;
      const reply = await Promise.race([gone, this.#connection.request(subject, data, { timeout: timeoutMs })]);
      const answer = reply && REQUESTS[name].answer.safeParse(decode(reply.data));
      return answer?.success ? (answer.data as never) : undefined;
    } catch {
      return undefined; // nobody there, or too slow: the asker does without
    } finally {
      asked.delete(end);
      if (asked.size === 0) this.#asked.delete(processId);
    }
  }

  answer(name: RequestName, handler: (ask: never) => unknown): void {
    this.#answerers.set(name, handler);
  }

  onConnect(handler: () => void): void {
    this.#onConnect = handler;
  }

  giveUp(processId: string): void {
    for (const end of this.#asked.get(processId) ?? []) end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#connection?.close();
    this.#isConnected = false;
  }

  #send(subject: string, data: Uint8Array): void {
    if (!this.#connection || !this.#isConnected) return;
    try {
      this.#connection.publish(subject, data);
    } catch (error) {
      this.#tell("a message was not sent", { subject, error: String(error) });
    }
  }

  #receive(subject: string, data: Uint8Array): void {
    const topic = subject.slice(subject.lastIndexOf(".") + 1) as Topic;
    const handler = this.#handlers.get(topic);
    if (!handler) return;
    const envelope = decode(data) as { from?: unknown; message?: unknown } | undefined;
    const parsed = TOPICS[topic].safeParse(envelope?.message);
    if (!parsed.success || typeof envelope?.from !== "string") {
      this.#tell("a message made no sense", { subject });
      return;
    }
    handler(parsed.data as never, envelope.from);
  }

  async #answerTo(message: Msg): Promise<void> {
    const name = message.subject.slice(message.subject.lastIndexOf(".") + 1) as RequestName;
    const answerer = this.#answerers.get(name);
    const ask = Object.hasOwn(REQUESTS, name) ? REQUESTS[name].ask.safeParse(decode(message.data)) : undefined;
    if (!answerer || !ask?.success) return;
    const answer = encode(await answerer(ask.data as never));
    if (answer) message.respond(answer);
  }

  #setConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    this.#tell(isConnected ? "connected" : "disconnected", {});
    if (isConnected) this.#onConnect();
  }

  #tell(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.onEvent?.(event, fields);
  }
}

function encode(value: unknown): Uint8Array | undefined {
  const data = Buffer.from(JSON.stringify(value));
  return data.byteLength > MAX_MESSAGE_BYTES ? undefined : data;
}

function decode(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return undefined;
  }
}

function readCredentials(options: NatsOptions): Partial<ConnectionOptions> {
  const { user, password, token, tls } = options;
  return {
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(options.nkeyFile === undefined ? {} : { authenticator: nkeyAuthenticator(readFileSync(options.nkeyFile)) }),
    ...(options.credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(readFileSync(options.credentialsFile)) }),
    ...(tls
      ? {
          tls: {
            ...(tls.caFile ? { caFile: tls.caFile } : {}),
            ...(tls.certFile ? { certFile: tls.certFile } : {}),
            ...(tls.keyFile ? { keyFile: tls.keyFile } : {}),
          },
        }
      : {}),
  };
}
