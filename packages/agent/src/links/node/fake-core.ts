import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { CoreFrame, NativeWelcome, NodeFrame } from "@muster/protocols/node";
import { type Scope, waitUntil } from "@muster/testing";
import { type WebSocket, WebSocketServer } from "ws";

/** For tests: a core that does what it is told, and keeps what it was sent. */
export interface FakeCoreOptions {
  readonly port?: number;
  /** Answered to an upgrade instead of accepting it; asked anew each time. */
  readonly refuse?: (request: IncomingMessage) => { status: number; body: string; headers?: string } | undefined;
  /** The extension in the answer to a registration; null: an original core. */
  readonly welcome?: (frame: NodeFrame & { type: "node_register" }) => Partial<NativeWelcome> | null;
  /** Return true to keep the usual answer from being sent. */
  readonly onFrame?: (frame: NodeFrame, socket: WebSocket) => boolean | undefined;
}

export const ALL_CAPABILITIES = [
  "command",
  "journal",
  "output",
  "cancel",
  "metrics",
  "backfill",
  "drain",
  "inputs",
  "configs",
  "verdict",
] as const;

export class FakeCore {
  readonly frames: NodeFrame[] = [];
  readonly requests: IncomingMessage[] = [];
  /** Newest last. */
  readonly sockets: WebSocket[] = [];
  readonly #options: FakeCoreOptions;
  readonly #http: Server = createServer();
  readonly #ws = new WebSocketServer({ noServer: true });
  #serial = 0;

  private constructor(options: FakeCoreOptions) {
    this.#options = options;
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(scope: Scope, options: FakeCoreOptions = {}): Promise<FakeCore> {
    const core = new FakeCore(options);
    await new Promise<void>((resolve) => core.#http.listen(options.port ?? 0, "127.0.0.1", resolve));
    scope.after(() => core.stop());
    return core;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends as `kill -9` would: no Close frames. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  listFrames<Type extends NodeFrame["type"]>(type: Type): Extract<NodeFrame, { type: Type }>[] {
    return this.frames.filter((frame): frame is Extract<NodeFrame, { type: Type }> => frame.type === type);
  }

  async waitForFrame<Type extends NodeFrame["type"]>(
    type: Type,
    accept: (frame: Extract<NodeFrame, { type: Type }>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<Extract<NodeFrame, { type: Type }>> {
    return waitUntil(`a frame ${type}`, () => this.listFrames(type).find(accept), {
      timeoutMs,
      explain: () => JSON.stringify(this.frames.slice(-10)).slice(0, 4000),
    });
  }

  /** Sends on the newest connection. */
  send(type: CoreFrame["type"], content: object, id?: string): void {
    this.#serial += 1;
    this.#reply(this.sockets.at(-1), { type, id: id ?? `core-${this.#serial}`, content });
  }

  sendText(text: string): void {
    this.sockets.at(-1)?.send(text);
  }

  #reply(socket: WebSocket | undefined, frame: { type: string; id: string; content: object }): void {
    const { type, id, content } = frame;
    socket?.send(JSON.stringify({ type, id, timestamp: new Date().toISOString(), data: content }));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.requests.push(request);
    socket.on("error", () => {});
    const refusal = this.#options.refuse?.(request);
    if (refusal) {
      const { status, body, headers = "" } = refusal;
      socket.end(
        `HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
      return;
    }
    this.#ws.handleUpgrade(request, socket, head, (client) => {
      this.sockets.push(client);
      client.on("error", () => {});
      client.on("message", (content) => this.#onFrame(JSON.parse(String(content)) as NodeFrame, client));
    });
  }

  #onFrame(frame: NodeFrame, socket: WebSocket): void {
    this.frames.push(frame);
    if (this.#options.onFrame?.(frame, socket)) return;
    const nodeId = "node_id" in frame.data ? frame.data.node_id : undefined;
    const reply = (type: string, content: object) => this.#reply(socket, { type, id: frame.id, content });
    switch (frame.type) {
      case "node_register":
        reply("register_response", { success: true, message: "ok", node_id: nodeId, ...this.#extension(frame) });
        return;
      case "heartbeat":
        reply("heartbeat_ack", { received: true, node_id: nodeId, metrics_saved: true });
        return;
      case "command_result":
        reply("command_received", { received: true, node_id: nodeId ?? "", command_id: frame.data.command_id });
        return;
      case "command_output":
        reply("output_received", {
          command_id: frame.data.command_id,
          through: frame.data.chunks.at(-1)?.seq ?? -1,
        });
        return;
      case "samples":
        reply("samples_stored", { through: frame.data.rows.at(-1)?.[0] ?? 0 });
        return;
      default:
        return;
    }
  }

  #extension(frame: NodeFrame & { type: "node_register" }): object {
    const extra = this.#options.welcome ? this.#options.welcome(frame) : {};
    if (extra === null) return {};
    const muster = {
      protocol: 1,
      capabilities: ALL_CAPABILITIES,
      beat_ms: 3000,
      stored_through: null,
      cancel: [],
      forget: [],
      output_through: {},
      ...extra,
    };
    return { muster };
  }
}
