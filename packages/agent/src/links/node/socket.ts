import type { IncomingMessage } from "node:http";

import WebSocket from "ws";
import { errorText } from "../../log.ts";

const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const HANDSHAKE_MS = 15_000;
const CLOSE_MS = 2000;
const MAX_REFUSAL_BYTES = 4096;

/** How a server refused the upgrade. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs: number | undefined;
}

/** Told what happens on a socket. Exactly one of `onRefused` and `onClosed` is called, once, and nothing after it. */
export interface SocketListener {
  onOpen(): void;
  onText(text: string): void;
  /** The server has answered a `ping`. */
  onPong?(): void;
  /** The server answered the upgrade with something else. */
  onRefused(refusal: Refusal): void;
  /** The connection ended, or never came about. */
  onClosed(reason: string): void;
}

export interface SocketOptions {
  readonly url: string;
  /** Sent as `Authorization: Bearer`; absent where the URL carries it. */
  readonly token: string | undefined;
  readonly userAgent: string;
  /** Certificate authorities to trust, all of them; undefined: the usual ones. */
  readonly authorities: readonly string[] | undefined;
}

/** The usual certificate authorities (and NODE_EXTRA_CA_CERTS) with one's own, given as PEM text. */
export async function listAuthorities(ca: string | undefined): Promise<readonly string[] | undefined> {
  if (ca === undefined) return undefined;
  const { getCACertificates } = await import("node:tls"); // not loaded for nothing: it costs megabytes
  return [...getCACertificates("default"), ca];
}

/** A WebSocket to a server: opened at once, closed by `close`, whatever state it is in. */
export class Socket {
  readonly #socket: WebSocket;
  #isOver = false;

  constructor(options: SocketOptions, listener: SocketListener) {
    const { token, authorities } = options;
    this.#socket = new WebSocket(options.url, {
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false, // a token must not follow a redirect
      headers: {
        "user-agent": options.userAgent,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
    });
    this.#listen(listener);
  }

  /** Bytes that were sent and have not left the process. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends one text frame; `onSent` is called when it has left the process. Silently nothing once it is over. */
  send(text: string, onSent: () => void = () => {}): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text, () => onSent());
  }

  /** Asks for a sign of life; some servers give none. */
  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  /** Says goodbye; a server that does not answer is left alone after two seconds. */
  close(reason: string): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#socket.terminate();
      return;
    }
    this.#socket.close(1000, reason.slice(0, 100));
    setTimeout(() => this.#socket.terminate(), CLOSE_MS).unref();
  }

  #listen(listener: SocketListener): void {
    const socket = this.#socket;
    let failure: string | undefined;
    socket.on("open", () => {
      if (!this.#isOver) listener.onOpen();
    });
    socket.on("message", (content: Buffer, isBinary: boolean) => {
      if (!this.#isOver && !isBinary) listener.onText(content.toString("utf8"));
    });
    socket.on("pong", () => {
      if (!this.#isOver) listener.onPong?.();
    });
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      void readRefusal(response).then((refusal) => {
        this.#end(() => listener.onRefused(refusal));
        socket.terminate();
      });
    });
    socket.on("error", (error) => {
      failure = errorText(error);
    });
    socket.on("close", (code, reason) => {
      const text = reason.toString("utf8").slice(0, 200);
      this.#end(() => listener.onClosed(failure ?? `closed with ${code}${text === "" ? "" : ` (${text})`}`));
    });
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}

async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  let body = "";
  const seconds = Number(response.headers["retry-after"]);
  const timer = setTimeout(() => response.destroy(), CLOSE_MS).unref();
  try {
    for await (const piece of response) {
      body += String(piece);
      if (body.length > MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // what came so far is enough
  }
  clearTimeout(timer);
  return {
    status: response.statusCode ?? 0,
    body: body.slice(0, MAX_REFUSAL_BYTES),
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  };
}
