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
/** Changes come in bursts, and each is told with the whole list. */
const ANNOUNCE_MS = 200;
/** Requests of the backend that may be under way. */
const MAX_SERVED = 100;

/**
 * The socket that this process dials to the backend, as a DataKit dials us. It tells of itself first and of the DataKits
 * behind it after that, and serves what the backend asks of them by `dest`. One per process; a lost one is dialled again
 * with growing, spread pauses.
 */
export class BackendLink {
  readonly #options: BackendLinkOptions;
  #socket: WebSocket | undefined;
  #attempt = 0;
  #served = 0;
  #closed = false;
  #announcing = false;
  #cancel: CancelTimer[] = [];

  constructor(options: BackendLinkOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel.push(this.#options.clock.every(BEAT_MS, () => this.#beat()));
    this.#dial();
  }

  /** The DataKits behind this gateway have changed. */
  announce(): void {
    if (this.#announcing || this.#closed) return;
    this.#announcing = true;
    this.#options.clock.after(ANNOUNCE_MS, () => {
      this.#announcing = false;
      this.#tell().catch((error: unknown) =>
        this.#options.log.warn({ err: error }, "the backend is not told who is here"),
      );
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
      this.announce();
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

  async #tell(traceId?: string): Promise<void> {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#send(encodeOnline([this.#self(), ...(await this.#listDatakits())], { spelling: "seed", traceId }));
  }

  #self(): DatakitSelf {
    const { gatewayId: id, version } = this.#options;
    const names = { enabledInputs: [], availableInputs: [], states: [], inventory: undefined };
    return { id, version, os: platform(), arch: arch(), name: hostname(), heartbeatMs: BEAT_MS, ...names };
  }

  async #listDatakits(): Promise<DatakitSelf[]> {
    const { fleet, connected } = this.#options;
    const idOf = new Map([...connected()].map(({ id, agentId }) => [agentId, id]));
    const agents = await fleet.agents.findMany([...idOf.keys()]);
    return Promise.all(
      agents.map(async (agent) => {
        const number = fleet.agents.numberOf(agent.id);
        const inventory = number === undefined ? undefined : await fleet.inputs.inventories.find(number);
        const running = inventory?.inputs.filter(({ status }) => status === "running" || status === "fallback") ?? [];
        return {
          id: idOf.get(agent.id) ?? agent.externalId,
          version: agent.version ?? "",
          os: agent.os ?? "",
          arch: agent.arch ?? "",
          name: agent.name,
          heartbeatMs: undefined,
          enabledInputs: [...new Set(running.flatMap(({ inputs }) => inputs))],
          availableInputs: (inventory?.available ?? []).map(({ input }) => input),
          states: [],
          inventory: inventory && { available: inventory.available, inputs: inventory.inputs },
        };
      }),
    );
  }

  async #receive(socket: WebSocket, bytes: RawData): Promise<void> {
    const frame = decodeDatawayFrame(String(bytes));
    if (!frame.ok || frame.kind === "heartbeat" || frame.kind === "status" || frame.outcome) return;
    if (frame.kind === "online") return this.#tell(frame.traceId);
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
