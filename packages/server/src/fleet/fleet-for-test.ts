import type { Capability, RunId, Timestamp } from "@muster/core";
import { type CommandRequest, commandRequestSchema } from "@muster/core/resources";
import { ManualClock } from "@muster/testing";
import { localBus } from "../bus/local.ts";
import { JobRunner } from "../jobs/runner.ts";
import { doorbellSweep, timeouts } from "../jobs/timeouts.ts";
import type { PointJournal } from "../store/point-journal.ts";
import { sqliteDialect } from "../store/sqlite.ts";
import { BusyStore } from "../store/stores-for-test.ts";
import { Fleet } from "./fleet.ts";
import type { MetricExporter } from "./metric-export.ts";
import type { MetricReader } from "./metric-reader.ts";
import type { PointForwarder } from "./point-forwarding.ts";
import type { AgentHello, AgentPeer, AgentSession, Delivery, RunResult } from "./session.ts";

/** Everything that our own agent can do. */
export const NATIVE: readonly Capability[] = ["command", "journal", "output", "cancel", "metrics", "backfill", "drain"];
/** What an agent of the original protocol can do. */
export const FOREIGN: readonly Capability[] = ["command", "metrics"];

/** A connected agent of a test: takes whatever is offered and remembers it. */
export interface TestAgent extends AgentPeer {
  readonly session: AgentSession;
  readonly deliveries: Delivery[];
  readonly cancelled: RunId[];
  readonly stored: Timestamp[];
  readonly evicted: string[];
  /** False: leaves work where it is. */
  takes: boolean;
}

export interface TestFleetOptions {
  /** A migrated store, which the fleet closes; by default an SQLite database in memory. */
  readonly store?: BusyStore;
  readonly clock?: ManualClock;
  readonly outputLimitBytes?: number;
  /** A store of metrics beside the first. */
  readonly exporter?: MetricExporter;
  readonly reader?: MetricReader;
  readonly pointJournal?: PointJournal;
  readonly forwarder?: PointForwarder;
}

/** Time moves in steps that are no longer than the shortest interval of the fleet, so that each step's work is done in it. */
const STEP_MS = 200;

/** A real fleet over a real database, with time that stands still until told to move. */
export async function openTestFleet(options: TestFleetOptions = {}) {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new BusyStore(sqliteDialect(":memory:"));
  if (!options.store) await store.migrate();
  const { outputLimitBytes = 1_048_576, exporter, reader, pointJournal, forwarder } = options;
  const parts = { outputLimitBytes, exporter, reader, pointJournal, forwarder };
  const fleet = new Fleet({ store, bus: localBus(), clock, ...parts });
  await fleet.start();
  const jobs = new JobRunner(clock, (_name, error) => {
    throw error;
  });
  jobs.start([timeouts(fleet.ledger), doorbellSweep(fleet.ledger)]);
  return {
    fleet,
    store,
    clock,
    connect: (externalId: string, how: Partial<AgentHello> = {}) => connectTo(fleet, externalId, how),
    /** Moves time and lets everything that follows from it happen. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        await clock.advanceAndSettle(Math.min(left, STEP_MS));
        await settle(fleet, store);
      }
    },
    settle: () => settle(fleet, store),
    async close() {
      await jobs.stop();
      await fleet.stop();
      await store.close();
    },
  };
}

export type TestFleet = Awaited<ReturnType<typeof openTestFleet>>;

/** Connects an agent to a fleet. */
export async function connectTo(fleet: Fleet, externalId: string, how: Partial<AgentHello> = {}): Promise<TestAgent> {
  let session: AgentSession | undefined;
  const agent = {
    deliveries: [] as Delivery[],
    cancelled: [] as RunId[],
    stored: [] as Timestamp[],
    evicted: [] as string[],
    takes: true,
    onWork() {
      if (!agent.takes || !session) return;
      session.take(8).then(
        (deliveries) => agent.deliveries.push(...deliveries),
        () => {}, // the test has ended
      );
    },
    onCancel: (runId: RunId) => agent.cancelled.push(runId),
    onSamplesStored: (through: Timestamp) => agent.stored.push(through),
    onBeatInterval() {},
    onDrain() {},
    onEvicted: (reason: string) => agent.evicted.push(reason),
  };
  const hello: AgentHello = {
    protocol: "node",
    externalId,
    capabilities: new Set(NATIVE),
    facts: { hostname: externalId },
    remoteAddress: "127.0.0.1",
    tokenId: null,
    ...how,
  };
  session = await fleet.sessions.open(hello, agent as AgentPeer);
  return Object.assign(agent as Omit<typeof agent, "onCancel" | "onSamplesStored" | "onEvicted"> & AgentPeer, {
    session,
  });
}

/** Turns of the event loop without a query after which nothing more follows. */
const QUIET_TURNS = 6;

/** Lets rings, batches and what they cause come to rest. */
async function settle(fleet: Fleet, store: BusyStore): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet = store.isBusy ? 0 : quiet + 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await fleet.ledger.settle();
  }
}

/** A command with the defaults of the API. */
export function commandSpec(request: Partial<CommandRequest> & Pick<CommandRequest, "targets">) {
  return commandRequestSchema.parse({ text: "uptime", ...request });
}

/** What an agent reports when a command ended well, unless told otherwise. */
export function runResult(how: Partial<RunResult> = {}): RunResult {
  return {
    status: "succeeded",
    exitCode: 0,
    reason: null,
    executionMs: 5,
    startedAt: null,
    output: null,
    cutBytes: 0,
    digest: null,
    ...how,
  };
}
