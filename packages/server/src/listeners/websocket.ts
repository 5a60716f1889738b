import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@muster/core";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import type { Connection, ConnectionHandler } from "./door.ts";
import type { ListenerLimits } from "./limits.ts";

/** What all sockets share, so that an idle one holds no closures of its own. */
interface SocketHost {
  readonly clock: Clock;
  readonly limits: ListenerLimits;
  readonly open: Set<SocketConnection>;
  /** See `Connection.admitAnother`. */
  admit(waitingHellos: number): number;
  /** Told once about a handler that threw. */
  onFailure(error: unknown): void;
}

/** How often a waiter is looked at whose socket will not say that it has drained. */
const RECHECK_MS = 10;

class LinkedSocket extends WebSocket {
  link: SocketConnection | undefined;
}

/** One accepted WebSocket: see `Connection` for what it promises. */
export class SocketConnection implements Connection {
  readonly remoteAddress: string;
  readonly #socket: LinkedSocket;
  /** The stream below, which tells when it has drained. */
  readonly #stream: Duplex;
  readonly #handler: ConnectionHandler;
  readonly #host: SocketHost;
  #failed = false;
  #watched = false;
  #waitBytes = 0;
  #waiter: (() => void) | undefined;

  constructor(parts: {
    readonly socket: LinkedSocket;
    readonly stream: Duplex;
    readonly handler: ConnectionHandler;
    readonly host: SocketHost;
    readonly remoteAddress: string;
  }) {
    this.remoteAddress = parts.remoteAddress;
    this.#socket = parts.socket;
    this.#stream = parts.stream;
    this.#handler = parts.handler;
    this.#host = parts.host;
  }

  /** Called once, when the handshake is done and the shared listeners are in place. */
  start(): void {
    this.#host.open.add(this);
    this.#guard(() => this.#handler.onOpen(this));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (!writeAscii(this.#stream, text)) this.#socket.send(text);
    if (this.#socket.bufferedAmount > this.#host.limits.bufferedBytes) this.terminate();
  }

  whenBelow(bytes: number, task: () => void): void {
    this.#waitBytes = bytes;
    this.#waiter = task;
    this.#watch();
  }

  admitAnother(waitingHellos: number): number {
    return this.#host.admit(waitingHellos);
  }

  close(code: number, reason: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    // a reason is at most 123 bytes on the wire
    this.#socket.close(code, Buffer.from(reason).length > 123 ? reason.slice(0, 40) : reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  receive(bytes: RawData, isBinary: boolean): void {
    if (this.#failed) return;
    const buffer = bytes as Buffer;
    if (!isBinary) this.#guard(() => this.#handler.onText(buffer.toString("utf8")));
    else if (this.#handler.onBinary) this.#guard(() => this.#handler.onBinary?.(buffer));
  }

  ping(): void {
    if (!this.#failed) this.#guard(() => this.#handler.onPing?.());
  }

  /** Called once by the socket. */
  end(code: number, reason: string): void {
    this.#host.open.delete(this);
    this.#waiter = undefined;
    // nothing is left to close, so a failure is only told
    this.#guard(() => this.#handler.onClose(code, reason));
  }

  /** Looks after the waiter: at once when enough has gone out, else when the stream drains or a moment later. */
  checkWaiter(): void {
    this.#watched = false;
    const task = this.#waiter;
    if (!task || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.bufferedBytes >= this.#waitBytes) this.#watch();
    else {
      this.#waiter = undefined;
      this.#guard(task);
    }
  }

  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    const check = () => this.checkWaiter();
    if (this.bufferedBytes < this.#waitBytes) queueMicrotask(check);
    else if (this.#stream.writableNeedDrain) this.#stream.once("drain", check);
    else this.#host.clock.after(RECHECK_MS, check);
  }

  #guard(work: () => void | Promise<void>): void {
    try {
      const pending = work();
      if (pending) pending.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#host.onFailure(error);
    this.close(1011, "internal error");
  }
}

function onMessage(this: WebSocket, bytes: RawData, isBinary: boolean): void {
  (this as LinkedSocket).link?.receive(bytes, isBinary);
}

function onPing(this: WebSocket): void {
  (this as LinkedSocket).link?.ping();
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const socket = this as LinkedSocket;
  const link = socket.link;
  socket.link = undefined;
  link?.end(code, reason.toString("utf8"));
}

/** A broken frame or a reset: ws closes by itself, and `close` follows. */
function onError(): void {}

/** What fits the two length fields of a frame's header. */
const MAX_SHORT_FRAME = 0xffff;

/**
 * Writes a whole text frame at once, where every character is one byte: acknowledgements are most of what is sent, and
 * ws writes each as two buffers. Frames of both ways keep their order, since without compression ws holds nothing back.
 * False when the text is none of these.
 */
function writeAscii(stream: Duplex, text: string): boolean {
  const { length } = text;
  if (length > MAX_SHORT_FRAME || Buffer.byteLength(text) !== length) return false;
  // RFC 6455 section 5.2: final text frame, not masked, a length of 7 or of 16 bits
  const header =
    length < 126 ? String.fromCharCode(0x81, length) : String.fromCharCode(0x81, 126, length >> 8, length & 0xff);
  stream.write(header + text, "latin1");
  return true;
}

/** What an upgrade needs besides the request and its socket. */
export interface Acceptance {
  readonly handler: ConnectionHandler;
  readonly maxFrameBytes: number;
  readonly remoteAddress: string;
}

/** Turns upgrades into connections: no compression (it leaks and bloats), no pings (they kill original agents). */
export class WebSocketAcceptor {
  readonly #host: SocketHost;
  /** One per frame limit, since the limit belongs to the server object. */
  readonly #servers = new Map<number, WebSocketServer>();

  constructor(host: Omit<SocketHost, "open">) {
    this.#host = { ...host, onFailure: (error) => host.onFailure(error), open: new Set() };
  }

  get openCount(): number {
    return this.#host.open.size;
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer, acceptance: Acceptance): void {
    const server = this.#serverFor(acceptance.maxFrameBytes);
    // the answer to the upgrade and the first message leave in one packet
    stream.cork();
    server.handleUpgrade(request, stream, head, (accepted) => {
      const socket = accepted as LinkedSocket;
      const { handler, remoteAddress } = acceptance;
      socket.link = new SocketConnection({ socket, stream, handler, remoteAddress, host: this.#host });
      socket.on("message", onMessage);
      socket.on("close", onClose);
      socket.on("error", onError);
      if (handler.onPing) socket.on("ping", onPing);
      socket.link.start();
    });
    stream.uncork();
  }

  /** Starts the closing handshake on all that are left. */
  closeAll(code: number, reason: string): void {
    for (const connection of [...this.#host.open]) connection.close(code, reason);
  }

  terminateAll(): void {
    for (const connection of [...this.#host.open]) connection.terminate();
  }

  #serverFor(maxPayload: number): WebSocketServer {
    const known = this.#servers.get(maxPayload);
    if (known) return known;
    // named apart, since the types do not know closeTimeout yet
    const closing = { closeTimeout: this.#host.limits.closeTimeoutMs };
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      WebSocket: LinkedSocket,
      maxPayload,
      ...closing,
    });
    this.#servers.set(maxPayload, server);
    return server;
  }
}
