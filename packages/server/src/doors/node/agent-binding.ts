import { newMessageId, type RunId, type Timestamp } from "@muster/core";
import type { InputCall } from "@muster/core/resources";
import {
  type Call,
  CODE_MESSAGES,
  type CoreFrame,
  encodeCoreFrame,
  encodeHeartbeatAck,
  type NodeFrame,
  quoteJson,
  WORDS,
} from "@muster/protocols/node";
import type { AgentPeer, AgentSession } from "../../fleet/session.ts";
import { ConfigExchange } from "./config-exchange.ts";
import { encodeError } from "./credentials.ts";
import { ForeignPace } from "./foreign-pace.ts";
import {
  describeFacts,
  internCapabilities,
  makeHello,
  makeRegisterResponse,
  type NativeTraits,
  traitsOf,
} from "./greeting.ts";
import type { NodeConnection } from "./node-connection.ts";
import { DOOR_LIMITS, type NodeDoorParts } from "./parts.ts";
import { readBackfill, readSample } from "./readings.ts";
import { RunExchange } from "./run-exchange.ts";
import { metricIdOf } from "./wire-resources.ts";

type FrameOf<Type extends NodeFrame["type"]> = Extract<NodeFrame, { type: Type }>;

/**
 * One node id on one socket, and its session with the fleet. Messages are handled in the order in which they came: while
 * a registration is under way the later ones wait, everything else is handed over without waiting.
 */
export class AgentBinding implements AgentPeer {
  readonly nodeId: string;
  readonly #parts: NodeDoorParts;
  readonly #connection: NodeConnection;
  readonly #quotedId: string;
  readonly #runs: RunExchange;
  #session: AgentSession | undefined;
  /** Only for an agent that keeps configs, once it has said what it has. */
  #configs: ConfigExchange | undefined;
  /** Only for our own agent. */
  #native: NativeTraits | undefined;
  /** True while a message is handled that the next ones must wait for. */
  #admitting = false;
  /** What came and waits for that; made when something does. */
  #queue: { readonly frame: NodeFrame; readonly length: number }[] | undefined;
  #heldCalls: Call[] | undefined;
  /** Only for others' agents. */
  #pace: ForeignPace | undefined;
  /** An interval that the agent has not been told yet. */
  #newBeatMs: number | undefined;
  /** How far samples are stored, where the agent has not been told yet. */
  #newStoredThrough: Timestamp | undefined;
  /** Samples of its past came and are not confirmed yet. */
  #backfilling = false;
  #closed = false;

  constructor(parts: NodeDoorParts, connection: NodeConnection, nodeId: string) {
    this.#parts = parts;
    this.#connection = connection;
    this.nodeId = nodeId;
    this.#quotedId = quoteJson(nodeId);
    this.#runs = new RunExchange(parts, connection, nodeId);
  }

  receive(frame: NodeFrame, length: number): void {
    if (this.#admitting) this.#enqueue(frame, length);
    else if (this.#session && frame.type !== "node_register") this.#handle(this.#session, frame, length);
    else void this.#admit(frame, length).catch((error: unknown) => this.#fail(error));
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = undefined;
    this.#runs.close();
    this.#session?.close(reason);
  }

  onWork(): void {
    this.#runs.pump();
    this.#configs?.pump();
  }

  /** Whoever registers says anew what it has, and is answered with what it should have. */
  onConfigs(): void {
    if (!this.#admitting) this.#configs?.notice();
  }

  onCancel(runId: RunId): void {
    this.#send({ type: "cancel_command", data: { command_id: runId, grace_ms: this.#parts.graceMs } });
  }

  /** Nothing of ours is sent before the answer to a registration. */
  onCall(callId: string, call: InputCall): void {
    const data = { call_id: callId, call };
    if (!this.#admitting) this.#send({ type: "call", data });
    else if (this.#heldCalls) this.#heldCalls.push(data);
    else this.#heldCalls = [data];
  }

  /** Rides on the next acknowledgement, unless the agent waits for it to send more of what it kept. */
  onSamplesStored(through: Timestamp): void {
    this.#newStoredThrough = through;
    if (!this.#backfilling) return;
    this.#backfilling = false;
    this.#newStoredThrough = undefined;
    this.#send({ type: "samples_stored", data: { through } });
  }

  onBeatInterval(beatMs: number): void {
    if (this.#native) this.#newBeatMs = beatMs;
  }

  onWatched(isWatched: boolean): boolean {
    if (!this.#native) return false;
    this.#send({ type: "watch", data: { detail: isWatched } });
    return true;
  }

  /** Nothing is sent to an agent that could not read it; the listener closes that one when the server stops. */
  onDrain(reconnectAfterMs: number): void {
    if (!this.#native?.drains) return;
    this.#send({ type: "reconnect", data: { after_ms: reconnectAfterMs, reason: "the server stops" } });
  }

  /**
   * A revoked token ends the connection. A deleted agent that is not ours keeps its socket, since it would never come
   * back, and is met as a new one at its next message, as the original core does; ours is told to start over.
   */
  onEvicted(reason: string): void {
    this.close(reason);
    this.#connection.unbind(this);
    if (this.#connection.findTokenId() === undefined) this.#connection.end(1008, reason);
    else if (this.#native) this.#connection.end(4001, reason);
  }

  #enqueue(frame: NodeFrame, length: number): void {
    this.#queue ??= [];
    if (this.#queue.length >= DOOR_LIMITS.queuedFrames) this.#parts.counters.framesDropped++;
    else if (this.#connection.reserve(length)) this.#queue.push({ frame, length });
  }

  async #admit(frame: NodeFrame, length: number): Promise<void> {
    this.#admitting = true;
    this.#parts.counters.registering++;
    try {
      const isFirst = !this.#session;
      const session = this.#session ?? (await this.#open(frame));
      if (!session) return;
      if (frame.type === "node_register") await this.#register(session, frame, isFirst);
      else {
        this.#runs.attach(session, this.#native);
        this.#handle(session, frame, length);
      }
      this.#runs.allowWork();
    } catch (error) {
      this.#parts.log.warn({ nodeId: this.nodeId, err: error }, "an agent could not be registered");
      this.#replyError("DATABASE_ERROR", frame.id);
    } finally {
      this.#parts.counters.registering--;
      this.#admitting = false;
      for (const data of this.#heldCalls ?? []) this.#send({ type: "call", data });
      this.#heldCalls = undefined;
      this.#workOffQueue();
    }
  }

  /** For what nobody foresaw: the listener does the same when a message is handled without waiting. */
  #fail(error: unknown): void {
    this.#parts.log.warn({ nodeId: this.nodeId, err: error }, "a message of a node could not be handled");
    this.#connection.end(1011, "internal error");
  }

  #workOffQueue(): void {
    while (!this.#admitting && !this.#closed) {
      const next = this.#queue?.shift();
      if (!next) {
        this.#queue = undefined;
        return;
      }
      this.#connection.release(next.length);
      this.receive(next.frame, next.length);
    }
  }

  async #open(frame: NodeFrame): Promise<AgentSession | undefined> {
    const tokenId = this.#connection.findTokenId();
    if (tokenId === undefined) {
      this.#connection.end(1008, "the token was revoked");
      return undefined;
    }
    const { remoteAddress } = this.#connection;
    const hello = makeHello(frame, { nodeId: this.nodeId, tokenId, remoteAddress });
    // known before the fleet is asked: while it drains it says so at once
    if (frame.type === "node_register" && frame.data.muster) this.#native = traitsOf(frame.data.muster);
    const session = await this.#parts.fleet.sessions.open(hello, this);
    if (this.#closed) {
      session.close("the agent disconnected");
      return undefined;
    }
    this.#session = session;
    return session;
  }

  async #register(session: AgentSession, frame: FrameOf<"node_register">, isFirst: boolean): Promise<void> {
    const { muster } = frame.data;
    if (muster) {
      this.#native = traitsOf(muster);
      session.expectSilence(undefined);
    }
    this.#runs.attach(session, this.#native);
    if (!isFirst) await session.describe(describeFacts(frame.data), muster && internCapabilities(muster.capabilities));
    let answer: Awaited<ReturnType<AgentSession["resume"]>> | undefined;
    if (muster) {
      session.reportClock(muster.now);
      answer = await session.resume(muster.runs.map((run) => ({ runId: run.command_id as RunId, state: run.state })));
    }
    const isNew = isFirst && session.isNew;
    const data = makeRegisterResponse(frame.data, { nodeId: this.nodeId, session, isNew, answer });
    this.#newBeatMs = undefined;
    this.#connection.reply(
      encodeCoreFrame({ type: "register_response", id: frame.id, timestamp: this.#parts.timestamp(), data }),
    );
  }

  #handle(session: AgentSession, frame: NodeFrame, length: number): void {
    switch (frame.type) {
      case "heartbeat":
        this.#beat(session, frame);
        break;
      case "metrics":
        this.#measure(session, frame);
        break;
      case "command_started":
      case "command_result":
        this.#runs.report(frame, length);
        break;
      case "command_output":
        if (this.#native) this.#runs.report(frame, length);
        else this.#refuseType(frame);
        break;
      case "samples":
        if (this.#native) this.#takeBackfill(session, frame);
        else this.#refuseType(frame);
        break;
      case "call_result":
        if (this.#native) session.answer(frame.data.call_id, frame.data.answer);
        else this.#refuseType(frame);
        break;
      case "inputs":
        if (this.#native) session.reportInputs(frame.data.inventory);
        else this.#refuseType(frame);
        break;
      case "config_report":
        if (this.#native?.keeps) this.#configsOf(session).report(frame.data);
        else this.#refuseType(frame);
        break;
    }
  }

  #configsOf(session: AgentSession): ConfigExchange {
    const connection = this.#connection;
    this.#configs ??= new ConfigExchange(
      this.#parts,
      {
        get bufferedBytes() {
          return connection.bufferedBytes;
        },
        whenReadable: () => connection.whenReadable(),
        send: (data) => this.#send({ type: "configs", data }),
      },
      session,
    );
    return this.#configs;
  }

  #beat(session: AgentSession, frame: FrameOf<"heartbeat">): void {
    const reading = readSample(frame.data, this.#native !== undefined, this.#parts.clock.now());
    session.heartbeat(reading?.sample, reading?.store ?? true);
    if (!this.#native) {
      this.#pace ??= new ForeignPace();
      this.#pace.beat(session, this.#parts.clock.monotonic());
    }
    this.#connection.reply(
      encodeHeartbeatAck({
        id: quoteJson(frame.id),
        nodeId: this.#quotedId,
        timestamp: this.#parts.timestamp(),
        beatMs: this.#newBeatMs,
        storedThrough: this.#newStoredThrough,
      }),
    );
    this.#newBeatMs = undefined;
    this.#newStoredThrough = undefined;
  }

  #takeBackfill(session: AgentSession, frame: FrameOf<"samples">): void {
    this.#backfilling = true;
    session.backfill(readBackfill(frame.data));
  }

  #measure(session: AgentSession, frame: FrameOf<"metrics">): void {
    const now = this.#parts.clock.now();
    const reading = readSample({ metrics: frame.data }, false, now);
    session.heartbeat(reading?.sample, true);
    const data = {
      success: true,
      message: WORDS.metricsSaved,
      node_id: this.nodeId,
      metric_id: metricIdOf(now),
    };
    this.#connection.reply(
      encodeCoreFrame({ type: "metrics_response", id: frame.id, timestamp: this.#parts.timestamp(), data }),
    );
  }

  /** Our own frames exist only for those who said that they speak them. */
  #refuseType(frame: NodeFrame): void {
    const message = `${CODE_MESSAGES.UNKNOWN_MESSAGE_TYPE}: ${frame.type}`;
    const details = "register with a `muster` object first";
    const error = { code: "UNKNOWN_MESSAGE_TYPE", message, details, id: frame.id } as const;
    this.#connection.reply(encodeError(error, this.#parts.timestamp()));
  }

  #replyError(code: "DATABASE_ERROR", id: string): void {
    this.#connection.reply(encodeError({ code, details: WORDS.databaseDetails, id }, this.#parts.timestamp()));
  }

  #send(frame: Pick<CoreFrame, "type" | "data">): void {
    const whole = { type: frame.type, id: newMessageId(), timestamp: this.#parts.timestamp(), data: frame.data };
    this.#connection.send(encodeCoreFrame(whole as CoreFrame));
  }
}
