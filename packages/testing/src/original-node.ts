import type { CancelTimer, Clock } from "@muster/core";
import { WebSocket } from "ws";

/** How the agent is set up: as its configuration file would, and how fast its time goes. */
export interface OriginalNodeOptions {
  /** `ws://host:port` of the core. */
  readonly coreUrl: string;
  readonly token: string;
  readonly nodeId: string;
  readonly clock: Clock;
  /** Default 10 s: it beats in the interval of its metrics. */
  readonly metricsIntervalMs?: number;
  /** Default 30 s: at each of these ticks it reads one message, and waits for it. */
  readonly readIntervalMs?: number;
  readonly disk?: { readonly total: number; readonly available: number };
}

/**
 * A node agent that behaves as the original one does, faults included. It reads one message per tick and does nothing
 * else until one has come; missed ticks are made up for in a burst. A Ping or a binary frame makes it deaf and dumb for
 * good: it sends a Close and never looks at the socket again. It executes nothing, answers nothing, and a connection
 * that has ended stays ended.
 */
export class OriginalNode {
  /** Messages that it has read so far. */
  readonly read: string[] = [];
  beats = 0;
  /** True once it met a frame that it does not understand, or its connection ended. */
  isDead = false;
  readonly #options: OriginalNodeOptions;
  readonly #socket: WebSocket;
  readonly #waiting: string[] = [];
  #onMessage: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #wake: (() => void) | undefined;

  private constructor(options: OriginalNodeOptions, socket: WebSocket) {
    this.#options = options;
    this.#socket = socket;
    socket.pause();
    socket.on("message", (bytes, isBinary) => {
      if (isBinary) return this.#die();
      this.#waiting.push(String(bytes));
      socket.pause();
      this.#onMessage?.();
    });
    socket.on("ping", () => this.#die());
    socket.on("close", () => this.#stop());
    socket.on("error", () => this.#stop());
  }

  /** Connects, registers at once and begins its loop. Rejects when the handshake fails. */
  static async start(options: OriginalNodeOptions): Promise<OriginalNode> {
    const { coreUrl, token, nodeId } = options;
    const query = new URLSearchParams({ token, node_id: nodeId });
    const socket = new WebSocket(`${coreUrl}/api/v1/ws?${query}`, { autoPong: false, perMessageDeflate: false });
    const node = new OriginalNode(options, socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    node.#send("node_register", {
      cpu_count: 4,
      hostname: "original-host",
      ip_address: "192.0.2.7",
      node_id: nodeId,
      os_info: "Linux 6.1",
      total_memory: 16_000_000_000,
    });
    void node.#loop();
    return node;
  }

  /** Bytes that it has sent and the network has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.bufferedAmount;
  }

  stop(): void {
    this.#stop();
    this.#socket.terminate();
  }

  async #loop(): Promise<void> {
    const { clock, metricsIntervalMs = 10_000, readIntervalMs = 30_000 } = this.#options;
    let nextBeat = clock.monotonic();
    let nextRead = nextBeat;
    while (!this.isDead) {
      await this.#waitUntil(Math.min(nextBeat, nextRead));
      if (this.isDead) return;
      if (clock.monotonic() >= nextBeat) {
        this.#beat();
        nextBeat += metricsIntervalMs;
      }
      if (clock.monotonic() >= nextRead) {
        await this.#readOne();
        nextRead += readIntervalMs;
      }
    }
  }

  #waitUntil(at: number): Promise<void> {
    const { clock } = this.#options;
    const delayMs = at - clock.monotonic();
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (delayMs <= 0) setImmediate(resolve);
      else this.#cancelTimer = clock.after(delayMs, resolve);
    });
  }

  /** Blocks the loop until there is a message, as the original does. */
  async #readOne(): Promise<void> {
    if (this.#waiting.length === 0) {
      const arrived = new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
      this.#socket.resume();
      await arrived;
      this.#onMessage = undefined;
    }
    const message = this.#waiting.shift();
    if (message !== undefined) this.read.push(message);
  }

  #beat(): void {
    this.beats++;
    const { nodeId, disk } = this.#options;
    this.#send("heartbeat", {
      metrics: {
        cpu_usage: 12.5,
        disk_available: disk?.available ?? null,
        disk_total: disk?.total ?? null,
        disk_usage: disk ? ((disk.total - disk.available) / disk.total) * 100 : null,
        memory_available: 8_000_000_000,
        memory_total: 16_000_000_000,
        memory_usage: 50,
        network_rx: 1024,
        network_tx: 2048,
        uptime: 3600,
      },
      node_id: nodeId,
      status: "online",
    });
  }

  #send(type: string, content: object): void {
    const at = new Date(this.#options.clock.now()).toISOString().replace("Z", "000000+00:00");
    this.#socket.send(JSON.stringify({ type, id: crypto.randomUUID(), timestamp: at, data: content }));
  }

  #die(): void {
    if (this.isDead) return;
    this.#stop();
    this.#socket.close();
  }

  #stop(): void {
    this.isDead = true;
    this.#cancelTimer?.();
    this.#wake?.();
    this.#onMessage?.();
  }
}
