import { hostname } from "node:os";
import { type CancelTimer, delay } from "@muster/core";
import {
  type DatawayEra,
  type DatawayFrame,
  decodeDatawayFrame,
  encodeHeartbeat,
  encodeOnline,
  encodeReply,
  makeXid,
  readRequest,
} from "@muster/protocols/dataway";
import { errorText } from "../../log.ts";
import { AGENT_VERSION } from "../../version.ts";
import type { AgentLink } from "../link.ts";
import { listAddresses } from "../node/hello.ts";
import type { NodeLinkOptions } from "../node/link.ts";
import { type LinkEnd, ReconnectPlan } from "../node/reconnect.ts";
import { type Refusal, Socket } from "../node/socket.ts";
import { buildGatewayUrl } from "./address.ts";
import { carryOut } from "./requests.ts";
import { describeDatakit, describeInQuery, HEARTBEAT_MS } from "./self.ts";

/** A gateway may never say anything: one that has kept us this long has taken us. */
const TAKEN_AFTER_MS = 5000;
/** A gateway that once answered a ping and now leaves so many unanswered is gone. */
const SILENT_PINGS = 3;
/** Beats are for the agent's own history here. */
const BEAT_MS = 10_000;
const COMPLAIN_EVERY_MS = 60_000;

export type DatawayLinkOptions = Pick<
  NodeLinkOptions,
  | "servers"
  | "token"
  | "authorities"
  | "self"
  | "reconnectMinMs"
  | "reconnectMaxMs"
  | "inputs"
  | "clock"
  | "log"
  | "random"
  | "onReady"
>;

/**
 * The agent's end of the DataWay protocol: one connection to a gateway at a time, kept for ever. It says who is there by
 * itself, in the seed's form, and answers every request in the form of the era that it came in. Commands and metrics of
 * the host do not exist in it: points go over HTTP.
 */
export class DatawayLink implements AgentLink {
  readonly #options: DatawayLinkOptions;
  readonly #plan: ReconnectPlan;
  readonly #stopped = new AbortController();
  #socket: Socket | undefined;
  #isOpen = false;
  /** The era of the newest question who is there. */
  #era: DatawayEra = "seed";
  #complainedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(options: DatawayLinkOptions) {
    this.#options = options;
    const { servers, reconnectMinMs: minMs, reconnectMaxMs: maxMs, random } = options;
    this.#plan = new ReconnectPlan({ servers: servers.length, minMs, maxMs, random });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#socket?.close("the agent was stopped");
    await this.#running;
  }

  get isReady(): boolean {
    return this.#isOpen;
  }

  tellInputs(): void {
    if (this.#isOpen) this.#sendOnline(this.#era);
  }

  beat(): void {}
  tellConfigs(): void {}
  onStarted(): void {}
  onOutput(): void {}
  onFinished(): void {}

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const end = await this.#connect(this.#plan.server);
      if (this.#stopped.signal.aborted) return;
      await delay(clock, this.#plan.next(end).delayMs, this.#stopped.signal);
    }
  }

  /** One attempt, from the first packet to the end of the connection. */
  async #connect(server: number): Promise<LinkEnd> {
    const { servers, token, self, authorities, clock, log } = this.#options;
    const query = describeInQuery(self, { token, hostname: hostname(), ip: listAddresses()[0] ?? "" });
    const url = buildGatewayUrl(servers[server] ?? "", query);
    const timers: CancelTimer[] = [];
    let unanswered = 0;
    let answersPings = false;
    let wasOpen = false;
    let isSilent = false;
    this.#era = "seed";
    const beat = (socket: Socket) => {
      if (answersPings && unanswered >= SILENT_PINGS) {
        isSilent = true;
        socket.close("the gateway has been silent");
        return;
      }
      unanswered += 1;
      socket.ping();
      socket.send(encodeHeartbeat({ id: self.id, traceId: makeXid("wmsg_", clock.now()) }));
    };
    const end = await new Promise<LinkEnd>((resolve) => {
      const socket = new Socket(
        { url, token: undefined, authorities, userAgent: `muster-agent/${AGENT_VERSION}` },
        {
          onOpen: () => {
            wasOpen = true;
            this.#isOpen = true;
            log.info("gateway answered", { server: servers[server] });
            beat(socket);
            this.#sendOnline("seed");
            timers.push(clock.every(HEARTBEAT_MS, () => beat(socket)));
            timers.push(clock.after(TAKEN_AFTER_MS, () => this.#plan.succeed()));
            this.#options.onReady(BEAT_MS);
          },
          onText: (text) => {
            unanswered = 0;
            this.#plan.succeed();
            this.#receive(text, socket);
          },
          onPong: () => {
            unanswered = 0;
            answersPings = true;
          },
          onRefused: (refusal) => resolve(this.#onRefused(refusal, server)),
          onClosed: (reason) => {
            const isRevoked = /^closed with 1008\b/.test(reason);
            if (!this.#stopped.signal.aborted)
              this.#complain(wasOpen ? "gateway was lost" : "gateway was not reached", {
                server: servers[server],
                reason: isSilent ? "the gateway has been silent" : reason,
              });
            resolve({ kind: isRevoked ? "unauthorized" : wasOpen ? "lost" : "unreachable" });
          },
        },
      );
      this.#socket = socket;
    });
    for (const cancel of timers) cancel();
    this.#isOpen = false;
    this.#socket = undefined;
    return end;
  }

  #onRefused(refusal: Refusal, server: number): LinkEnd {
    const { log, servers } = this.#options;
    const fields = { server: servers[server], status: refusal.status };
    if (refusal.status === 401 || refusal.status === 403) {
      log.error("token was refused", { ...fields, advice: "check --token or MUSTER_TOKEN; trying again slowly" });
      return { kind: "unauthorized" };
    }
    this.#complain("gateway refused the connection", fields);
    return { kind: "unreachable", ...(refusal.retryAfterMs === undefined ? {} : { waitMs: refusal.retryAfterMs }) };
  }

  #receive(text: string, socket: Socket): void {
    const frame = decodeDatawayFrame(text);
    if (!frame.ok) {
      this.#complain("message was not understood", { reason: frame.reason });
      return;
    }
    const { self } = this.#options;
    if (frame.dest.length > 0 && !frame.dest.includes(self.id)) return; // for another one
    // answers to what we said, and signs of life, ask nothing
    if (frame.outcome?.ok === false) this.#complain("gateway reported an error", { ...frame.outcome.failure });
    if (frame.outcome !== undefined || frame.kind === "heartbeat" || frame.kind === "error") return;
    if (frame.kind === "online") {
      this.#era = frame.era;
      this.#sendOnline(frame.era, frame.traceId);
      return;
    }
    this.#answer(frame, socket).catch((error: unknown) => {
      this.#options.log.error("request could not be answered", { reason: errorText(error) });
    });
  }

  async #answer(frame: DatawayFrame, socket: Socket): Promise<void> {
    const { self, inputs, clock } = this.#options;
    const request = readRequest(frame);
    const reply =
      "failure" in request
        ? { ok: false as const, failure: request.failure }
        : await carryOut(request, { inputs, clock, era: frame.era });
    socket.send(encodeReply(frame, reply, self.id));
    // later eras look at what is told next, and not at the answer
    if (frame.kind === "reload") this.#sendOnline(frame.era);
  }

  #sendOnline(era: DatawayEra, traceId?: string): void {
    const { self, inputs } = this.#options;
    const datakit = describeDatakit(self, inputs.inventory());
    if (era === "a") {
      const { id, enabledInputs, availableInputs, ...facts } = datakit;
      const payload = { id, ...facts, enabled_inputs: enabledInputs, available_inputs: availableInputs };
      const msgs = Buffer.from(JSON.stringify([payload])).toString("base64");
      this.#socket?.send(JSON.stringify({ type: 0, trace_id: traceId, uuid: id, msgs }));
      return;
    }
    this.#socket?.send(encodeOnline([datakit], { spelling: era, traceId }));
  }

  /** What repeats with every attempt, once a minute. */
  #complain(event: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    this.#options.log.warn(event, fields);
  }
}
