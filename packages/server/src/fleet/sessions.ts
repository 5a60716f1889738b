import {
  type AgentId,
  type Capability,
  type Clock,
  clampInstant,
  type RunId,
  type Timestamp,
  type TokenId,
} from "@muster/core";
import type { InputAnswer, InputInventory } from "@muster/core/resources";
import { type AgentState, countConnections, workingSession } from "./agent-state.ts";
import type { Calls } from "./calls.ts";
import type { Ledger } from "./ledger.ts";
import type { Metrics } from "./metrics.ts";
import type { Presence } from "./presence.ts";
import type { Registry } from "./registry.ts";
import type {
  AgentFacts,
  AgentHello,
  AgentPeer,
  AgentReading,
  AgentSession,
  Delivery,
  KnownRun,
  OutputPiece,
  ResumeAnswer,
  RunResult,
} from "./session.ts";

interface SessionParts {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly presence: Presence;
  readonly calls: Calls;
}

/** Small fleets beat every 3 s; from there the interval widens with the number of agents up to 30 s above 10,000. */
export function beatIntervalFor(agents: number): number {
  const steps = Math.ceil((agents / 10_000) * 10);
  return Math.min(30_000, Math.max(3_000, steps * 3_000));
}

/** How many announced beats an agent may miss before it counts as stale; a little more than two, so that the third shows it. */
const STALE_BEATS = 2.7;
const SWEEP_MS = 500;

/** All live connections of agents to this process: opens sessions, notices silence, spreads the beat. */
export class Sessions {
  readonly #parts: SessionParts;
  readonly #live = new Set<LiveSession>();
  #beatMs = beatIntervalFor(0);
  #stop: (() => void)[] = [];
  #draining = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stop = [this.#parts.clock.every(SWEEP_MS, () => this.#sweep())];
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  /** Live connections, of one protocol or of all. */
  connectionCount(protocol?: string): number {
    if (protocol === undefined) return this.#live.size;
    let count = 0;
    for (const session of this.#live) if (session.state.protocol === protocol) count++;
    return count;
  }

  get beatMs(): number {
    return this.#beatMs;
  }

  /** Makes a connection known. The agent is stored when this resolves; `close` the session whatever happens after. */
  async open(hello: AgentHello, peer: AgentPeer): Promise<AgentSession> {
    const { state, isNew } = await this.#parts.registry.meet(hello);
    const session = new LiveSession(this.#parts, { state, isNew, hello, peer, live: this.#live });
    session.beatMs = this.#beatMs;
    this.#live.add(session);
    state.sessions = state.sessions.concat(session); // of just this length: one that grew keeps room for sixteen more
    state.elsewhere = null;
    state.tookOverFrom = null;
    this.#parts.presence.arrived(state);
    state.capabilities = hello.capabilities;
    session.touch();
    this.#parts.registry.setStatus(state, "online", conflictReason(state));
    this.#parts.registry.markDirty(state);
    void this.#parts.registry.learn(state, hello.facts).catch(() => {}); // an unwritten fact is told again at the next hello
    if (hello.capabilities.has("backfill")) await this.#parts.metrics.load(state);
    if (this.#draining) peer.onDrain(spread(5_000));
    return session;
  }

  /** Ends every connection that came with a revoked enrolment token. */
  evictToken(tokenId: TokenId): void {
    for (const session of [...this.#live])
      if (session.tokenId === tokenId) session.peer.onEvicted("its token was revoked");
  }

  /** Ends every connection of an agent. */
  evictAgent(state: AgentState, reason: string): void {
    for (const session of [...state.sessions]) session.peer.onEvicted(reason);
  }

  /** Tells every agent to come back after a while of its own, spread over `windowMs`. */
  drain(windowMs: number): void {
    this.#draining = true;
    for (const session of this.#live) session.peer.onDrain(spread(windowMs));
  }

  #sweep(): void {
    const { clock, registry } = this.#parts;
    const now = clock.monotonic();
    for (const session of this.#live) {
      const { state } = session;
      if (state.status !== "online" || workingSession(state) !== session) continue;
      const silence = now - session.lastTouch;
      if (silence < session.staleAfterMs) continue;
      registry.setStatus(state, "stale", `silent for ${Math.round(silence / 1000)} s`);
    }
    const beatMs = beatIntervalFor(this.#live.size + this.#parts.presence.agentsElsewhere);
    if (beatMs !== this.#beatMs) this.#announceBeat(beatMs);
  }

  #announceBeat(beatMs: number): void {
    // a little hysteresis: a fleet that hovers around a step must not be told twice a second
    const size = this.#live.size + this.#parts.presence.agentsElsewhere;
    if (beatMs < this.#beatMs && beatIntervalFor(size * 1.1) >= this.#beatMs) return;
    this.#beatMs = beatMs;
    for (const session of this.#live) {
      session.beatMs = beatMs;
      session.peer.onBeatInterval(beatMs);
    }
  }
}

/** Why an online agent is online, with a word on clones. */
export function conflictReason(state: AgentState): string {
  const count = countConnections(state);
  return count > 1 ? `${count} connections use this id` : "connected";
}

function spread(windowMs: number): number {
  return Math.round(500 + Math.random() * windowMs);
}

const NOTHING_KNOWN: readonly KnownRun[] = [];

interface LiveSessionInit {
  readonly state: AgentState;
  readonly isNew: boolean;
  readonly hello: AgentHello;
  readonly peer: AgentPeer;
  /** Where it counts as long as it is open. */
  readonly live: Set<LiveSession>;
}

/** One live connection of an agent. See AgentSession for what a door may rely on. */
export class LiveSession implements AgentSession {
  readonly state: AgentState;
  readonly isNew: boolean;
  readonly openedAt: Timestamp;
  readonly peer: AgentPeer;
  readonly tokenId: TokenId | null;
  beatMs = 0;
  /** Monotonic time of the last sign of life. */
  lastTouch = 0;
  /** The journal as the agent told it; null until it did. */
  known: readonly KnownRun[] | null = null;
  closed = false;
  readonly #parts: SessionParts;
  #fixedStaleMs: number | undefined;
  readonly #live: Set<LiveSession>;
  #timed: boolean;

  constructor(parts: SessionParts, init: LiveSessionInit) {
    this.#parts = parts;
    this.state = init.state;
    this.isNew = init.isNew;
    this.openedAt = parts.clock.now();
    this.peer = init.peer;
    this.tokenId = init.hello.tokenId;
    this.#fixedStaleMs = init.hello.staleAfterMs;
    this.#live = init.live;
    this.#timed = init.hello.capabilities.has("backfill");
  }

  get agentId(): AgentId {
    return this.state.id;
  }

  get agentNumber(): number {
    return this.state.number;
  }

  get storedThrough(): Timestamp | null {
    return this.#parts.metrics.storedThrough(this.state);
  }

  get staleAfterMs(): number {
    return this.#fixedStaleMs ?? this.beatMs * STALE_BEATS;
  }

  async describe(facts: AgentFacts, capabilities?: ReadonlySet<Capability>): Promise<void> {
    if (capabilities) {
      this.state.capabilities = capabilities;
      this.#timed = capabilities.has("backfill");
      if (this.#timed) await this.#parts.metrics.load(this.state);
    }
    await this.#parts.registry.learn(this.state, facts);
  }

  expectSilence(staleAfterMs: number | undefined): void {
    this.#fixedStaleMs = staleAfterMs;
  }

  reportClock(agentNow: Timestamp): void {
    this.state.clockSkewMs = Math.round(clampInstant(agentNow) - this.#parts.clock.now());
    this.#parts.registry.markDirty(this.state);
  }

  resume(known: readonly KnownRun[]): Promise<ResumeAnswer> {
    this.known = known.length === 0 ? NOTHING_KNOWN : known;
    return this.#parts.ledger.resume(this.state, this);
  }

  touch(): void {
    this.lastTouch = this.#parts.clock.monotonic();
    this.state.lastSeenAt = this.#parts.clock.now();
    if (this.state.status !== "online" && workingSession(this.state) === this) {
      this.#parts.registry.setStatus(this.state, "online", conflictReason(this.state));
    }
  }

  heartbeat(sample: AgentReading | undefined, store: boolean): void {
    if (this.closed) return;
    this.touch();
    if (sample) this.#parts.metrics.record(this.state, sample, { store, agentTime: this.#timed });
  }

  backfill(samples: readonly AgentReading[]): void {
    if (this.closed) return;
    this.touch();
    this.#parts.metrics.backfill(this.state, samples);
  }

  async take(limit: number): Promise<readonly Delivery[]> {
    if (this.closed || workingSession(this.state) !== this) return [];
    const deliveries = await this.#parts.ledger.take(this, limit);
    if (!this.closed || deliveries.length === 0) return deliveries;
    // nothing of it was sent: it waits for the next connection
    await this.#parts.ledger.putBack(deliveries.map((delivery) => delivery.runId));
    return [];
  }

  reportStarted(runId: RunId, at: Timestamp | null): Promise<void> {
    this.touch();
    return this.#parts.ledger.reportStarted(this.state, runId, at === null ? null : clampInstant(at));
  }

  reportOutput(runId: RunId, pieces: readonly OutputPiece[]): Promise<number> {
    this.touch();
    const dated = pieces.map((piece) => ({ ...piece, at: clampInstant(piece.at) }));
    return this.#parts.ledger.reportOutput(this.state, runId, dated);
  }

  reportFinished(runId: RunId, result: RunResult): Promise<void> {
    this.touch();
    const startedAt = result.startedAt === null ? null : clampInstant(result.startedAt);
    return this.#parts.ledger.reportFinished(this.state, runId, { ...result, startedAt });
  }

  answer(callId: string, answer: InputAnswer): void {
    this.touch();
    this.#parts.calls.answered(this, callId, answer);
  }

  reportInputs(inventory: InputInventory): void {
    if (this.closed) return;
    this.touch();
    this.#parts.calls.reported(this, inventory);
  }

  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#live.delete(this);
    this.#parts.calls.connectionLost(this);
    const { state } = this;
    const wasWorking = workingSession(state) === this;
    state.sessions = state.sessions.filter((session) => session !== this);
    const { registry, ledger, presence } = this.#parts;
    presence.left(state);
    // another process that holds an older connection takes over when it hears of this
    if (state.sessions.length === 0) state.elsewhere ??= state.others?.keys().next().value ?? null;
    if (state.elsewhere !== null) {
      if (state.sessions.length === 0) registry.release(state);
      return;
    }
    if (state.sessions.length === 0) registry.setStatus(state, "offline", reason);
    else if (state.status === "online") registry.setStatus(state, "online", conflictReason(state));
    registry.markDirty(state);
    if (wasWorking) ledger.connectionLost(state);
  }
}
