import type { LatestSample } from "@muster/core/resources";
import type { FeedEvent } from "../fleet/feed.ts";
import type { Snapshot } from "./live-snapshot.ts";
import { mark, Subscription, type SubscriptionParts, takeSome } from "./live-subscription.ts";

const AGENTS_PER_TICK = 500;
/** Who watches everybody sees gauges move up to this many agents; beyond it changes of state only. */
const GAUGES_UP_TO = 500;
const MAX_SAMPLES = 20;

/** Counts by status, and agents as they change: all of them, or those on somebody's screen. */
export class FleetSubscription extends Subscription {
  readonly #agentIds: ReadonlySet<string> | undefined;
  readonly #changed = new Set<string>();
  readonly #removed = new Set<string>();
  /** Agents of which only the gauges moved. */
  readonly #moved = new Set<string>();
  #countsChanged = false;
  #showsGauges = true;
  readonly #merged = () => this.countMerged();

  constructor(parts: SubscriptionParts, agentIds: readonly string[] | undefined) {
    super(parts);
    this.#agentIds = agentIds && new Set(agentIds);
  }

  topics(): readonly string[] {
    if (!this.#agentIds) return ["fleet", "facts", "samples"];
    return ["fleet", ...[...this.#agentIds].map((id) => `agent:${id}`)];
  }

  async load(): Promise<void> {
    const counts = await this.fleet.agents.counts();
    this.socket.send({ event: "counts", sub: this.sub, counts });
    this.#showsGauges = this.#agentIds !== undefined || counts.total <= GAUGES_UP_TO;
    for (const agent of await this.fleet.agents.findMany([...(this.#agentIds ?? [])])) {
      this.socket.send({ event: "agent", sub: this.sub, agent });
    }
  }

  note(event: FeedEvent): boolean {
    if (event.kind === "sample") {
      if (this.#showsGauges) mark(this.#moved, event.agentId, this.#merged);
      return this.#showsGauges;
    }
    if (event.kind !== "agent") return false;
    if (event.change !== "facts") this.#countsChanged = true;
    if (this.#agentIds && !this.#agentIds.has(event.agentId)) return true;
    if (event.change === "removed") this.#removed.add(event.agentId);
    else mark(this.#changed, event.agentId, this.#merged);
    return true;
  }

  want(snapshot: Snapshot): void {
    if (this.#countsChanged) snapshot.wantCounts();
    snapshot.wantAgents(this.#changed);
    if (snapshot.showsGauges) snapshot.wantAgents(this.#moved);
  }

  async emit(snapshot: Snapshot): Promise<boolean> {
    if (this.#countsChanged && snapshot.counts !== undefined) {
      this.#countsChanged = false;
      this.sendShared("counts", "counts", snapshot.counts);
    }
    for (const agentId of takeSome(this.#removed, AGENTS_PER_TICK)) {
      this.#changed.delete(agentId);
      this.#moved.delete(agentId);
      this.socket.send({ event: "agent_removed", sub: this.sub, agentId });
    }
    const ids = takeSome(this.#changed, AGENTS_PER_TICK);
    if (snapshot.showsGauges) ids.push(...takeSome(this.#moved, AGENTS_PER_TICK));
    for (const id of new Set(ids)) {
      const agent = snapshot.agent(id);
      if (agent !== undefined) this.sendShared("agent", "agent", agent);
    }
    return this.#countsChanged || this.#removed.size + this.#changed.size + this.#moved.size > 0;
  }
}

/** Every sample of one agent as it arrives, where a slow reader gets the newest, and that its inputs changed. */
export class AgentSubscription extends Subscription {
  readonly #agentId: string;
  #samples: LatestSample[] = [];
  #inputsChanged = false;

  constructor(parts: SubscriptionParts, agentId: string) {
    super(parts);
    this.#agentId = agentId;
  }

  topics(): readonly string[] {
    return [`sample:${this.#agentId}`, `inputs:${this.#agentId}`];
  }

  async load(): Promise<void> {
    const agent = await this.fleet.agents.get(this.#agentId);
    const sample = this.fleet.metrics.latest(agent.id);
    if (sample) this.socket.send({ event: "sample", sub: this.sub, sample });
  }

  note(event: FeedEvent): boolean {
    if (event.kind === "inputs") this.#inputsChanged = true;
    else if (event.kind === "sample") this.#noteSample(event.sample);
    else return false;
    return true;
  }

  #noteSample(sample: LatestSample): void {
    const room = this.isLagging ? 0 : MAX_SAMPLES - 1;
    while (this.#samples.length > room) {
      this.#samples.shift();
      this.countMerged();
    }
    this.#samples.push(sample);
  }

  want(): void {}

  async emit(): Promise<boolean> {
    for (const sample of this.#samples) this.socket.send({ event: "sample", sub: this.sub, sample });
    this.#samples = [];
    if (this.#inputsChanged) this.socket.send({ event: "inputs", sub: this.sub, agentId: this.#agentId });
    this.#inputsChanged = false;
    return false;
  }
}
