import { newMessageId, type RunId } from "@muster/core";
import { type CommandResult, encodeCoreFrame, fromWireChunk, type NodeFrame, WORDS } from "@muster/protocols/node";
import type { AgentSession, Delivery } from "../../fleet/session.ts";
import { encodeError } from "./credentials.ts";
import { describeResult, makeExecute, refuseDelivery } from "./deliveries.ts";
import type { NativeTraits } from "./greeting.ts";
import type { NodeConnection } from "./node-connection.ts";
import { DOOR_LIMITS, type NodeDoorParts } from "./parts.ts";

type RunFrame = Extract<NodeFrame, { type: "command_started" | "command_output" | "command_result" }>;

/** Timeouts remembered per agent that is not ours, to judge its exit codes by. */
const MAX_TIMEOUTS = 100;

/**
 * Commands of one agent: taken from its session when the socket can send, written once, and what comes back is handed
 * over in the order in which it came.
 */
export class RunExchange {
  readonly #parts: NodeDoorParts;
  readonly #connection: NodeConnection;
  readonly #nodeId: string;
  #session: AgentSession | undefined;
  #native: NativeTraits | undefined;
  /** What each command was given, for agents that are not ours; made when there is one. */
  #timeouts: Map<string, number> | undefined;
  #mayTake = false;
  #taking = false;
  #rung = false;
  #closed = false;

  constructor(parts: NodeDoorParts, connection: NodeConnection, nodeId: string) {
    this.#parts = parts;
    this.#connection = connection;
    this.#nodeId = nodeId;
  }

  attach(session: AgentSession, native: NativeTraits | undefined): void {
    this.#session = session;
    this.#native = native;
  }

  /** From now on the agent may be given work: its journal is known, if it has one. */
  allowWork(): void {
    this.#mayTake = true;
    this.pump();
  }

  close(): void {
    this.#closed = true;
  }

  /** Takes and sends what is waiting, as far as the socket allows. Repeats are harmless. */
  pump(): void {
    this.#rung = true;
    if (this.#taking || !this.#mayTake || !this.#session) return;
    this.#taking = true;
    void this.#takeAll(this.#session);
  }

  report(frame: RunFrame, length: number): void {
    const session = this.#session;
    if (!session || this.#closed) return;
    if (!this.#connection.reserve(length)) {
      this.#overload();
      return;
    }
    const stored = this.#handOver(session, frame).catch((error: unknown) => {
      this.#parts.log.warn({ nodeId: this.#nodeId, type: frame.type, err: error }, "a report of a run was not stored");
      const answer = { code: "DATABASE_ERROR", details: WORDS.databaseDetails, id: frame.id } as const;
      this.#connection.reply(encodeError(answer, this.#parts.timestamp()));
    });
    void stored.then(() => this.#connection.release(length));
  }

  async #takeAll(session: AgentSession): Promise<void> {
    try {
      while (this.#rung && !this.#closed) {
        this.#rung = false;
        if (this.#connection.bufferedBytes >= DOOR_LIMITS.workBufferBytes) {
          this.#connection.whenReadable();
          return;
        }
        const deliveries = await session.take(DOOR_LIMITS.batch);
        for (const delivery of deliveries) this.#deliver(session, delivery);
        if (deliveries.length === DOOR_LIMITS.batch) this.#rung = true; // there may be more
      }
    } catch (error) {
      this.#parts.log.warn({ nodeId: this.#nodeId, err: error }, "work could not be taken");
    } finally {
      this.#taking = false;
    }
  }

  #deliver(session: AgentSession, delivery: Delivery): void {
    const refusal = this.#native ? undefined : refuseDelivery(delivery);
    if (refusal !== undefined) {
      this.#reject(session, delivery.runId, refusal);
      return;
    }
    const now = this.#parts.clock.now();
    if (!this.#native) this.#rememberTimeout(delivery);
    const { graceMs, outputLimitBytes } = this.#parts;
    const data = makeExecute(delivery, this.#native ? { graceMs, outputLimitBytes, sentAt: now } : undefined);
    const timestamp = this.#parts.timestamp();
    this.#connection.send(encodeCoreFrame({ type: "execute_command", id: newMessageId(), timestamp, data }));
  }

  /** Ends a run that is not sent at all; the next one may take its place. */
  #reject(session: AgentSession, runId: RunId, reason: string): void {
    const nothing = { exitCode: null, executionMs: null, startedAt: null, output: null, cutBytes: 0, digest: null };
    session.reportFinished(runId, { status: "rejected", reason, ...nothing }).then(
      () => this.pump(),
      (error: unknown) => this.#parts.log.warn({ runId, err: error }, "a refused run was not stored"),
    );
  }

  #rememberTimeout(delivery: Delivery): void {
    this.#timeouts ??= new Map();
    if (this.#timeouts.size >= MAX_TIMEOUTS) this.#timeouts.clear(); // the agent answers nothing
    this.#timeouts.set(delivery.runId, delivery.timeoutMs);
  }

  async #handOver(session: AgentSession, frame: RunFrame): Promise<void> {
    const runId = frame.data.command_id as RunId;
    switch (frame.type) {
      case "command_started":
        await session.reportStarted(runId, this.#native ? (frame.data.at ?? null) : null);
        return;
      case "command_output": {
        const through = await session.reportOutput(runId, frame.data.chunks.map(fromWireChunk));
        this.#answer(frame.id, "output_received", { command_id: runId, through });
        return;
      }
      case "command_result":
        await this.#finish(session, frame.id, frame.data);
    }
  }

  async #finish(session: AgentSession, id: string, result: CommandResult): Promise<void> {
    const runId = result.command_id as RunId;
    const timeoutMs = this.#timeouts?.get(runId);
    const streams = this.#native?.streams === true;
    await session.reportFinished(
      runId,
      describeResult(result, { isNative: this.#native !== undefined, streams, timeoutMs }),
    );
    this.#timeouts?.delete(runId);
    const received = { received: true, node_id: this.#nodeId } as const;
    this.#answer(id, "command_received", this.#native ? { ...received, command_id: runId } : received);
    this.pump();
  }

  #answer(id: string, type: "output_received" | "command_received", data: object): void {
    const text = JSON.stringify({ type, id, timestamp: this.#parts.timestamp(), data });
    // ours keeps what was not acknowledged; to others it is a courtesy
    if (this.#native) this.#connection.send(text);
    else this.#connection.reply(text);
  }

  /** Our agent sends again what was not acknowledged once it has connected anew; there is no other way to ask for it. */
  #overload(): void {
    if (!this.#native) return;
    const data = { after_ms: 5000, reason: "too much is waiting to be stored" };
    const timestamp = this.#parts.timestamp();
    this.#connection.send(encodeCoreFrame({ type: "reconnect", id: newMessageId(), timestamp, data }));
    this.#connection.end(1013, data.reason);
  }
}
