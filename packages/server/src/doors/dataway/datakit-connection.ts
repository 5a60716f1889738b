import type { TokenId } from "@muster/core";
import type { InputCall } from "@muster/core/resources";
import {
  type DatakitSelf,
  type DatawayEra,
  type DatawayFrame,
  type DatawayKind,
  decodeDatawayFrame,
  encodeCall,
  encodeProbe,
  encodeRequest,
  makeXid,
  readHeartbeat,
  readOnline,
  wordFor,
} from "@muster/protocols/dataway";
import type { AgentFacts } from "../../fleet/session.ts";
import type { Connection, ConnectionHandler } from "../../listeners/door.ts";
import { DatakitBinding, type DatakitNews } from "./datakit-binding.ts";
import { failureIn } from "./dialect.ts";
import { dialectOf } from "./dialects.ts";
import type { LiveDatakits } from "./live-datakits.ts";
import { type DatawayParts, DOOR_LIMITS, isUsableId } from "./parts.ts";
import { type Outcome, Traces } from "./traces.ts";

/** What was known of a DataKit before it said anything. */
export interface DatakitVisit {
  /** Undefined where the address names none: then its first online does. */
  readonly id: string | undefined;
  /** Never logged. */
  readonly token: string;
  readonly tokenId: TokenId | null;
  readonly facts: AgentFacts;
  readonly heartbeatMs: number | undefined;
  readonly remoteAddress: string;
}

/**
 * One socket of a DataKit, and of those that it speaks for. Which era it is shows its first online, volunteered or asked
 * for; until then it gets nothing but the question, in a form that each era can read.
 */
export class DatakitConnection implements ConnectionHandler {
  readonly token: string;
  readonly #parts: DatawayParts;
  readonly #live: LiveDatakits;
  readonly #visit: DatakitVisit;
  readonly #bindings = new Map<string, DatakitBinding>();
  readonly #traces: Traces<DatawayFrame>;
  #connection: Connection | undefined;
  #ownerId: string | undefined;
  #era: DatawayEra | undefined;
  #undecodable = 0;
  #closed = false;
  /** DataKits that were met here, those that have gone included. */
  #named = 0;
  #isOverdone = false;
  /** True while there is no room for more agents. */
  #isHeldBack = false;
  #postponed: ReadonlyMap<string, DatakitSelf> | undefined;

  constructor(parts: DatawayParts, live: LiveDatakits, visit: DatakitVisit) {
    this.#parts = parts;
    this.#live = live;
    this.#visit = visit;
    this.token = visit.token;
    this.#ownerId = visit.id;
    this.#traces = new Traces(parts.clock, DOOR_LIMITS.traces);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  onOpen(connection: Connection): void {
    this.#connection = connection;
    this.#parts.counters.connections++;
    this.#live.enter(this);
    if (this.#ownerId === undefined) {
      this.#parts.clock.after(DOOR_LIMITS.helloMs, () => {
        if (this.#ownerId === undefined) this.end(1008, "it has not said who it is");
      });
    } else {
      const { facts, heartbeatMs } = this.#visit;
      const binding = this.#bind(this.#ownerId, facts);
      if (heartbeatMs !== undefined) binding?.announce(heartbeatMs);
    }
    this.#send(encodeProbe({ traceId: this.#newTraceId(), dest: this.#ownerId }));
  }

  onText(text: string): void {
    if (this.#closed) return;
    this.#parts.counters.framesReceived++;
    const frame = decodeDatawayFrame(text);
    if (!frame.ok) {
      this.#refuse();
      return;
    }
    this.#undecodable = 0;
    if (this.#ownerId !== undefined) this.#bindings.get(this.#ownerId)?.touch();
    if (frame.kind === "online") this.#takeOnline(frame);
    else if (frame.kind === "heartbeat") this.#bindings.get(readHeartbeat(frame) ?? this.#ownerId ?? "")?.beat();
    else if (frame.kind !== "status" && !this.#isAwaited(frame)) this.#parts.counters.answersIgnored++;
  }

  /** The seed's errors name no request: the one that waits alone is meant. */
  #isAwaited(frame: DatawayFrame): boolean {
    if (frame.traceId !== undefined) return this.#traces.answer(frame.traceId, frame);
    return failureIn(frame) !== undefined && this.#traces.answerOnly(frame);
  }

  /** Whoever pings lives, and so do those behind it. */
  onPing(): void {
    for (const binding of this.#bindings.values()) binding.touch();
  }

  onClose(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.counters.connections--;
    this.#live.leave(this);
    this.#traces.close();
    for (const binding of [...this.#bindings.values()]) {
      if (binding.isOn(this)) binding.socketEnded(describeEnd(code, reason));
    }
  }

  /** Sends one request to a DataKit of this socket and waits for its answer. */
  ask(binding: DatakitBinding, kind: DatawayKind, payload?: unknown): Promise<Outcome<DatawayFrame>> {
    return this.#ask(binding, ({ era, traceId, dest }) => {
      const type = wordFor(kind, era);
      return type === undefined ? undefined : encodeRequest({ era, type, traceId, dest, payload });
    });
  }

  /** The same for a call that the era has one message for. */
  askCall(binding: DatakitBinding, call: InputCall): Promise<Outcome<DatawayFrame>> {
    return this.#ask(binding, (target) => {
      const encoded = encodeCall(call, target);
      return encoded.ok ? encoded.text : undefined;
    });
  }

  #ask(binding: DatakitBinding, encode: (target: Target) => string | undefined): Promise<Outcome<DatawayFrame>> {
    const connection = this.#connection;
    if (!connection || this.#closed) return Promise.resolve({ kind: "lost" });
    if (connection.bufferedBytes > DOOR_LIMITS.bufferedBytes) return Promise.resolve({ kind: "busy" });
    const era = this.#era ?? "seed";
    const traceId = this.#newTraceId();
    // the seed has no destination: only where one socket speaks for several it must be said
    const isAlone = this.#bindings.size === 1 && binding.id === this.#ownerId;
    const dest = era === "seed" && isAlone ? undefined : binding.id;
    const text = encode({ era, traceId, dest });
    if (text === undefined) return Promise.resolve({ kind: "unsupported" });
    return this.#traces.ask(traceId, () => this.#send(text), DOOR_LIMITS.traceMs);
  }

  /** A DataKit of this socket is gone: with the one that owns the socket, the socket. */
  dismiss(binding: DatakitBinding, code: number, reason: string): void {
    binding.close(reason);
    if (binding.id === this.#ownerId) this.end(code, reason);
  }

  /** Called by a binding that closes. */
  release(binding: DatakitBinding): void {
    if (this.#bindings.get(binding.id) === binding) this.#bindings.delete(binding.id);
    this.#live.forget(binding);
  }

  /** Ends what has been silent for too long. */
  endSilent(now: number): void {
    for (const binding of [...this.#bindings.values()]) {
      if (!binding.isSilent(now)) continue;
      this.dismiss(binding, 1001, "silent for longer than one and a half of its heartbeats");
    }
  }

  end(code: number, reason: string): void {
    this.#connection?.close(code, reason);
  }

  #takeOnline(frame: DatawayFrame): void {
    const datakits = readOnline(frame);
    if (datakits.length === 0 || failureIn(frame)) return;
    // who volunteers the seed's form is spoken to in it, whatever it answers to the question
    if (this.#era !== "seed") this.#era = frame.era;
    const ownerId = datakits[0] && isUsableId(datakits[0].id) ? datakits[0].id : undefined;
    this.#ownerId ??= ownerId;
    const told = new Map<string, DatakitSelf>();
    for (const self of datakits) {
      const id = self.id || this.#ownerId;
      if (id !== undefined && isUsableId(id) && !told.has(id)) told.set(id, self);
    }
    // a list that begins with the socket's own DataKit is whole: who is not in it is gone
    if (frame.era === "seed" && (ownerId ?? this.#ownerId) === this.#ownerId) {
      for (const binding of [...this.#bindings.values()]) {
        if (!told.has(binding.id)) binding.close("the gateway in front of it does not name it any more");
      }
    }
    for (const [id, self] of told) this.#bindings.get(id)?.learn(newsOf(self), dialectOf(this.#era));
    this.#meet(told);
  }

  /** Those of a list that are new here. Whom there is no room for now comes later, unless a newer list is told by then. */
  #meet(told: ReadonlyMap<string, DatakitSelf>): void {
    const dialect = dialectOf(this.#era ?? "seed");
    for (const [id, self] of told) {
      if (!this.#bindings.has(id)) this.#bind(id, factsOf(self))?.learn(newsOf(self), dialect);
    }
    this.#postponed = this.#isHeldBack ? told : undefined;
  }

  #bind(id: string, facts: AgentFacts): DatakitBinding | undefined {
    if (this.#isHeldBack || this.#isFull()) return undefined;
    const { tokenId, remoteAddress } = this.#visit;
    const claim = this.#live.claim(id, this.token);
    if (claim === "refused") {
      this.#parts.log.warn({ datakit: id }, "a DataKit with another token has this id");
      if (id === this.#ownerId) this.end(1008, "another token has this id");
      return undefined;
    }
    if (!claim && !this.#isAdmitted()) return undefined;
    const binding = claim ?? new DatakitBinding(this.#parts, this, id);
    this.#bindings.set(id, binding);
    const older = this.#live.add(binding, this);
    if (claim) claim.moveTo(this);
    else {
      const opened = binding.open({ tokenId, remoteAddress }, facts).catch((error: unknown) => {
        this.#parts.log.warn({ err: error, datakit: id }, "a DataKit could not be registered");
        this.end(1013, "try again later");
      });
      // after the new one is known, so that nobody sees the DataKit offline in between
      if (older) void opened.then(() => older.connection.dismiss(older.binding, 1001, "a newer connection took over"));
    }
    return binding;
  }

  /** A connection neither speaks for any number nor fills the store with one new name after the other. */
  #isFull(): boolean {
    const { idsPerConnection, namedPerConnection } = DOOR_LIMITS;
    if (this.#bindings.size < idsPerConnection && this.#named < namedPerConnection) return false;
    this.#parts.counters.framesRefused++;
    if (!this.#isOverdone) {
      const limits = { atOnce: idsPerConnection, named: namedPerConnection };
      this.#parts.log.warn(
        { datakit: this.#ownerId, ...limits },
        "a connection names too many DataKits; some are left out",
      );
    }
    this.#isOverdone = true;
    if (this.#named >= namedPerConnection) this.end(1008, `it has named ${namedPerConnection} DataKits`);
    return true;
  }

  /** The first came with the upgrade, which has been counted. */
  #isAdmitted(): boolean {
    const waitS = this.#named === 0 ? 0 : (this.#connection?.admitAnother(this.#parts.counters.registering) ?? 0);
    if (waitS === 0) {
      this.#named++;
      return true;
    }
    this.#isHeldBack = true;
    this.#parts.clock.after(waitS * 1000, () => {
      this.#isHeldBack = false;
      if (this.#postponed && !this.#closed) this.#meet(this.#postponed);
    });
    return false;
  }

  #refuse(): void {
    this.#parts.counters.framesRefused++;
    this.#undecodable++;
    if (this.#undecodable < DOOR_LIMITS.undecodableInARow) return;
    this.#parts.log.info({ datakit: this.#ownerId }, "closing a DataKit that makes no sense");
    this.end(1008, "ten undecodable messages in a row");
  }

  #newTraceId(): string {
    return makeXid("wmsg_", this.#parts.clock.now());
  }

  #send(text: string): void {
    if (!this.#closed) this.#connection?.send(text);
  }
}

interface Target {
  readonly era: DatawayEra;
  readonly traceId: string;
  readonly dest: string | undefined;
}

function newsOf(self: DatakitSelf): DatakitNews {
  const { enabledInputs: enabled, availableInputs: available, inventory, heartbeatMs } = self;
  return { facts: factsOf(self), info: { enabled, available, inventory }, heartbeatMs };
}

/** What is empty is not told. */
function factsOf({ name, version, os, arch }: DatakitSelf): AgentFacts {
  return Object.fromEntries(Object.entries({ name, version, os, arch }).filter(([, value]) => value !== ""));
}

function describeEnd(code: number, reason: string): string {
  if (reason !== "") return `the connection was closed: ${reason.slice(0, 200)}`;
  return code === 1000 || code === 1001 ? "the DataKit disconnected" : `the connection was lost (${code})`;
}
