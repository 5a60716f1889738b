import { type Clock, delay, type HostSample, newMessageId, toIso } from "@muster/core";
import type { InputCall } from "@muster/core/resources";
import {
  decodeCoreFrame,
  encodeNodeFrame,
  type NativeWelcome,
  type NodeFrame,
  toRow,
  toWireMetrics,
} from "@muster/protocols/node";
import type { HeldRun, Runner } from "../../commands/runner.ts";
import type { GivenConfigs } from "../../configs/given-configs.ts";
import type { InputDesk } from "../../inputs/agent-inputs.ts";
import type { Logger } from "../../log.ts";
import type { SampleHistory } from "../../sample-history.ts";
import { AGENT_VERSION } from "../../version.ts";
import type { AgentLink } from "../link.ts";
import { buildSocketUrl } from "./address.ts";
import { ConfigFollower } from "./config-follower.ts";
import { Conversation, type Step } from "./conversation.ts";
import { describeSelf, type SelfFacts } from "./hello.ts";
import { readOrder } from "./orders.ts";
import { type LinkEnd, ReconnectPlan } from "./reconnect.ts";
import { ResultSender } from "./result-sender.ts";
import { type Refusal, Socket } from "./socket.ts";

const TICK_MS = 1000;
/** The grace for runs that the server cancelled while we were away; it does not say one. */
const CANCEL_GRACE_MS = 5000;
/** Configs that change close to each other are told together. */
const TELL_CONFIGS_AFTER_MS = 100;
/** Errors of one kind are logged at most this often. */
const COMPLAIN_EVERY_MS = 60_000;

export interface NodeLinkOptions {
  readonly servers: readonly string[];
  readonly token: string;
  readonly authorities: readonly string[] | undefined;
  readonly self: SelfFacts;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly runner: Runner;
  readonly history: SampleHistory;
  readonly inputs: InputDesk;
  readonly configs: GivenConfigs;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** A server has answered: it wants a beat at once and then at this interval. */
  readonly onReady: (beatMs: number) => void;
  readonly onBeatInterval: (beatMs: number) => void;
  /** Somebody begins to look at this host: it wants a beat at once. */
  readonly onWatched: () => void;
}

/**
 * The agent's end of the Server Manager protocol, native and original: one connection at a time, kept for ever. It
 * carries out what `Conversation` decides and feeds it what comes; it has no rules of its own.
 */
export class NodeLink implements AgentLink {
  readonly #options: NodeLinkOptions;
  readonly #plan: ReconnectPlan;
  readonly #stopped = new AbortController();
  readonly #follower: ConfigFollower;
  readonly #complainedAt = new Map<string, number>();
  /** Original cores look for the token in the URL only; found out per server. */
  readonly #wantTokenInUrl = new Set<number>();
  #socket: Socket | undefined;
  #conversation: Conversation | undefined;
  #results: ResultSender | undefined;
  #welcome: NativeWelcome | null = null;
  /** Beats carry the detail of the host, three quarters of their size, only while somebody looks at it. */
  #isWatched = false;
  #isTellingConfigs = false;
  #end: LinkEnd | undefined;
  #running: Promise<void> | undefined;

  constructor(options: NodeLinkOptions) {
    this.#options = options;
    const { servers, reconnectMinMs: minMs, reconnectMaxMs: maxMs, random } = options;
    this.#plan = new ReconnectPlan({ servers: servers.length, minMs, maxMs, random });
    this.#follower = new ConfigFollower(options.configs);
  }

  /** Connects, and connects again, until `stop`. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Says goodbye and stays away. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#socket?.close("the agent was stopped");
    await this.#running;
  }

  /** True while everything may flow. */
  get isReady(): boolean {
    return this.#conversation?.isReady ?? false;
  }

  /** Sends a beat with a reading, without one when the host's policy allows no metrics. Dropped while not connected. */
  beat(sample: HostSample | undefined): void {
    if (!this.isReady) return;
    const backlog = this.#hasBacklog();
    const content =
      sample === undefined
        ? {}
        : this.#welcome
          ? {
              muster: {
                at: sample.at,
                values: toRow(sample.values),
                ...(sample.detail && this.#isWatched ? { detail: sample.detail } : {}),
                ...(backlog ? { backlog } : {}),
              },
            }
          : { metrics: toWireMetrics(sample.values) };
    this.#send({
      ...this.#envelope(),
      type: "heartbeat",
      data: { node_id: this.#options.self.id, status: "online", ...content },
    });
    this.#sendBacklog();
  }

  tellInputs(): void {
    if (!this.isReady || !this.#welcome?.capabilities.includes("inputs")) return;
    const data = { node_id: this.#options.self.id, inventory: this.#options.inputs.inventory() };
    this.#send({ ...this.#envelope(), type: "inputs", data });
  }

  tellConfigs(): void {
    if (this.#isTellingConfigs || !this.isReady || !this.#welcome?.capabilities.includes("configs")) return;
    this.#isTellingConfigs = true;
    this.#options.clock.after(TELL_CONFIGS_AFTER_MS, () => {
      this.#isTellingConfigs = false;
      if (!this.isReady || !this.#welcome?.capabilities.includes("configs")) return;
      const data = { node_id: this.#options.self.id, held: this.#follower.report() };
      this.#send({ ...this.#envelope(), type: "config_report", data });
    });
  }

  onStarted(run: HeldRun): void {
    // only ever in answer to a command of this core; a later connection learns it from the registration
    if (!this.isReady || !run.order) return;
    const at = this.#welcome && run.startedAt !== undefined ? { at: run.startedAt } : {};
    this.#send({
      ...this.#envelope(),
      id: run.order.envelopeId,
      type: "command_started",
      data: { command_id: run.id, ...at },
    });
  }

  onOutput(run: HeldRun): void {
    this.#results?.pump(run);
  }

  onFinished(run: HeldRun): void {
    this.#results?.pump(run);
  }

  async #run(): Promise<void> {
    const { clock, log, servers } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const server = this.#plan.server;
      const end = await this.#connect(server);
      if (this.#stopped.signal.aborted) return;
      const next = this.#plan.next(end);
      log.debug("connection awaited", {
        server: servers[next.server],
        waitMs: Math.round(next.delayMs),
        after: end.kind,
      });
      await delay(clock, next.delayMs, this.#stopped.signal);
    }
  }

  /** One attempt, from the first packet to the end of the connection. */
  async #connect(server: number): Promise<LinkEnd> {
    const { clock, servers, token, authorities, self } = this.#options;
    const inUrl = this.#wantTokenInUrl.has(server);
    const url = buildSocketUrl(servers[server] ?? "", self.id, inUrl ? token : undefined);
    this.#end = undefined;
    this.#isWatched = false;
    const conversation = new Conversation({
      clock,
      hasOthers: servers.length > 1,
      newMessageId,
      describe: () => describeSelf(self, this.#options.runner.list(), clock),
    });
    this.#conversation = conversation;
    const ended = new Promise<LinkEnd>((resolve) => {
      this.#socket = new Socket(
        { url, token: inUrl ? undefined : token, authorities, userAgent: `muster-agent/${AGENT_VERSION}` },
        {
          onOpen: () => this.#carryOut(conversation.open(), conversation),
          onText: (text) => this.#receive(text, conversation),
          onRefused: (refusal) => resolve(this.#onRefused(refusal, server)),
          onClosed: (reason) => resolve(this.#onClosed(reason, conversation)),
        },
      );
    });
    const cancelTicks = clock.every(TICK_MS, () => this.#tick(conversation));
    const end = await ended;
    cancelTicks();
    this.#conversation = undefined;
    this.#results = undefined;
    this.#socket = undefined;
    return end;
  }

  #onRefused(refusal: Refusal, server: number): LinkEnd {
    const { log, servers } = this.#options;
    const fields = { server: servers[server], status: refusal.status };
    // an original core says 200 and "Token required"; a proxy may have taken the header away
    const mayWantUrl = refusal.status === 200 || (refusal.status === 401 && !refusal.body.includes("INVALID_TOKEN"));
    if (mayWantUrl && !this.#wantTokenInUrl.has(server)) {
      this.#wantTokenInUrl.add(server);
      return { kind: "drained", afterMs: 0 };
    }
    if (mayWantUrl || refusal.status === 401 || refusal.status === 403) {
      this.#wantTokenInUrl.delete(server);
      log.error("token was refused", { ...fields, advice: "check --token or MUSTER_TOKEN; trying again slowly" });
      return { kind: "unauthorized" };
    }
    this.#complain("server refused the connection", fields);
    return { kind: "unreachable", ...(refusal.retryAfterMs === undefined ? {} : { waitMs: refusal.retryAfterMs }) };
  }

  #onClosed(reason: string, conversation: Conversation): LinkEnd {
    const { log, servers } = this.#options;
    const fields = { server: servers[this.#plan.server], reason };
    if (conversation.isReady) log.info("server was lost", fields);
    else this.#complain("server was not reached", fields);
    return this.#end ?? { kind: conversation.isReady ? "lost" : "unreachable" };
  }

  #receive(text: string, conversation: Conversation): void {
    const decoded = decodeCoreFrame(text);
    if (decoded.frame) {
      this.#carryOut(conversation.receive(decoded.frame), conversation);
      return;
    }
    conversation.receiveUnreadable();
    this.#complain("frame was not understood", { code: decoded.error, details: decoded.details });
  }

  #tick(conversation: Conversation): void {
    if (this.#end) return; // closing
    this.#carryOut(conversation.tick(), conversation);
    if (!conversation.isReady) return;
    this.#sendBacklog();
    for (const run of this.#options.runner.list()) this.#results?.pump(run);
  }

  #carryOut(steps: readonly Step[], conversation: Conversation): void {
    for (const step of steps) this.#carryOutOne(step, conversation);
  }

  #carryOutOne(step: Step, conversation: Conversation): void {
    const { runner, history, clock, onBeatInterval } = this.#options;
    switch (step.do) {
      case "send":
        this.#send(step.frame);
        return;
      case "ready":
        this.#onReady(step.welcome, conversation);
        this.#options.onReady(step.beatMs);
        return;
      case "beat_interval":
        onBeatInterval(step.beatMs);
        return;
      case "execute":
        return void runner.accept(readOrder(step.frame, clock));
      case "cancel":
        runner.cancel(step.runId, step.graceMs);
        return;
      case "output_stored":
        this.#results?.outputStored(step.runId, step.through);
        return;
      case "result_stored":
        this.#results?.resultStored(step.messageId, step.runId);
        return;
      case "not_stored":
        this.#results?.notStored();
        return;
      case "samples_stored":
        history.confirm(step.through);
        this.#sendBacklog();
        return;
      case "answer":
        return void this.#answer(step.callId, step.call, conversation);
      case "follow":
        this.#follower.follow(step.configs);
        return;
      case "watch":
        this.#isWatched = step.detail;
        if (step.detail) this.#options.onWatched();
        return;
      case "warn":
        this.#complain(step.event, step.fields);
        return;
      case "close":
        this.#options.log.info("connection was given up", { reason: step.reason, kind: step.end.kind });
        this.#end = step.end;
        this.#socket?.close(step.reason);
        return;
    }
  }

  #onReady(welcome: NativeWelcome | null, conversation: Conversation): void {
    const { runner, history, log, servers } = this.#options;
    this.#plan.succeed();
    this.#welcome = welcome;
    log.info("server answered", { server: servers[this.#plan.server], native: welcome !== null });
    this.#results = new ResultSender({
      runner,
      clock: this.#options.clock,
      welcome,
      nodeId: this.#options.self.id,
      send: (frame, onSent) => {
        conversation.owe(frame.id);
        this.#socket?.send(encodeNodeFrame(frame), onSent);
      },
      isCongested: () => (this.#socket?.bufferedBytes ?? 0) > 1024 * 1024,
    });
    for (const id of welcome?.cancel ?? []) runner.cancel(id, CANCEL_GRACE_MS);
    for (const id of welcome?.forget ?? []) void runner.settle(id);
    runner.resumeAccepted();
    if (this.#canBackfill()) history.connect(welcome?.stored_through ?? null);
    for (const run of runner.list()) this.#results.pump(run);
    this.tellInputs();
    this.tellConfigs();
  }

  /** Whoever asks waits on this connection: an answer that comes after its end is nobody's. */
  async #answer(callId: string, call: InputCall, conversation: Conversation): Promise<void> {
    const answer = await this.#options.inputs.answer(call);
    if (this.#conversation !== conversation) return;
    this.#send({ ...this.#envelope(), type: "call_result", data: { call_id: callId, answer } });
  }

  #canBackfill(): boolean {
    return this.#welcome?.capabilities.includes("backfill") ?? false;
  }

  #hasBacklog(): boolean {
    return this.#canBackfill() && this.#options.history.hasBacklog;
  }

  #sendBacklog(): void {
    if (!this.isReady || !this.#canBackfill()) return;
    const rows = this.#options.history.nextBatch();
    if (rows) this.#send({ ...this.#envelope(), type: "samples", data: { node_id: this.#options.self.id, rows } });
  }

  #envelope(): { id: string; timestamp: string } {
    return { id: newMessageId(), timestamp: toIso(this.#options.clock.now()) };
  }

  #send(frame: NodeFrame): void {
    this.#socket?.send(encodeNodeFrame(frame));
  }

  /** Logs what may repeat at every beat, at most once a minute per event and code. */
  #complain(event: string, fields: Readonly<Record<string, unknown>>): void {
    const key = `${event} ${String(fields.code ?? fields.server ?? "")}`;
    const now = this.#options.clock.monotonic();
    if (now - (this.#complainedAt.get(key) ?? Number.NEGATIVE_INFINITY) < COMPLAIN_EVERY_MS) return;
    if (this.#complainedAt.size > 100) this.#complainedAt.clear();
    this.#complainedAt.set(key, now);
    this.#options.log.warn(event, fields);
  }
}
