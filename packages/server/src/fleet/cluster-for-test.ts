import { systemClock } from "@muster/core";
import type { NatsServer } from "@muster/testing";
import { NatsBus } from "../bus/nats.ts";
import { processWatch } from "../jobs/process-watch.ts";
import { JobRunner } from "../jobs/runner.ts";
import { doorbellSweep, timeouts } from "../jobs/timeouts.ts";
import { openStore } from "../store/open.ts";
import { StoreClock } from "../store/store-clock.ts";
import { Fleet } from "./fleet.ts";

export type TestProcess = Awaited<ReturnType<typeof openProcess>>;

/** A process's share of the domain, as the composition root builds it. */
export async function openProcess(parts: { readonly url: string; readonly nats: NatsServer; readonly place: string }) {
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
