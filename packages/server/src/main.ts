import { hostname } from "node:os";
import { delay, systemClock } from "@muster/core";
import { type DestinationStream, type Logger, pino } from "pino";
import type { Reading } from "./api/context.ts";
import { openBus } from "./bus/open.ts";
import { type ConfigInputs, readServerConfig, type ServerConfig } from "./config.ts";
import { configServerJobs, openConfigServer, readConfigServer } from "./configserver.ts";
import { lockDataDir } from "./data-lock.ts";
import type { ConfigServerDoors } from "./doors/configserver/configserver-doors.ts";
import { describeWebRoutes } from "./doors/dataway/web-openapi.ts";
import { createNodeDoor, type NodeDoor } from "./doors/node/node-door.ts";
import { createEdges, type Edges } from "./edges.ts";
import { Access } from "./fleet/access.ts";
import type { FirstRun } from "./fleet/access-first-run.ts";
import { relayAccess } from "./fleet/access-relay.ts";
import { Fleet } from "./fleet/fleet.ts";
import { type Gateway, openGateway } from "./gateway.ts";
import { processWatch } from "./jobs/process-watch.ts";
import { retention } from "./jobs/retention.ts";
import { rollUp } from "./jobs/roll-up.ts";
import { rolloutSteps } from "./jobs/rollouts.ts";
import { JobRunner } from "./jobs/runner.ts";
import { doorbellSweep, halfWrittenSweep, timeouts } from "./jobs/timeouts.ts";
import type { DoorPolicy } from "./listeners/door-policy.ts";
import { type MetricStore, openMetricStore } from "./metric-store.ts";
import { openPointStore, type PointStore } from "./point-store.ts";
import { keyFile } from "./secrets-key.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { StoreClock } from "./store/store-clock.ts";
import { readVersion } from "./version.ts";

/** A server that takes connections. */
export interface RunningServer {
  readonly config: ServerConfig;
  /** Where it can be reached; the main listener first. */
  readonly urls: readonly string[];
  /** What copied lines start with. */
  readonly baseUrl: string;
  /** The secrets of a first start, to be shown once; null on later starts. */
  readonly firstRun: FirstRun | null;
  /** A token for the agent of this very machine; good while the process lives and never stored. */
  createLocalEnrollment(): string;
  /** Drains and ends within 10 s: no new connections, agents sent away spread over time, everything written. */
  close(): Promise<void>;
}

export interface ServerInputs extends ConfigInputs {
  /** Where the log goes; default: standard error. */
  readonly logTo?: DestinationStream;
}

const LEAVE_MS = 2_000;
const CLOSE_GRACE_MS = 2_000;

/** The composition root: configuration → store → fleet → doors → listeners. Whatever fails undoes what was opened before. */
export async function startServer(inputs: ServerInputs): Promise<RunningServer> {
  const config = readServerConfig(inputs);
  const clock = new StoreClock(systemClock);
  const log = createLog(config, inputs.logTo);
  const undo: (() => unknown)[] = [lockDataDir(config.dataDir)];
  try {
    const store = openStore(config, (error) => log.warn({ err: error }, "a connection to the database broke"));
    undo.push(() => store.close());
    for (const name of await store.migrate()) log.info({ migration: name }, "migrated the database");
    await clock.start(store);
    undo.push(() => clock.stop());

    const bus = openBus(config.bus, (event, fields) => log.warn({ ...fields, event }, "the bus"));
    undo.push(() => bus.close());
    const place = `${hostname()}, process ${process.pid}`;
    const { dataDir, metricStore: choice } = config;
    const metricStore = await openMetricStore({ choice, dataDir, clock, log, version: readVersion() });
    undo.push(() => metricStore.close());
    const { exporter, reader } = metricStore;
    const { forward } = config.points;
    const pointStore = await openPointStore({ forward, dataDir, clock, log, version: readVersion() });
    undo.push(() => pointStore.close());
    const fleet = new Fleet({
      store,
      bus,
      clock,
      outputLimitBytes: config.outputLimitBytes,
      place,
      exporter,
      reader,
      pointJournal: pointStore.journal,
      forwarder: pointStore.forwarder,
      secretsKey: keyFile(config.secretsKeyFile),
    });
    undo.push(() => fleet.stop());
    const access = await Access.open({
      store,
      clock,
      allowDefaultToken: config.allowDefaultToken,
      onFailure: (error) => log.error({ err: error }, "access control failed in the background"),
    });
    undo.push(() => access.close());
    const firstRun = await prepareFirstRun(access, store, config);
    const onFailure = (error: unknown) => log.error({ err: error }, "access control could not be refreshed");
    undo.push(relayAccess({ access, bus, clock, onFailure }));
    await bus.start();
    await fleet.start();

    const jobs = new JobRunner(clock, (job, error) => log.error({ err: error, job }, "a job failed"));
    undo.push(() => jobs.stop());
    const { history } = fleet.metrics;
    const { metricsRetentionMs: keep, commandsRetentionMs: commandsMs } = config;
    const metricsMs = [keep["10s"], keep["1m"], keep["10m"]] as const;
    jobs.start([
      timeouts(fleet.ledger),
      doorbellSweep(fleet.ledger),
      halfWrittenSweep(fleet.ledger),
      processWatch(fleet),
      rollUp(history),
      rolloutSteps(fleet.rollouts),
      ...configServerJobs(fleet, config.configServer),
      retention({
        history,
        commands: fleet.commands,
        records: fleet.records,
        rollouts: fleet.rollouts,
        keep: { metricsMs, commandsMs, recordsMs: (category) => keepRecords(config, category) },
      }),
    ]);

    const node = createNodeDoor({
      fleet,
      access,
      clock,
      log,
      restOpen: isOpenToAddresses(config.doorPolicies.node),
      outputLimitBytes: config.outputLimitBytes,
    });
    undo.push(() => node.close());
    const gateway = await openGateway({
      ...{ fleet, access, clock, log, dataDir, place },
      version: readVersion(),
      backend: config.datawayBackend,
      isOpen: isOpenToAddresses(config.doorPolicies.dataway),
    });
    undo.push(() => gateway.close());
    const configServer = openConfigServer({ fleet, access, clock, log, choice: config.configServer });
    undo.push(() => configServer.close());
    const edges = await createEdges({
      config,
      clock,
      log,
      version: readVersion(),
      startedAt: clock.now(),
      access,
      fleet,
      doors: [node, gateway.door, ...configServer.all],
      otherPaths: describeWebRoutes(),
      pingStore: () => store.ping(),
      isBusConnected: () => bus.isConnected,
      readings: () => readParts({ fleet, node, gateway, configServer, metricStore, pointStore }),
    });
    undo.push(() => edges.close(CLOSE_GRACE_MS));
    undo.push(() => sendAgentsAway(fleet, edges, config.admitRate));
    return {
      config,
      urls: edges.urls,
      baseUrl: edges.baseUrl,
      firstRun,
      createLocalEnrollment: () => access.enrollment.createLocal(),
      close: once(async () => {
        log.info("stopping");
        await undoAll(undo);
        log.info("stopped");
      }),
    };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

function isOpenToAddresses({ kind }: DoorPolicy): boolean {
  return kind === "loopback" || kind === "ranges";
}

function keepRecords({ points }: ServerConfig, category: string): number {
  return points.categoryRetentionMs[category] ?? points.recordsRetentionMs;
}

/** Of several processes that start at once over an empty database one prepares it; the others find it prepared. */
async function prepareFirstRun(access: Access, store: Store, config: ServerConfig): Promise<FirstRun | null> {
  try {
    return (await access.prepareFirstRun(config)) ?? null;
  } catch (error) {
    if (!store.dialect.isDuplicate(error)) throw error;
    await access.enrollment.refresh();
    return null;
  }
}

/** JSON lines. Fields that could carry a secret are masked wherever they appear. */
function createLog(config: ServerConfig, logTo: DestinationStream | undefined): Logger {
  const names = ["token", "password", "secret", "authorization", "cookie", "credential"];
  const options = { level: config.logLevel, base: {}, redact: names.flatMap((name) => [name, `*.${name}`]) };
  return pino(options, logTo ?? pino.destination({ dest: 2, sync: true }));
}

/** Agents that can be told leave by themselves, and come back spread over time, no faster than a process lets them in. */
async function sendAgentsAway(fleet: Fleet, edges: Edges, admitRate: number): Promise<void> {
  edges.stopAccepting();
  const count = fleet.sessions.connectionCount();
  if (count === 0) return;
  fleet.sessions.drain(Math.min(60_000, Math.max(1_000, (count / admitRate) * 1000)));
  const gone = new AbortController();
  const stop = systemClock.every(20, () => {
    if (fleet.sessions.connectionCount() === 0) gone.abort();
  });
  await delay(systemClock, LEAVE_MS, gone.signal);
  stop();
}

interface Parts {
  readonly fleet: Fleet;
  readonly node: NodeDoor;
  readonly gateway: Gateway;
  readonly configServer: ConfigServerDoors;
  readonly pointStore: PointStore;
  readonly metricStore: MetricStore;
}

function* readParts({ fleet, node, gateway, configServer, metricStore, pointStore }: Parts): Generator<Reading> {
  yield* readFleet(fleet, node);
  yield* gateway.readings();
  yield* readConfigServer(configServer);
  yield* pointStore.readings(fleet);
  yield* metricStore.readings();
}

function* readFleet(fleet: Fleet, node: NodeDoor): Generator<Reading> {
  const { counters } = fleet.metrics;
  yield gauge("muster_agents_connected", "Live connections of agents", fleet.sessions.connectionCount());
  yield gauge(
    "muster_beat_interval_seconds",
    "The interval between beats that agents are asked for",
    fleet.sessions.beatMs / 1000,
  );
  yield gauge("muster_metric_rows_pending", "Rows of history that wait to be written", fleet.metrics.pending);
  yield counter("muster_samples_total", "Samples received from agents", counters.samples);
  yield counter("muster_metric_rows_written_total", "Rows of history written", counters.rowsWritten);
  yield counter(
    "muster_samples_dropped_total",
    "Samples dropped: the buffer was full or their time made no sense",
    counters.dropped,
  );
  yield counter("muster_node_frames_received_total", "Messages of nodes", node.counters.framesReceived);
  yield counter("muster_node_frames_refused_total", "Messages of nodes that were refused", node.counters.framesRefused);
  yield counter(
    "muster_node_frames_dropped_total",
    "Messages of nodes dropped while too much waited for the store",
    node.counters.framesDropped,
  );
  yield counter(
    "muster_node_replies_dropped_total",
    "Answers not sent to nodes that do not read",
    node.counters.repliesDropped,
  );
  yield counter(
    "muster_monitor_pushes_skipped_total",
    "Pushes that slow dashboards missed",
    node.counters.pushesSkipped,
  );
}

function gauge(name: string, help: string, value: number): Reading {
  return { name, help, type: "gauge", value };
}

function counter(name: string, help: string, value: number): Reading {
  return { name, help, type: "counter", value };
}

/** In reverse, each even when another fails. */
async function undoAll(undo: (() => unknown)[]): Promise<void> {
  let failure: unknown;
  for (let step = undo.pop(); step; step = undo.pop()) {
    try {
      await step();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

function once(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= task();
    return running;
  };
}
