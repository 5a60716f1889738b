import { type Capability, MusterError } from "@muster/core";
import type { Generation } from "@muster/protocols/configserver";
import type { AgentState } from "../../fleet/agent-state.ts";
import type { AgentFacts, AgentPeer, AgentSession } from "../../fleet/session.ts";
import type { Introduction } from "./introductions.ts";
import { type ConfigServerParts, isUsableText, PROTOCOL } from "./parts.ts";

/** Who comes, and how. */
export interface Arrival extends Introduction {
  readonly id: string;
  readonly generation: Generation;
  readonly remoteAddress: string;
}

/** How often it is looked who is silent. */
const SWEEP_MS = 1000;
/** Of a fleet that falls silent so many are given up in one turn. */
const GIVEN_UP_AT_ONCE = 1000;
const UNUSABLE_ID = "AgentID must be at most 200 characters, without control characters.";
const GENERATIONS: readonly Generation[] = ["g0", "g1", "g2"];
const STOPS = "the server stops";

/**
 * An agent that comes by now and then. Its session with the fleet is open from its first beat until it has missed some; nothing
 * can be sent to it in between.
 */
export class PollingAgent implements AgentPeer {
  readonly id: string;
  generation: Generation;
  /** Known once the agent has arrived, which is before anybody else sees it. */
  session!: AgentSession;
  state!: AgentState;
  /** What its generation remembers of its last beat, so that the next one costs little. */
  told: unknown;
  memory: unknown;
  /** What it told of how it runs, beside its beats. */
  running: Readonly<Record<string, string>> | undefined;
  /** As it told them in its last beat. */
  details: Readonly<Record<string, string>> = {};
  isGone = false;
  readonly #agents: PollingAgents;
  #beatMs = 0;
  /** The longest gap between two beats that was no missed beat. */
  #gapMs = 0;
  #lastBeat = 0;

  constructor(agents: PollingAgents, { id, generation }: Arrival) {
    this.#agents = agents;
    this.id = id;
    this.generation = generation;
  }

  arrive(session: AgentSession, state: AgentState, now: number): void {
    this.session = session;
    this.state = state;
    this.#lastBeat = now;
  }

  /** `now` is monotonic. */
  beat(now: number): void {
    const gap = Math.min(now - this.#lastBeat, 2 * this.#beatMs);
    this.#lastBeat = now;
    this.session.touch();
    // agents look at their clocks every few seconds only, and some beat slower than we think
    if (gap > this.#gapMs) {
      this.#gapMs = gap;
      this.session.expectSilence(2 * gap);
    }
  }

  /** What it says of itself, where that is new. Decides at once about its groups; stored soon after. */
  introduce(generation: Generation, { facts, capabilities, beatMs }: Introduction, ownBeatMs: number): void {
    this.generation = generation;
    this.details = facts.details ?? this.details;
    this.expect(beatMs ?? ownBeatMs);
    void this.#describe(facts, capabilities);
  }

  /** How it runs; replaces what it told before. */
  tellRunning(running: Readonly<Record<string, string>>): Promise<void> {
    this.running = running;
    return this.#describe({});
  }

  async #describe(facts: AgentFacts, capabilities?: ReadonlySet<Capability>): Promise<void> {
    const details = { ...this.details, ...this.running };
    await this.session.describe({ ...facts, details }, capabilities).catch(() => {}); // told again when it changes
  }

  /** The interval of its beats, as it says or as its kind has it. */
  expect(beatMs: number): void {
    if (beatMs === this.#beatMs) return;
    this.#beatMs = beatMs;
    this.#gapMs = beatMs;
    this.session.expectSilence(2 * beatMs);
  }

  /** How long it may be silent. */
  get patienceMs(): number {
    return this.#agents.missedBeats * this.#gapMs;
  }

  isSilent(now: number): boolean {
    return now - this.#lastBeat > this.patienceMs;
  }

  onEvicted(reason: string): void {
    this.#agents.end(this, reason);
  }

  onDrain(): void {
    this.#agents.end(this, STOPS);
  }

  /** Nobody waits at the other end: it will ask. */
  onWork(): void {}
  onCancel(): void {}
  onSamplesStored(): void {}
  onBeatInterval(): void {}
}

/** Everybody who beats here. */
export class PollingAgents {
  readonly missedBeats: number;
  readonly #parts: ConfigServerParts;
  readonly #byId = new Map<string, PollingAgent>();
  readonly #arriving = new Map<string, Promise<PollingAgent>>();
  readonly #early = new Map<string, Readonly<Record<string, string>>>();
  readonly #stop: () => void;

  constructor(parts: ConfigServerParts) {
    this.#parts = parts;
    this.missedBeats = parts.limits.missedBeats;
    this.#stop = parts.clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Agents whose first beat waits for the store. */
  get arriving(): number {
    return this.#arriving.size;
  }

  find(id: string): PollingAgent | undefined {
    return this.#byId.get(id);
  }

  /**
   * The agent, known to the fleet when this resolves. Those that come twice at once are one. Rejects with resource_exhausted
   * when there are too many, and with unavailable while the store is away.
   */
  meet(arrival: Arrival): Promise<PollingAgent> {
    const known = this.#arriving.get(arrival.id);
    if (known) return known;
    const arriving = this.#open(arrival).finally(() => this.#arriving.delete(arrival.id));
    this.#arriving.set(arrival.id, arriving);
    return arriving;
  }

  /** An agent that has beaten before, here or elsewhere. Undefined for strangers. */
  async recall(id: string, remoteAddress: string): Promise<PollingAgent | undefined> {
    const here = this.#byId.get(id) ?? (await this.#arriving.get(id));
    if (here || !isUsableText(id)) return here;
    const stored = await this.#parts.fleet.agents.findByExternalId(PROTOCOL, id);
    // one that only sent alarms can do nothing
    if (!stored || stored.capabilities.length === 0) return undefined;
    const generation = GENERATIONS.find((one) => one === stored.details.generation) ?? "g0";
    const capabilities = new Set(stored.capabilities);
    return this.meet({
      id,
      generation,
      capabilities,
      facts: { details: stored.details },
      remoteAddress,
      beatMs: undefined,
    });
  }

  /** How an agent runs that has not beaten yet. Of very many the first are forgotten. */
  rememberEarly(id: string, running: Readonly<Record<string, string>>, most: number): void {
    this.#early.set(id, running);
    const [oldest] = this.#early.keys();
    if (this.#early.size > most && oldest !== undefined) this.#early.delete(oldest);
  }

  /** The fleet's id of an agent that has not beaten: it is known by its name from here on, and can do nothing. */
  async note(externalId: string, remoteAddress: string): Promise<string> {
    if (!isUsableText(externalId)) throw new MusterError("invalid_argument", UNUSABLE_ID);
    const hello = { protocol: PROTOCOL, externalId, capabilities: new Set<Capability>(), facts: {}, tokenId: null };
    return (await this.#parts.fleet.registry.meet({ ...hello, remoteAddress })).state.id;
  }

  end(agent: PollingAgent, reason: string): void {
    if (agent.isGone) return;
    agent.isGone = true;
    if (this.#byId.get(agent.id) === agent) this.#byId.delete(agent.id);
    agent.session?.close(reason);
  }

  close(): void {
    this.#stop();
    for (const agent of [...this.#byId.values()]) this.end(agent, STOPS);
  }

  async #open(arrival: Arrival): Promise<PollingAgent> {
    const { fleet, clock, limits } = this.#parts;
    if (this.#byId.size >= limits.agents) throw new MusterError("resource_exhausted", "too many agents beat here");
    if (!isUsableText(arrival.id)) throw new MusterError("invalid_argument", UNUSABLE_ID);
    const { id: externalId, capabilities, facts, remoteAddress } = arrival;
    const agent = new PollingAgent(this, arrival);
    const hello = { protocol: PROTOCOL, externalId, capabilities, facts, remoteAddress, tokenId: null };
    const session = await fleet.sessions.open(hello, agent);
    const state = fleet.registry.get(session.agentId);
    if (!state || agent.isGone) {
      session.close("it was deleted");
      throw new MusterError("unavailable", "the agent was deleted while it arrived");
    }
    agent.details = facts.details ?? {};
    agent.arrive(session, state, clock.monotonic());
    agent.expect(arrival.beatMs ?? limits.beatMs);
    this.#byId.set(agent.id, agent);
    const early = this.#early.get(agent.id);
    if (early && this.#early.delete(agent.id)) void agent.tellRunning(early);
    return agent;
  }

  #sweep(): void {
    const now = this.#parts.clock.monotonic();
    let left = GIVEN_UP_AT_ONCE;
    for (const agent of this.#byId.values()) {
      if (agent.state.elsewhere !== null) this.end(agent, "it beats elsewhere");
      else if (agent.isSilent(now)) this.end(agent, `silent for more than ${Math.round(agent.patienceMs / 1000)} s`);
      else continue;
      if (--left === 0) return;
    }
  }
}
