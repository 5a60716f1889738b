import { after, before, describe } from "node:test";
import { systemClock } from "@muster/core";
import {
  ManualScope,
  missingNats,
  missingPostgres,
  type NatsServer,
  type PostgresServer,
  startNats,
  startPostgres,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { NatsBus } from "../bus/nats.ts";
import { processWatch } from "../jobs/process-watch.ts";
import { JobRunner } from "../jobs/runner.ts";
import { doorbellSweep, timeouts } from "../jobs/timeouts.ts";
import { openStore } from "../store/open.ts";
import { StoreClock } from "../store/store-clock.ts";
import { Fleet } from "./fleet.ts";

export type TestProcess = Awaited<ReturnType<typeof openProcess>>;

/** The engines of a suite, and processes over them. */
export interface TestCluster {
  /** Only while tests run. */
  readonly nats: NatsServer;
  /** An empty database; gone with the suite. */
  createDatabase(): Promise<string>;
  /** A process at each place, over one database, a new one when none is given. Closed with the test. */
  open(test: TestEnd, places: readonly string[], url?: string): Promise<TestProcess[]>;
  openTwo(test: TestEnd): Promise<{ left: TestProcess; right: TestProcess }>;
}

interface TestEnd {
  after(task: () => Promise<void>): void;
}

/** A suite over one PostgreSQL and one NATS. */
export function describeCluster(name: string, suite: (cluster: TestCluster) => void): void {
  describe(name, unlessMissing(missingPostgres() ?? missingNats()), () => {
    const scope = new ManualScope();
    let postgres: PostgresServer;
    let nats: NatsServer;
    before(async () => {
      [postgres, nats] = await Promise.all([startPostgres(scope), startNats(scope)]);
    });
    after(() => scope.close());
    const open: TestCluster["open"] = async (test, places, given) => {
      const url = given ?? (await postgres.createDatabase(scope));
      const opened: TestProcess[] = [];
      for (const place of places) {
        const process = await openProcess({ url, nats, place });
        test.after(() => process.close().catch(() => {}));
        opened.push(process);
      }
      return opened;
    };
    suite({
      get nats() {
        return nats;
      },
      createDatabase: () => postgres.createDatabase(scope),
      open,
      async openTwo(test) {
        const [left, right] = (await open(test, ["left", "right"])) as [TestProcess, TestProcess];
        return { left, right };
      },
    });
  });
}

/** Processes tell each other, and the machine may be busy. */
export function eventually<Value>(what: string, check: () => Value | Promise<Value>) {
  return waitUntil(what, check, { timeoutMs: 20_000, everyMs: 50 });
}

/** A process's share of the domain, as the composition root builds it. */
async function openProcess(parts: { readonly url: string; readonly nats: NatsServer; readonly place: string }) {
  const { url, nats, place } = parts;
  const store = openStore({ database: { kind: "postgres", url, connections: 4 } });
  await store.migrate();
  const clock = new StoreClock(systemClock);
  await clock.start(store);
  const bus = new NatsBus({ servers: [nats.url], prefix: url.split("/").at(-1) ?? "test" });
  const fleet = new Fleet({ store, bus, clock, outputLimitBytes: 1_048_576, place });
  await bus.start();
  await fleet.start();
  const jobs = new JobRunner(clock, () => {});
  jobs.start([timeouts(fleet.ledger), doorbellSweep(fleet.ledger), processWatch(fleet)]);
  const end = async () => {
    await jobs.stop();
    await bus.close();
    clock.stop();
  };
  return {
    fleet,
    store,
    bus,
    async close() {
      await fleet.stop();
      await end();
      await store.close();
    },
    /** Stops without a word, as a killed process does: no connection is closed in order, nothing is written. */
    async vanish() {
      await end();
      await store.close();
    },
  };
}
