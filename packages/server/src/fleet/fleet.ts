import type { Clock } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { Store } from "../store/store.ts";
import { Agents } from "./agents.ts";
import { Commands } from "./commands.ts";
import { Feed } from "./feed.ts";
import { Groups } from "./groups.ts";
import { Ledger } from "./ledger.ts";
import { Metrics } from "./metrics.ts";
import { Registry } from "./registry.ts";
import { Sessions } from "./sessions.ts";

interface FleetParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Output kept per stream of a run. */
  readonly outputLimitBytes: number;
}

/** The domain: everything that doors, API and jobs may ask for. */
export class Fleet {
  readonly feed = new Feed();
  readonly registry: Registry;
  readonly groups: Groups;
  readonly metrics: Metrics;
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly agents: Agents;
  readonly commands: Commands;

  constructor(parts: FleetParts) {
    const { feed } = this;
    this.registry = new Registry({ ...parts, feed });
    this.groups = new Groups(parts);
    this.metrics = new Metrics({ ...parts, feed, registry: this.registry });
    this.ledger = new Ledger({ ...parts, feed, registry: this.registry });
    this.sessions = new Sessions({
      clock: parts.clock,
      registry: this.registry,
      ledger: this.ledger,
      metrics: this.metrics,
    });
    this.agents = new Agents({
      ...parts,
      feed,
      registry: this.registry,
      sessions: this.sessions,
      metrics: this.metrics,
      groups: this.groups,
    });
    this.commands = new Commands({ ...parts, feed, agents: this.agents, ledger: this.ledger });
  }

  /** Sets right what the last process left, then begins background work. Call it before the first connection. */
  async start(): Promise<void> {
    await this.registry.start();
    await this.ledger.start();
    await this.metrics.history.recover();
    this.metrics.start();
    this.sessions.start();
  }

  /** Writes everything that waits. Call it when no connection is left. */
  async stop(): Promise<void> {
    this.sessions.stop();
    await this.ledger.settle();
    await this.metrics.stop();
    await this.registry.stop();
  }
}
