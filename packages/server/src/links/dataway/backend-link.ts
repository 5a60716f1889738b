import { arch, hostname, platform } from "node:os";
import { type CancelTimer, type Clock, newMessageId } from "@muster/core";
import {
  buildConnectionQuery,
  DATAWAY_LIMITS,
  type DatakitSelf,
  decodeDatawayFrame,
  encodeHeartbeat,
  encodeOnline,
  encodeReply,
} from "@muster/protocols/dataway";
import { type RawData, WebSocket } from "ws";
import { type BackendCallParts, serveBackend } from "./backend-calls.ts";
import { describeDatakits } from "./describe-datakits.ts";

export interface BackendLinkOptions extends BackendCallParts {
  /** Base of the backend's HTTP routes; its socket is beside them. */
  readonly url: string;
  readonly token: string | undefined;
  /** `agnt_…`: this gateway. */
  readonly gatewayId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** 0..1, for spreading dials. */
  readonly random?: () => number;
}

const SOCKET_PATH = "/v1/ws/datakit";
const HANDSHAKE_MS = 10_000;
const BEAT_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** A socket that has lived for so long did not fail. */
const STEADY_MS = 60_000;
/** Changes come in bursts. */
const ANNOUNCE_MS = 200;
/** Between two lists of all, for each that is in them. */
const LIST_MS = 2;
/** DataKits in one message with all that they tell. */
const PER_MESSAGE = 20;
const NOT_TOLD = "the backend is not told who is here";
/** Requests of the backend that may be under way. */
const MAX_SERVED = 100;

/**
 * The socket that this process dials to the backend, as a DataKit dials us. It tells of itself first and of the DataKits
 * behind it after that, as they change, and serves what the backend asks of them by `dest`. One per process; a lost one is dialled again
 * with growing, spread pauses.
 */
export class BackendLink {
  readonly #options: BackendLinkOptions;
  #socket: WebSocket | undefined;
  #attempt = 0;
  #served = 0;
  #closed = false;
  #announcing = false;
  /** DataKits that the backend has not been told of as they are now. */
  readonly #changed = new Set<string>();
  /** False once one has gone that the backend still takes for online. */
  #isWhole = true;
  #cancel: CancelTimer[] = [];

  constructor(options: BackendLinkOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel.push(this.#options.clock.every(BEAT_MS, () => this.#beat()));
    this.#dial();
  }

  /** A DataKit behind this gateway has come, gone or changed. */
  announce({ id, change }: { readonly id: string; readonly change: "online" | "offline" | "changed" }): void {
    if (change === "offline") {
      this.#changed.delete(id);
      this.#isWhole = false;
    } else this.#changed.add(id);
    if (this.#announcing || this.#closed) return;
    this.#announcing = true;
    // the list of all is told when one has gone, and of thousands not five times a second
    const waitMs = this.#isWhole ? ANNOUNCE_MS : Math.max(ANNOUNCE_MS, [...this.#options.connected()].length * LIST_MS);
    this.#options.clock.after(waitMs, () => {
      this.#announcing = false;
      this.#tellChanges().catch((error: unknown) => this.#options.log.warn({ err: error }, NOT_TOLD));
    });
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancel) cancel();
    this.#socket?.close(1001, "the gateway is stopping");
    this.#socket?.terminate();
  }

  #dial(): void {
    if (this.#closed) return;
    const { clock, log } = this.#options;
    const options = { maxPayload: DATAWAY_LIMITS.frameBytes, handshakeTimeout: HANDSHAKE_MS, perMessageDeflate: false };
    const socket = new WebSocket(this.#address(), { ...options, followRedirects: false });
    this.#socket = socket;
    let openedAt: number | undefined;
    let reason = "";
    socket.on("open", () => {
      openedAt = clock.monotonic();
      log.info({}, "the backend's socket is open");
      this.#tellEverything().catch((error: unknown) => log.warn({ err: error }, NOT_TOLD));
      this.#beat();
    });
    socket.on("message", (bytes, isBinary) => {
      if (!isBinary)
        void this.#receive(socket, bytes).catch((error: unknown) =>
          log.warn({ err: error }, "the backend was not served"),
        );
    });
    // what went wrong; `close` follows
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", (code) => {
      if (this.#closed) return;
      if (openedAt !== undefined && clock.monotonic() - openedAt > STEADY_MS) this.#attempt = 0;
      const pauseMs = this.#pause();
      log.warn({ code, reason, pauseMs }, "the backend's socket is closed; dialling again");
      this.#cancel.push(clock.after(pauseMs, () => this.#dial()));
    });
  }

  #address(): string {
    const { url, token, gatewayId, version } = this.#options;
    const query = buildConnectionQuery({
      id: gatewayId,
      version,
      os: platform() === "win32" ? "windows" : platform(),
      arch: arch() === "x64" ? "amd64" : arch(),
      token,
      heartbeatMs: BEAT_MS,
      hostname: hostname(),
      ip: undefined,
    });
    return `${url.replace(/^http/, "ws")}${SOCKET_PATH}?${query}`;
  }

  /** Twice as long each time, and never the same for two processes that lost it together. */
  #pause(): number {
    const random = this.#options.random ?? Math.random;
    this.#cancel = this.#cancel.slice(0, 1); // the timers before have fired
    return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempt++, 10)) * (0.5 + random() / 2);
  }

  #beat(): void {
    this.#send(encodeHeartbeat({ id: this.#options.gatewayId, traceId: newMessageId() }));
  }

  /** To a backend that knows nothing of us yet. */
  async #tellEverything(): Promise<void> {
    this.#isWhole = true;
    for (const { id } of this.#options.connected()) this.#changed.add(id);
    await this.#tellList();
    await this.#tellChanges();
  }

  /** A list that begins with the gateway is the whole one: whoever is missing in it is gone. */
  async #tellList(traceId?: string): Promise<void> {
    const { fleet, connected } = this.#options;
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const datakits = await describeDatakits([...connected()], { fleet, withInputs: false });
    this.#send(encodeOnline([this.#self(), ...datakits], { spelling: "seed", traceId }));
  }

  /** Those that have changed, with their inputs; each message holds a few, since one may tell much. */
  async #tellChanges(): Promise<void> {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const { fleet, connected } = this.#options;
    if (!this.#isWhole) {
      this.#isWhole = true;
      await this.#tellList();
    }
    const changed = [...connected()].filter(({ id }) => this.#changed.has(id));
    this.#changed.clear();
    for (let start = 0; start < changed.length; start += PER_MESSAGE) {
      const slice = changed.slice(start, start + PER_MESSAGE);
      const datakits = await describeDatakits(slice, { fleet, withInputs: true });
      this.#send(encodeOnline(datakits, { spelling: "seed" }));
    }
  }

  #self(): DatakitSelf {
    const { gatewayId: id, version } = this.#options;
    const names = { enabledInputs: [], availableInputs: [], states: [], inventory: undefined };
    return { id, version, os: platform(), arch: arch(), name: hostname(), heartbeatMs: BEAT_MS, ...names };
  }

  async #receive(socket: WebSocket, bytes: RawData): Promise<void> {
    const frame = decodeDatawayFrame(String(bytes));
    if (!frame.ok || frame.kind === "heartbeat" || frame.kind === "status" || frame.outcome) return;
    if (frame.kind === "online") return this.#tellList(frame.traceId);
    if (this.#served >= MAX_SERVED) return;
    this.#served++;
    try {
      const { id, reply } = await serveBackend(this.#options, frame);
      if (socket.readyState === WebSocket.OPEN) socket.send(encodeReply(frame, reply, id));
    } finally {
      this.#served--;
    }
  }

  #send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }
}
