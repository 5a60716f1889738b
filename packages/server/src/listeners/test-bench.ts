import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { systemClock } from "@muster/core";
import { onEnd, type Scope } from "@muster/testing";
import { WebSocket } from "ws";
import type { BodyDecision, Connection, ConnectionHandler, Door, PlainRequest, UpgradeDecision } from "./door.ts";
import type { DoorPolicy } from "./door-policy.ts";
import type { WebApp } from "./listener.ts";
import { Listeners, type ListenersOptions } from "./listeners.ts";
import { OwnOrigins } from "./origins.ts";

/** A door that answers with what it was asked, and keeps what happened. */
export class EchoDoor implements Door {
  readonly name = "node";
  readonly peersSendToken = true;
  readonly maxBodyBytes = 1000;
  waitingCount = 0;
  readonly requests: PlainRequest[] = [];
  readonly connections: Connection[] = [];
  readonly closes: [number, string][] = [];
  admitBody?: (head: PlainRequest) => Promise<BodyDecision>;
  upgradeWith: (request: PlainRequest) => Promise<UpgradeDecision> = async () => this.accept();

  async respond(request: PlainRequest) {
    this.requests.push(request);
    if (request.path.endsWith("/throw")) throw new Error("a secret of the door");
    const { method, path, remoteAddress, listener } = request;
    const body = Buffer.from(request.body).toString();
    return {
      status: 209,
      body: JSON.stringify({ method, path, query: String(request.query), remoteAddress, listener, body }),
    };
  }

  upgrade(request: PlainRequest): Promise<UpgradeDecision> {
    this.requests.push(request);
    return this.upgradeWith(request);
  }

  accept(handler: Partial<ConnectionHandler> = {}): UpgradeDecision {
    let own: Connection | undefined;
    const whole: ConnectionHandler = {
      onOpen: (connection) => {
        own = connection;
        this.connections.push(connection);
      },
      onText: (text) => own?.send(`echo ${text}`),
      onClose: (code, reason) => void this.closes.push([code, reason]),
      ...handler,
    };
    return { accept: whole, maxFrameBytes: 1024 };
  }
}

const NO_APP: WebApp = {
  handle(request, response) {
    if (request.url !== "/hang") response.writeHead(204).end();
  },
  upgrade: async () => ({ refuse: { status: 404 } }),
};

/** Open ports with the door behind them. */
export interface Opened {
  readonly listeners: Listeners;
  readonly door: EchoDoor;
  readonly port: number;
  readonly url: string;
  readonly failures: unknown[];
}

/** Opens a port that leads to the door. */
export async function open(
  scope: Scope,
  options: Partial<ListenersOptions> & { policy?: DoorPolicy } = {},
): Promise<Opened> {
  const door = new EchoDoor();
  const failures: unknown[] = [];
  const listeners = new Listeners({
    host: "127.0.0.1",
    port: 0,
    doorListeners: [],
    doors: [{ door, policy: options.policy ?? { kind: "token" } }],
    origins: new OwnOrigins({ monotonic: () => 0 }),
    trustedProxies: [],
    doorOrigins: [],
    admitRate: 500,
    clock: systemClock,
    events: { onFailure: (error) => void failures.push(error) },
    ...options,
  });
  await listeners.open(NO_APP);
  onEnd(scope, () => listeners.close(0));
  const url = listeners.urls[0] ?? "";
  return { listeners, door, failures, url, port: Number(new URL(url).port) };
}

/** Opens a WebSocket without waiting for it. */
export function dial(scope: Scope, opened: Opened, path = "/api/v1/ws"): WebSocket {
  const socket = new WebSocket(`${opened.url.replace("http", "ws")}${path}`, { rejectUnauthorized: false });
  socket.on("error", () => undefined);
  onEnd(scope, () => socket.terminate());
  return socket;
}

/** Everything that comes back on a bare socket until the other end closes it. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(text);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let answer = "";
  socket.on("data", (bytes) => {
    answer += String(bytes);
  });
  await once(socket, "close");
  return answer;
}

/** The headers of an upgrade, without the last line break. */
export const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
