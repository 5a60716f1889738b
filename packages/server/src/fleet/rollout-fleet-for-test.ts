import type { RolloutWrite } from "@muster/core/resources";
import { rolloutWriteSchema } from "@muster/core/resources";
import type { HeldConfig, WantedConfig } from "./config-delivery.ts";
import { openTestFleet, type TestAgent, type TestFleet, type TestFleetOptions } from "./fleet-for-test.ts";
import { Rollouts } from "./rollouts.ts";

/** What an agent does with a text that is offered to it. */
export type Taste = (config: WantedConfig) => "applies" | "refuses" | "ignores";

/** An agent that polls for files and keeps its last good one. */
export class FileAgent {
  taste: Taste = () => "applies";
  /** Every revision that was offered anew, in order. */
  readonly offers: number[] = [];
  /** What it runs, by name. */
  readonly runs = new Map<string, WantedConfig>();
  readonly name: string;
  readonly #told = new Map<string, HeldConfig>();
  readonly #fleet: () => TestFleet;
  readonly #labels: Record<string, string>;
  #agent: TestAgent | undefined;

  constructor(fleet: () => TestFleet, name: string, labels: Record<string, string> = {}) {
    this.#fleet = fleet;
    this.#labels = labels;
    this.name = name;
  }

  get online(): boolean {
    return this.#agent !== undefined;
  }

  get number(): number {
    return this.#agent?.session.agentNumber ?? 0;
  }

  async connect(): Promise<this> {
    this.#agent = await this.#fleet().connect(this.name, {
      capabilities: new Set(["configs", "verdict"]),
      facts: { hostname: this.name, labels: this.#labels },
      staleAfterMs: 3_600_000,
    });
    return this;
  }

  disconnect(): void {
    this.#agent?.session.close("gone for a while");
    this.#agent = undefined;
  }

  /** The revision that it runs; null for none. */
  revision(name = "app"): number | null {
    return this.runs.get(name)?.revision ?? null;
  }

  poll(): void {
    const state = this.#agent?.session.state;
    if (!state) return;
    const { configs } = this.#fleet().fleet;
    const wanted = configs.wantedFor(state);
    for (const name of [...this.runs.keys(), ...this.#told.keys()])
      if (!wanted.some((config) => config.name === name)) {
        this.runs.delete(name);
        this.#told.delete(name);
      }
    for (const config of wanted) this.#take(config);
    configs.report(state, ["file"], [...this.#told.values()]);
  }

  #take(config: WantedConfig): void {
    const { name, kind, revision, digest } = config;
    if (this.#told.get(name)?.revision === revision) return;
    const running = this.runs.get(name);
    if (running?.revision !== revision) {
      this.offers.push(revision);
      const does = this.taste(config);
      if (does === "ignores") return;
      if (does === "refuses") {
        const error = `no such plugin in ${revision}`;
        this.#told.set(name, { name, kind, revision, status: "failed", error, digest: null });
        return;
      }
      this.runs.set(name, config);
    }
    this.#told.set(name, { name, kind, revision, status: "applied", error: null, digest });
  }
}

export type RolloutFleet = Awaited<ReturnType<typeof openRolloutFleet>>;

/** A fleet of agents that take files, with one config, `app`, whose first revision the group `default` has. */
export async function openRolloutFleet(options: TestFleetOptions & { readonly agents?: number } = {}) {
  let test = await openTestFleet(options);
  const agents: FileAgent[] = [];
  const newAgent = async (labels?: Record<string, string>) => {
    const agent = await new FileAgent(() => test, `host-${agents.length + 1}`, labels).connect();
    agents.push(agent);
    return agent;
  };
  for (let index = 0; index < (options.agents ?? 0); index++) await newAgent();
  const config = await test.fleet.configs.create({ name: "app", kind: "file", text: "one" }, "tester");
  await test.fleet.configs.assign(config.id, "default", 1, "tester");
  const fleet = {
    agents,
    config,
    newAgent,
    get test() {
      return test;
    },
    get rollouts(): Rollouts {
      return test.fleet.rollouts;
    },
    /** Lets time pass: every second agents poll and rollouts go on. */
    async seconds(count: number) {
      for (let second = 0; second < count; second++) {
        for (const agent of agents) agent.poll();
        await test.clock.advanceAndSettle(1000);
        await test.settle();
        await test.fleet.configs.flush();
        await test.fleet.rollouts.run(test.clock.now());
      }
    },
    /** Writes a revision that nobody has yet. */
    async write(text: string): Promise<number> {
      return (await test.fleet.configs.change(config.id, { text }, "tester")).revision;
    },
    start(revision: number, how: Partial<RolloutWrite> = {}) {
      const write = { configId: config.id, revision, groups: ["default"], healthyMs: 5000, ...how };
      return test.fleet.rollouts.start(rolloutWriteSchema.parse(write), "tester");
    },
    /** Whoever runs this revision. */
    running: (revision: number | null) => agents.filter((agent) => agent.revision() === revision),
    /** Another engine over the same store, which takes itself for elected. */
    twin() {
      const { configs, feed, rollouts } = test.fleet;
      return new Rollouts({
        store: test.store,
        clock: test.clock,
        feed,
        elections: { stand: async () => ({ isElected: true, holder: "twin" }) },
        audit: { record: async () => {} },
        configs: {
          commit: (epoch, changes) => configs.commit(epoch, changes),
          async rolloutsChanged(epoch) {
            await rollouts.plan.reload();
            await configs.rolloutsChanged(epoch);
          },
        },
        processId: "twin",
      });
    },
    /** The server's process ends and another one begins over the same database; agents have to connect again. */
    async restart() {
      for (const agent of agents) agent.disconnect();
      await test.settle();
      const { store, clock } = test;
      const close = store.close;
      store.close = async () => {};
      await test.close();
      store.close = close;
      test = await openTestFleet({ ...options, store, clock });
    },
    close: () => test.close(),
  };
  await fleet.seconds(1);
  return fleet;
}
