import { type AgentId, newMessageId, type RunId, toIso } from "@muster/core";
import { encodeMonitorFrame, type MonitorFrame } from "@muster/protocols/node";
import type { FeedEvent } from "../../fleet/feed.ts";
import type { MonitorConnection } from "./monitor-connection.ts";
import { DOOR_LIMITS, type NodeDoorParts, PROTOCOL } from "./parts.ts";
import { describeTimeout } from "./rest-commands.ts";
import { readLatestOfAll } from "./rest-metrics.ts";
import { readNewest, showNode } from "./rest-nodes.ts";
import { toWireCommandStatus, toWireMetricOf, toWireStatus } from "./wire-resources.ts";

/** A first picture is cut to this many bytes a message; a dashboard finds the rest through REST. */
const PICTURE_BYTES = 2 * 1024 * 1024;
/** A picture is shared by dashboards that connect within this time. */
const PICTURE_MS = 1000;
const MAX_WAITING = 10_000;

/** How the fleet was at one moment, and every push since: together they are how it is now. */
export interface Picture {
  readonly at: number;
  readonly texts: Promise<readonly string[]>;
  readonly pushes: string[];
}

/** Pushes kept for whoever waits for a picture; the oldest ones of more are missed, as by any slow dashboard. */
const MAX_KEPT_PUSHES = 1000;

/**
 * The open dashboards, and what they are told. Listens to the fleet only while there are any. Pushes are made once for
 * all; a dashboard that does not read misses them, and nobody waits for it.
 */
export class Monitors {
  readonly #parts: NodeDoorParts;
  readonly #open = new Set<MonitorConnection>();
  /** Node ids by agent: null for agents of other protocols. */
  readonly #names = new Map<AgentId, string | null>();
  /** Agents and runs whose state is to be read and told, each once. */
  readonly #changedAgents = new Set<AgentId>();
  readonly #changedRuns = new Set<RunId>();
  readonly #lastStatus = new Map<AgentId, string>();
  #telling = false;
  #picture: Picture | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(parts: NodeDoorParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#open.size >= DOOR_LIMITS.monitors;
  }

  add(monitor: MonitorConnection): void {
    this.#open.add(monitor);
    this.#parts.counters.monitors = this.#open.size;
    this.#unsubscribe ??= this.#listen();
  }

  #listen(): () => void {
    const { feed } = this.#parts.fleet;
    const unsubscribe = feed.subscribe((event) => this.#onEvent(event));
    const unwant = feed.wantSamples(() => ({ all: true, agentIds: [] }));
    return () => {
      unsubscribe();
      unwant();
    };
  }

  remove(monitor: MonitorConnection): void {
    this.#open.delete(monitor);
    this.#parts.counters.monitors = this.#open.size;
    if (this.#open.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#picture = undefined;
    for (const kept of [this.#names, this.#changedAgents, this.#changedRuns, this.#lastStatus]) kept.clear();
  }

  /** The first messages of a dashboard: all nodes, then their latest readings. Shared by those who come together. */
  openPicture(): Picture {
    const now = this.#parts.clock.monotonic();
    if (this.#picture && now - this.#picture.at <= PICTURE_MS) return this.#picture;
    const picture: Picture = { at: now, texts: this.#takePicture(), pushes: [] };
    this.#picture = picture;
    picture.texts.catch(() => {
      if (this.#picture === picture) this.#picture = undefined;
    });
    return picture;
  }

  /** Ends dashboards whose right has ended. */
  revoke(isConcerned: (monitor: MonitorConnection) => boolean): void {
    for (const monitor of [...this.#open]) if (isConcerned(monitor)) monitor.end(1008, "the token was revoked");
  }

  async #takePicture(): Promise<readonly string[]> {
    const { agents } = await readNewest(this.#parts, {}, DOOR_LIMITS.monitorNodes);
    for (const agent of agents) {
      this.#remember(agent.id as AgentId, agent.externalId);
      // what the others were told last stands, or a change that is about to be told would be lost
      const id = agent.id as AgentId;
      if (!this.#lastStatus.has(id)) this.#lastStatus.set(id, toWireStatus(agent.status));
    }
    const nodes = fitting(agents.map((agent) => showNode(this.#parts, agent)));
    const metrics = fitting(await readLatestOfAll(this.#parts, DOOR_LIMITS.monitorNodes));
    return [
      this.#encode({ type: "nodes_update", data: { nodes } }),
      this.#encode({ type: "metrics_update", data: { metrics } }),
    ];
  }

  #onEvent(event: FeedEvent): void {
    if (event.kind === "sample") {
      const nodeId = this.#names.get(event.agentId);
      if (nodeId === undefined) this.#mark(this.#changedAgents, event.agentId);
      else if (nodeId !== null) {
        this.#push({ type: "metrics_update", data: { metrics: [toWireMetricOf(nodeId, event.sample)] } });
      }
    } else if (event.kind === "agent") {
      if (event.change === "removed") this.#forget(event.agentId);
      else this.#mark(this.#changedAgents, event.agentId);
    } else if (event.kind === "run") this.#mark(this.#changedRuns, event.runId);
  }

  #mark<Id>(changed: Set<Id>, id: Id): void {
    if (changed.size >= MAX_WAITING) this.#parts.counters.pushesSkipped++;
    else changed.add(id);
    if (this.#telling) return;
    this.#telling = true;
    void this.#tellChanges();
  }

  /** One reader at a time, whatever happens meanwhile: what changes again is told once more. */
  async #tellChanges(): Promise<void> {
    try {
      while (this.#open.size > 0) {
        const agentId = takeOne(this.#changedAgents);
        const runId = takeOne(this.#changedRuns);
        if (agentId === undefined && runId === undefined) break;
        if (agentId !== undefined) await this.#tellAgent(agentId);
        if (runId !== undefined) await this.#tellRun(runId);
      }
    } catch (error) {
      this.#parts.log.warn({ err: error }, "a change could not be told to dashboards");
    } finally {
      this.#telling = false;
    }
  }

  async #tellAgent(agentId: AgentId): Promise<void> {
    const agent = await this.#parts.fleet.agents.find(agentId);
    if (!agent) return;
    if (agent.protocol !== PROTOCOL) {
      this.#remember(agentId, null);
      return;
    }
    const isStranger = !this.#names.has(agentId);
    this.#remember(agentId, agent.externalId);
    const status = toWireStatus(agent.status);
    if (this.#lastStatus.get(agentId) !== status) {
      this.#lastStatus.set(agentId, status);
      const timestamp = toIso(this.#parts.clock.now());
      this.#push({ type: "node_status_change", data: { node_id: agent.externalId, status, timestamp } });
    }
    const latest = isStranger ? this.#parts.fleet.metrics.latest(agentId) : undefined;
    if (latest) this.#push({ type: "metrics_update", data: { metrics: [toWireMetricOf(agent.externalId, latest)] } });
  }

  async #tellRun(runId: RunId): Promise<void> {
    const run = await this.#parts.fleet.commands.findRun(runId);
    if (run && toWireCommandStatus(run.status) === "timeout") this.#push({ type: "error", data: describeTimeout(run) });
  }

  #remember(agentId: AgentId, nodeId: string | null): void {
    if (this.#names.size >= 200_000) this.#names.clear(); // they are found again one by one
    this.#names.set(agentId, nodeId);
  }

  #forget(agentId: AgentId): void {
    const nodeId = this.#names.get(agentId);
    const wasOnline = this.#lastStatus.get(agentId) === "online";
    this.#names.delete(agentId);
    this.#lastStatus.delete(agentId);
    if (typeof nodeId !== "string" || !wasOnline) return;
    const timestamp = toIso(this.#parts.clock.now());
    this.#push({ type: "node_status_change", data: { node_id: nodeId, status: "offline", timestamp } });
  }

  #push(frame: Pick<MonitorFrame, "type" | "data">): void {
    const text = this.#encode(frame);
    const kept = this.#picture?.pushes;
    if (kept && kept.push(text) > MAX_KEPT_PUSHES) kept.shift();
    for (const monitor of this.#open) monitor.push(text);
  }

  #encode(frame: Pick<MonitorFrame, "type" | "data">): string {
    const whole = { type: frame.type, id: newMessageId(), timestamp: this.#parts.timestamp(), data: frame.data };
    return encodeMonitorFrame(whole as MonitorFrame);
  }
}

/** As many items as fit one message. */
function fitting<Item>(items: readonly Item[]): Item[] {
  const kept: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += JSON.stringify(item).length;
    if (bytes > PICTURE_BYTES) break;
    kept.push(item);
  }
  return kept;
}

function takeOne<Id>(ids: Set<Id>): Id | undefined {
  for (const id of ids) {
    ids.delete(id);
    return id;
  }
  return undefined;
}
