import type { Clock, Timestamp } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { PointJournal } from "../store/point-journal.ts";
import type { Store } from "../store/store.ts";
import { Agents } from "./agents.ts";
import { Audit } from "./audit.ts";
import { Calls } from "./calls.ts";
import { Commands } from "./commands.ts";
import { Configs } from "./configs.ts";
import { Elections } from "./elections.ts";
import { Feed } from "./feed.ts";
import { Groups } from "./groups.ts";
import { Inputs } from "./inputs.ts";
import { Ledger } from "./ledger.ts";
import type { MetricExporter } from "./metric-export.ts";
import type { MetricReader } from "./metric-reader.ts";
import { Metrics } from "./metrics.ts";
import type { PointForwarder } from "./point-forwarding.ts";
import { PointHistory } from "./point-history.ts";
import { Points } from "./points.ts";
import { Presence } from "./presence.ts";
import { Processes } from "./processes.ts";
import { Records } from "./records.ts";
import { Registry } from "./registry.ts";
import { Relay } from "./relay.ts";
import { Rollouts } from "./rollouts.ts";
import { type KeySource, memoryKey, Secrets } from "./secrets.ts";
import { Sessions } from "./sessions.ts";
import { Watching } from "./watching.ts";

interface FleetParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Output kept per stream of a run. */
  readonly outputLimitBytes: number;
  /** For people: where this process runs. */
  readonly place?: string;
  /** A store of metrics beside ours. */
  readonly exporter?: MetricExporter | undefined;
  readonly reader?: MetricReader | undefined;
  /** Keeps written measurements until they are in the database; without one, writers wait for the database. */
  readonly pointJournal?: PointJournal | undefined;
  /** Where written points go as well. */
  readonly forwarder?: PointForwarder | undefined;
  /** The key that seals secrets; without one they are lost with the process. */
  readonly secretsKey?: KeySource | undefined;
}

/** The domain: everything that doors, API and jobs may ask for. */
export class Fleet {
  readonly feed = new Feed();
  readonly registry: Registry;
  readonly groups: Groups;
  readonly metrics: Metrics;
  readonly records: Records;
  readonly points: Points;
  readonly pointHistory: PointHistory;
  readonly elections: Elections;
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly inputs: Inputs;
  readonly configs: Configs;
  readonly rollouts: Rollouts;
  readonly secrets: Secrets;
  readonly watching: Watching;
  readonly sessions: Sessions;
  readonly agents: Agents;
  readonly commands: Commands;
  readonly processes: Processes;
  readonly #bus: Bus;
  readonly #presence: Presence;
  readonly #relay: Relay;

  constructor(parts: FleetParts) {
    const { feed } = this;
    const { processId } = parts.bus;
    this.#bus = parts.bus;
    parts.bus.on("died", ({ process }) => this.#processDied(process));
    this.processes = new Processes({
      ...parts,
      processId,
      place: parts.place ?? "this machine",
      hasBus: parts.bus.name !== "local",
      onReturn: () => {
        this.registry.markAllLive();
        this.#presence.callRoll();
      },
    });
    this.registry = new Registry({ ...parts, feed, processId });
    const { registry } = this;
    const onChanged: Configs["commit"] = (epoch, changes) => this.configs.commit(epoch, changes);
    this.groups = new Groups({ ...parts, onChanged });
    this.secrets = new Secrets({ ...parts, keys: parts.secretsKey ?? memoryKey(), onChanged });
    this.configs = new Configs({ ...parts, feed, registry, readSecrets: () => this.secrets.read() });
    this.metrics = new Metrics({ ...parts, feed, registry });
    this.records = new Records(parts);
    this.elections = new Elections(parts);
    const { configs, elections } = this;
    this.rollouts = new Rollouts({ ...parts, feed, processId, configs, elections, audit: new Audit(parts) });
    configs.useRollouts(this.rollouts.plan);
    const { history } = this.metrics;
    this.points = new Points({ ...parts, registry, history, records: this.records, journal: parts.pointJournal });
    this.pointHistory = new PointHistory({ ...parts, history, gatherer: this.points.gatherer });
    this.ledger = new Ledger({ ...parts, feed, registry });
    this.#presence = new Presence({ ...parts, registry, ledger: this.ledger });
    this.calls = new Calls({ ...parts, registry });
    this.sessions = new Sessions({
      clock: parts.clock,
      registry,
      calls: this.calls,
      ledger: this.ledger,
      metrics: this.metrics,
      presence: this.#presence,
    });
    this.agents = new Agents({
      ...parts,
      feed,
      registry,
      sessions: this.sessions,
      metrics: this.metrics,
      groups: this.groups,
      onTouched: (epoch, row) => this.configs.agentTouched(epoch, row),
    });
    this.inputs = new Inputs({ ...parts, feed, registry, calls: this.calls, agents: this.agents });
    this.commands = new Commands({ ...parts, feed, agents: this.agents, ledger: this.ledger });
    this.#relay = new Relay({
      ...parts,
      feed,
      acceptSample: (sample) => this.metrics.acceptRemote(sample),
      onRemoved: (agentId) => this.agents.forget(agentId),
    });
    this.watching = new Watching({
      clock: parts.clock,
      feed,
      registry,
      metrics: this.metrics,
      watchedElsewhere: () => this.#relay.watchedElsewhere(),
    });
  }

  /** Sets right what the last process left, then begins background work. Call it before the first connection. */
  async start(): Promise<void> {
    await this.processes.start();
    const known = await this.processes.listKnown();
    await this.registry.start(known);
    await this.groups.start();
    await this.rollouts.plan.reload();
    await this.configs.start();
    await this.ledger.start(known.length === 1);
    await this.metrics.history.recover();
    this.metrics.start();
    await this.points.start();
    this.sessions.start();
    this.inputs.start();
    this.#presence.start(() => this.sessions.connectionCount());
    this.#relay.start();
    this.watching.start();
  }

  /** Notices processes that died, and agents that did not come back from one. Called about every second. */
  async watchProcesses(_now: Timestamp): Promise<void> {
    const { dead: buried, gone } = await this.processes.watch();
    for (const id of gone) this.#processDied(id);
    for (const dead of buried) {
      this.#processDied(dead.id);
      this.#bus.publish("died", { process: dead.id });
      this.ledger.announce(dead.changes);
      for (const agentId of dead.agentIds) this.feed.publish({ kind: "agent", agentId, change: "status" });
    }
    for (const agentId of await this.processes.giveUpOrphans())
      this.feed.publish({ kind: "agent", agentId, change: "status" });
  }

  /** A process is gone, whoever found out: nothing here waits for it, and what it held is ours where we have a connection. */
  #processDied(id: string): void {
    this.#bus.giveUp(id);
    this.#presence.processDied(id);
    this.#relay.processDied(id);
  }

  /** Writes everything that waits. Call it when no connection is left. */
  async stop(): Promise<void> {
    this.sessions.stop();
    this.watching.stop();
    this.#presence.stop();
    this.#relay.stop();
    await this.ledger.settle();
    await this.inputs.stop();
    await this.configs.stop();
    await this.points.stop();
    await this.metrics.stop();
    await this.registry.stop();
    await this.processes.stop();
  }
}
