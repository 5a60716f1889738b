import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onEnd, type Scope, waitUntil } from "@muster/testing";
import { type WebSocket, WebSocketServer } from "ws";

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export type AnyMessage = any;

export interface FakeGatewayOptions {
  readonly port?: number;
  /** The status of a refusal; undefined takes the connection. */
  readonly refuse?: () => number | undefined;
}

/** For tests: a gateway that keeps what it is sent, sockets and points at one port. Shares no code with the link. */
export class FakeGateway {
  readonly messages: AnyMessage[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly sockets: WebSocket[] = [];
  readonly writes: { readonly path: string; readonly token: string; readonly batch: string; readonly lines: string }[] =
    [];
  /** When each attempt came, on the monotonic clock. */
  readonly attempts: number[] = [];
  readonly #http: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const lines = (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
      const { "x-token": token, "x-pkg-id": batch } = request.headers;
      this.writes.push({ path: request.url ?? "", token: String(token), batch: String(batch), lines });
      response.writeHead(200).end("{}");
    });
  });
  readonly #ws = new WebSocketServer({ noServer: true });

  static async start(scope: Scope, options: FakeGatewayOptions = {}): Promise<FakeGateway> {
    const gateway = new FakeGateway();
    gateway.#http.on("upgrade", (request, socket, head) => {
      gateway.attempts.push(performance.now());
      const status = options.refuse?.();
      if (status !== undefined)
        return socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      gateway.requests.push(request);
      gateway.#ws.handleUpgrade(request, socket, head, (accepted) => {
        gateway.sockets.push(accepted);
        accepted.on("message", (text) => gateway.messages.push(JSON.parse(String(text))));
      });
    });
    await new Promise<void>((resolve) => gateway.#http.listen(options.port ?? 0, "127.0.0.1", resolve));
    onEnd(scope, () => gateway.stop());
    return gateway;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  /** Sends on the newest connection. */
  send(message: AnyMessage): void {
    this.sockets.at(-1)?.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  waitFor(what: string, accept: (message: AnyMessage) => boolean): Promise<AnyMessage> {
    return waitUntil(what, () => this.messages.find(accept), {
      timeoutMs: 10_000,
      explain: () => JSON.stringify(this.messages.slice(-5)).slice(0, 3000),
    });
  }
}
