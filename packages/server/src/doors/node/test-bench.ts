import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "@muster/core";
import type { Role } from "@muster/core/resources";
import { ManualClock, makeTempDir, type Scope, settle } from "@muster/testing";
import { WebSocket } from "ws";
import { localBus } from "../../bus/local.ts";
import { Access } from "../../fleet/access.ts";
import { Fleet } from "../../fleet/fleet.ts";
import { JobRunner } from "../../jobs/runner.ts";
import { doorbellSweep, timeouts } from "../../jobs/timeouts.ts";
import type { DoorPolicy } from "../../listeners/door-policy.ts";
import { Listeners } from "../../listeners/listeners.ts";
import { OwnOrigins } from "../../listeners/origins.ts";
import { sqliteDialect } from "../../store/sqlite.ts";
import { Store } from "../../store/store.ts";
import { createNodeDoor, type NodeDoor } from "./node-door.ts";

export interface BenchOptions {
  readonly restOpen?: boolean;
  readonly allowDefaultToken?: boolean;
  /** Keeps what is written to the log. */
  readonly log?: (fields: object, message: string) => void;
}

/** A frame as a peer reads it, whatever is in it. */
export interface AnyFrame {
  readonly type: string;
  readonly id: string;
  readonly timestamp: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly data: any;
}

/** The real door on a real port, before a real fleet on a real store; only time is the test's. */
export class NodeBench {
  readonly clock: ManualClock;
  readonly fleet: Fleet;
  readonly access: Access;
  readonly door: NodeDoor;
  readonly store: Store;
  readonly url: string;
  readonly token: string;

  private constructor(parts: Omit<NodeBench, "pass" | "createApiToken" | "connect" | "request" | "wsUrl">) {
    this.clock = parts.clock;
    this.fleet = parts.fleet;
    this.access = parts.access;
    this.door = parts.door;
    this.store = parts.store;
    this.url = parts.url;
    this.token = parts.token;
  }

  static async open(scope: Scope, options: BenchOptions = {}): Promise<NodeBench> {
    const clock = new ManualClock();
    const store = new Store(sqliteDialect(join(await makeTempDir(scope), "muster.db")));
    await store.migrate();
    const fleet = new Fleet({ store, bus: localBus(), clock, outputLimitBytes: 1024 * 1024 });
    await fleet.start();
    const access = await Access.open({ store, clock, allowDefaultToken: options.allowDefaultToken ?? false });
    const jobs = new JobRunner(clock, (name, error) => assert.fail(`${name}: ${String(error)}`));
    jobs.start([timeouts(fleet.ledger), doorbellSweep(fleet.ledger)]);
    const log = options.log ?? (() => undefined);
    const door = createNodeDoor({
      fleet,
      access,
      clock,
      log: { debug: log, info: log, warn: log },
      restOpen: options.restOpen ?? false,
    });
    const failures: unknown[] = [];
    const policy: DoorPolicy = options.restOpen ? { kind: "loopback" } : { kind: "token" };
    const listeners = new Listeners({
      host: "127.0.0.1",
      port: 0,
      doorListeners: [],
      doors: [{ door, policy }],
      origins: new OwnOrigins({ monotonic: () => systemClock.monotonic() }),
      trustedProxies: [],
      doorOrigins: [],
      admitRate: 500,
      clock: systemClock,
      events: { onFailure: (error) => failures.push(error) },
    });
    await listeners.open({
      handle: (_request, response) => response.writeHead(404).end(),
      upgrade: async () => ({ refuse: { status: 404 } }),
    });
    scope.after(async () => {
      await listeners.close(0);
      door.close();
      await jobs.stop();
      await fleet.stop();
      await access.close();
      await store.close();
      assert.deepEqual(failures, []);
    });
    const enrollment = await access.enrollment.create({ name: "tests" }, "tests");
    return new NodeBench({ clock, fleet, access, door, store, url: listeners.urls[0] ?? "", token: enrollment.token });
  }

  get wsUrl(): string {
    return this.url.replace("http", "ws");
  }

  /** Lets time pass for the server, with everything that it does in the background; long times in coarser steps. */
  async pass(ms: number): Promise<void> {
    const step = Math.max(500, Math.ceil(ms / 100));
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(Math.min(step, ms - passed));
      await settle();
    }
  }

  async createApiToken(role: Role): Promise<string> {
    const created = await this.access.tokens.create({ name: role, scopes: [role] }, { name: "tests", ownerId: null });
    return created.token;
  }

  connect(scope: Scope, query: Record<string, string> = {}, path = "/api/v1/ws"): Promise<Peer> {
    return Peer.connect(scope, `${this.wsUrl}${path}?${new URLSearchParams({ token: this.token, ...query })}`);
  }

  /** The answer to a REST request, parsed where it is JSON. */
  async request(path: string, init: RequestInit & { token?: string } = {}) {
    const headers = init.token === undefined ? {} : { authorization: `Bearer ${init.token}` };
    const response = await fetch(this.url + path, { ...init, headers });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
  }
}

/** A WebSocket client that keeps every frame and counts what a node must never see. */
export class Peer {
  readonly frames: AnyFrame[] = [];
  pings = 0;
  binaries = 0;
  closed: { code: number; reason: string } | undefined;
  readonly socket: WebSocket;
  #next = 0;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (bytes, isBinary) => {
      if (isBinary) this.binaries++;
      else this.frames.push(JSON.parse(String(bytes)));
      this.#wake?.();
    });
    socket.on("ping", () => this.pings++);
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#wake?.();
    });
    socket.on("error", () => undefined);
  }

  static async connect(scope: Scope, url: string, headers: Record<string, string> = {}): Promise<Peer> {
    const peer = new Peer(new WebSocket(url, { perMessageDeflate: false, headers }));
    scope.after(() => peer.socket.terminate());
    await new Promise<void>((resolve, reject) => {
      peer.socket.once("open", resolve);
      peer.socket.once("error", reject);
    });
    return peer;
  }

  /** What a handshake that is refused is answered with. */
  static refused(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    const socket = new WebSocket(url, { headers });
    return new Promise((resolve, reject) => {
      socket.on("error", () => undefined);
      socket.on("open", () => {
        socket.terminate();
        reject(new Error("the handshake was accepted"));
      });
      socket.on("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (bytes) => {
          body += String(bytes);
        });
        response.on("end", () => {
          socket.terminate();
          resolve({ status: response.statusCode ?? 0, body });
        });
      });
    });
  }

  send(type: string, content: unknown, id = `${type}-1`): void {
    this.socket.send(JSON.stringify({ type, id, timestamp: "2025-01-21T10:00:00Z", data: content }));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  register(nodeId?: string, more: object = {}): void {
    const id = nodeId === undefined ? {} : { node_id: nodeId };
    this.send("node_register", { ...id, hostname: "host", ip_address: "10.0.0.1", os_info: "Linux", ...more });
  }

  /** The next frame in order. */
  async next(): Promise<AnyFrame> {
    const frame = await this.#wait(() => this.frames[this.#next]);
    this.#next++;
    return frame;
  }

  /** The next frame of a type; those before it are skipped. */
  async nextOf(type: string): Promise<AnyFrame> {
    for (;;) {
      const frame = await this.next();
      if (frame.type === type) return frame;
    }
  }

  waitClosed(): Promise<{ code: number; reason: string }> {
    return this.#wait(() => this.closed);
  }

  /** Sends an unknown type and waits for its error: what was sent before has been handled then. */
  async sync(): Promise<void> {
    const id = crypto.randomUUID();
    this.send("sync", {}, id);
    await this.#wait(() => this.frames.find((frame) => frame.id === id));
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.waitClosed();
  }

  async #wait<Value>(check: () => Value | undefined): Promise<Value> {
    const deadline = performance.now() + 5000;
    for (;;) {
      const value = check();
      if (value !== undefined) return value;
      if (performance.now() > deadline)
        throw new Error(`nothing came; so far: ${JSON.stringify(this.frames).slice(-2000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
