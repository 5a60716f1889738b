import { type Capability, delay, type Timestamp } from "@muster/core";
import type { InputCall } from "@muster/core/resources";
import type { DatawayFrame, DatawayKind } from "@muster/protocols/dataway";
import type { AgentFacts, AgentHello, AgentPeer, AgentSession } from "../../fleet/session.ts";
import type { DatakitConnection } from "./datakit-connection.ts";
import {
  answerCall,
  CallFailure,
  type Dialect,
  fail,
  failureIn,
  type GivenInput,
  type Line,
  type OnlineInfo,
} from "./dialect.ts";
import { findToldElsewhere, recallGiven } from "./known-inputs.ts";
import { type DatawayParts, DOOR_LIMITS, NEVER_MS, PROTOCOL, SILENT_BEATS, UNTOLD_BEAT_MS } from "./parts.ts";
import type { Outcome } from "./traces.ts";

const CAPABILITIES: ReadonlySet<Capability> = new Set(["inputs"]);
/** What changes nothing needs no turn. */
const READS: ReadonlySet<InputCall["method"]> = new Set(["inputs.list", "inputs.sample", "inputs.read", "inputs.test"]);
const NOTHING_TOLD: OnlineInfo = { available: [], enabled: [], inventory: undefined };

/** What a DataKit told of itself, in the fleet's words. */
export interface DatakitNews {
  readonly facts: AgentFacts;
  readonly info: OnlineInfo | undefined;
  /** The interval between its heartbeats, where it announces one. */
  readonly heartbeatMs: number | undefined;
}

/**
 * One DataKit and its session with the fleet. It outlives its socket only while the DataKit reloads, since the first ones
 * drop the connection for that and whoever asked for it waits for what comes after.
 */
export class DatakitBinding implements AgentPeer, Line {
  readonly id: string;
  online: OnlineInfo | undefined;
  readonly given = new Map<string, GivenInput>();
  readonly #parts: DatawayParts;
  #connection: DatakitConnection;
  #session: AgentSession | undefined;
  #dialect: Dialect | undefined;
  /** Aborted once it has said what it is. */
  readonly #met = new AbortController();
  #opening: Promise<void> | undefined;
  /** Changes are carried out one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Whoever waits for the DataKit to tell of itself. */
  #awaiting: ((info: OnlineInfo | undefined) => void) | undefined;
  #reloading = false;
  /** When its last socket ended. */
  #endedAt: Timestamp | undefined;
  /** What it told before it was stored. */
  #facts: AgentFacts | undefined;
  #beatMs: number | undefined;
  #lastSeen: number;
  #lastBeat: number | undefined;
  #announced = false;
  #closed = false;

  constructor(parts: DatawayParts, connection: DatakitConnection, id: string) {
    this.#parts = parts;
    this.#connection = connection;
    this.id = id;
    this.#lastSeen = parts.clock.monotonic();
  }

  get agentId(): string | undefined {
    return this.#session?.agentId;
  }

  get isReloading(): boolean {
    return this.#reloading && !this.#closed;
  }

  /** Makes it known to the fleet. Resolves when it is stored; later calls wait for the first. */
  open(hello: Pick<AgentHello, "tokenId" | "remoteAddress">, facts: AgentFacts): Promise<void> {
    this.#opening ??= this.#open(hello, facts);
    return this.#opening;
  }

  /** A new socket of the same DataKit while it reloads: everything but the socket goes on. */
  moveTo(connection: DatakitConnection): void {
    this.#connection = connection;
    this.touch();
  }

  isOn(connection: DatakitConnection): boolean {
    return this.#connection === connection;
  }

  /** Any sign of life. */
  touch(): void {
    this.#lastSeen = this.#parts.clock.monotonic();
    this.#session?.touch();
  }

  /** The interval of its heartbeats, as it says. */
  announce(beatMs: number): void {
    this.#announced = true;
    this.#expect(beatMs);
  }

  /** A heartbeat. Of one that announced no interval, it shows the interval. */
  beat(): void {
    const now = this.#parts.clock.monotonic();
    if (!this.#announced) this.#expect(Math.max(now - (this.#lastBeat ?? now), UNTOLD_BEAT_MS));
    this.#lastBeat = now;
    this.touch();
  }

  learn(news: DatakitNews, dialect: Dialect): void {
    this.#dialect = dialect;
    this.#met.abort();
    if (news.heartbeatMs !== undefined) this.announce(news.heartbeatMs);
    this.touch();
    this.#facts = news.facts;
    void this.#session?.describe(news.facts).catch(() => {}); // told again with the next
    if (!news.info) return;
    // who once told its inputs with ids speaks our additions, also where an era's form leaves them out
    this.online = { ...news.info, inventory: news.info.inventory ?? this.online?.inventory };
    if (news.info.inventory) this.#session?.reportInputs(news.info.inventory);
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    if (awaiting) awaiting(this.online);
    else if (!this.online.inventory && this.#session) this.#fetchInventory();
    this.#noteChange();
  }

  /** True when it has been silent for longer than it may be. */
  isSilent(now: number): boolean {
    return now - this.#lastSeen > SILENT_BEATS * (this.#beatMs ?? NEVER_MS);
  }

  /** The socket is gone. While the DataKit reloads it may come back over another one, for as long as `reload` waits. */
  socketEnded(reason: string): void {
    this.#endedAt = this.#parts.clock.now();
    if (!this.isReloading) this.close(reason);
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    awaiting?.(undefined);
    const { agentId } = this;
    this.#connection.release(this);
    this.#session?.close(reason);
    if (agentId !== undefined) this.#parts.onChange({ id: this.id, agentId, change: "offline" });
  }

  ask(kind: DatawayKind, payload?: unknown): Promise<DatawayFrame> {
    return this.#await(this.#connection.ask(this, kind, payload));
  }

  askCall(call: InputCall): Promise<DatawayFrame> {
    return this.#await(this.#connection.askCall(this, call));
  }

  async #await(asked: Promise<Outcome<DatawayFrame>>): Promise<DatawayFrame> {
    const outcome = await asked;
    switch (outcome.kind) {
      case "reply":
        return outcome.reply;
      case "expired":
        throw fail("dataway.timeout", "the DataKit did not answer in time");
      case "lost":
        throw fail("dataway.connectionLost", "the DataKit's connection ended before it answered");
      case "busy":
        throw fail("dataway.tooManyRequests", "too many requests wait for this DataKit's answer");
      case "unsupported":
        throw fail("dataway.notSupported", "this DataKit's protocol has no word for it");
    }
  }

  async reload(): Promise<OnlineInfo> {
    this.#reloading = true;
    try {
      const told = new Promise<OnlineInfo | undefined>((resolve) => {
        this.#awaiting = resolve;
      });
      const { clock, log } = this.#parts;
      const stops = [
        clock.after(DOOR_LIMITS.reloadMs, () => this.#awaiting?.(undefined)),
        clock.every(DOOR_LIMITS.elsewhereMs, () => {
          this.#lookElsewhere().catch((error: unknown) =>
            log.warn({ err: error, datakit: this.id }, "it may be elsewhere"),
          );
        }),
      ];
      const outcome = this.#connection.ask(this, "reload");
      const info = await this.#settleReload(outcome, told).finally(() => {
        for (const stop of stops) stop();
      });
      if (info) return info;
      throw fail("dataway.timeout", "the DataKit did not come back from its reload");
    } finally {
      this.#reloading = false;
      this.#awaiting = undefined;
    }
  }

  /** A refusal ends it. Where the answer says that it went well, what runs is told a moment later, or never. */
  async #settleReload(
    asked: Promise<Outcome<DatawayFrame>>,
    told: Promise<OnlineInfo | undefined>,
  ): Promise<OnlineInfo | undefined> {
    const outcome = await Promise.race([asked, told.then(() => undefined)]);
    if (outcome?.kind !== "reply") return told;
    const failure = failureIn(outcome.reply);
    if (failure) throw new CallFailure(failure);
    if (!this.#dialect?.answersReload) return told;
    const later = delay(this.#parts.clock, DOOR_LIMITS.afterReloadMs).then(() => this.online ?? NOTHING_TOLD);
    return Promise.race([told, later]);
  }

  /** Of several processes another one may be where it came back to. */
  async #lookElsewhere(): Promise<void> {
    if (this.#endedAt === undefined || !this.#session || !this.#connection.isClosed) return;
    const told = await findToldElsewhere(this.#parts.fleet, this.#session, this.#endedAt);
    if (told) this.#awaiting?.(told);
  }

  onWork(): void {}
  onCancel(): void {}
  onSamplesStored(): void {}
  onBeatInterval(): void {}

  /** It understands no word for it, but it dials again when it is sent away; all of them not at the same moment. */
  onDrain(reconnectAfterMs: number): void {
    const waitMs = Math.min(reconnectAfterMs, DOOR_LIMITS.drainMs);
    this.#parts.clock.after(waitMs, () => this.#connection.dismiss(this, 1001, "the server is stopping"));
  }

  onCall(callId: string, call: InputCall): void {
    const carryOut = async () => {
      try {
        await this.#carryOut(callId, call);
      } finally {
        // it was kept for the answer only
        if (this.#connection.isClosed) this.close("it did not come back from its reload");
      }
    };
    const report = (error: unknown) =>
      this.#parts.log.warn({ err: error, datakit: this.id }, "a call could not be carried out");
    if (READS.has(call.method) || this.online?.inventory) {
      void carryOut().catch(report);
      return;
    }
    // one at a time: files are read, changed and written back. Nobody waits any more for one that waited too long
    const latest = this.#parts.clock.monotonic() + DOOR_LIMITS.queuedMs;
    const inTime = async () => {
      if (this.#parts.clock.monotonic() < latest) await carryOut();
    };
    this.#turn = this.#turn.then(inTime).catch(report);
  }

  onEvicted(reason: string): void {
    this.#connection.dismiss(this, 1008, reason);
  }

  async #open(hello: Pick<AgentHello, "tokenId" | "remoteAddress">, facts: AgentFacts): Promise<void> {
    const { fleet, counters } = this.#parts;
    counters.registering++;
    try {
      const session = await fleet.sessions.open(
        {
          ...hello,
          protocol: PROTOCOL,
          externalId: this.id,
          capabilities: CAPABILITIES,
          facts,
          staleAfterMs: NEVER_MS,
        },
        this,
      );
      if (this.#closed) {
        session.close("the DataKit disconnected");
        return;
      }
      this.#session = session;
      if (this.#beatMs !== undefined) session.expectSilence(SILENT_BEATS * this.#beatMs);
      if (this.#facts) await session.describe(this.#facts);
      for (const [input, given] of await recallGiven(this.#parts.fleet, session)) this.given.set(input, given);
      if (this.online?.inventory) session.reportInputs(this.online.inventory);
      else if (this.online) this.#fetchInventory();
      if (this.#closed) return;
      this.#parts.onChange({ id: this.id, agentId: session.agentId, change: "online" });
    } finally {
      counters.registering--;
    }
  }

  async #carryOut(callId: string, call: InputCall): Promise<void> {
    const session = this.#session;
    const dialect = await this.#findDialect();
    if (!session || this.#closed) return;
    const failure = fail("dataway.timeout", "the DataKit has not told of itself yet");
    const answer = dialect ? await answerCall(dialect, this, call) : { ok: false as const, failure: failure.failure };
    session.answer(callId, answer);
    if (answer.ok && answer.content.inventory) this.#noteChange();
  }

  /** Whoever asks right after the connect waits a moment for the first word. */
  async #findDialect(): Promise<Dialect | undefined> {
    if (!this.#dialect) await delay(this.#parts.clock, DOOR_LIMITS.meetMs, this.#met.signal);
    return this.#dialect;
  }

  #noteChange(): void {
    this.#parts.onChange({ id: this.id, agentId: this.agentId, change: "changed" });
  }

  #expect(beatMs: number): void {
    if (beatMs === this.#beatMs) return;
    this.#beatMs = beatMs;
    this.#session?.expectSilence(SILENT_BEATS * beatMs);
  }

  /** For those that tell names only; what they do not answer now is asked again when somebody wants to know. */
  #fetchInventory(): void {
    const dialect = this.#dialect;
    if (!dialect) return;
    const fetch = async () => {
      const answer = await answerCall(dialect, this, { method: "inputs.list" });
      if (answer.ok && answer.content.inventory) this.#session?.reportInputs(answer.content.inventory);
    };
    fetch().catch((error: unknown) => {
      if (!(error instanceof CallFailure))
        this.#parts.log.warn({ err: error, datakit: this.id }, "its inputs are unknown");
    });
  }
}
