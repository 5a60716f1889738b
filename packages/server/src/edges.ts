import { join } from "node:path";
import { type Clock, delay, newMessageId, type TokenId } from "@muster/core";
import type { Door as DoorResource, Health, SystemInfo } from "@muster/core/resources";
import type { Logger } from "pino";
import { Api } from "./api/api.ts";
import { findConsole } from "./api/console.ts";
import type { Reading } from "./api/context.ts";
import type { Route } from "./api/route.ts";
import type { DoorName, ServerConfig } from "./config.ts";
import type { Access } from "./fleet/access.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { Door } from "./listeners/door.ts";
import { type DoorPolicy, describePolicy } from "./listeners/door-policy.ts";
import type { OpenDoor } from "./listeners/listener.ts";
import { Listeners } from "./listeners/listeners.ts";
import { OwnOrigins } from "./listeners/origins.ts";

export interface EdgesOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly startedAt: number;
  readonly access: Access;
  readonly fleet: Fleet;
  readonly doors: readonly Door[];
  /** Paths of OpenAPI that doors answer. */
  readonly otherPaths?: Readonly<Record<string, unknown>>;
  /** Where the console's files are; found beside the program when absent. */
  readonly consoleDir?: string | undefined;
  /** Throws when the database does not answer. */
  pingStore(): Promise<void>;
  /** False while other processes cannot be reached. */
  isBusConnected(): boolean;
  /** Counters of the fleet and the doors. */
  readings(): Iterable<Reading>;
}

/** Everything that faces the network: the ports, the API, the console and the doors behind them. */
export interface Edges {
  /** The main listener first. */
  readonly urls: readonly string[];
  /** What copied lines start with. */
  readonly baseUrl: string;
  readonly routes: readonly Route[];
  /** Takes no new connections and says so in /readyz; those that are open go on. */
  stopAccepting(): void;
  /** Closes what is open, by force after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Opens the ports. Nothing may connect before the fleet has started, so this comes last. */
export async function createEdges(options: EdgesOptions): Promise<Edges> {
  const { config, clock, log } = options;
  const origins = new OwnOrigins({ publicUrl: config.publicUrl, monotonic: () => clock.monotonic() });
  const open = options.doors.map((door) => ({ door, policy: config.doorPolicies[door.name as DoorName] }));
  const listeners = new Listeners({
    ...config,
    doors: open,
    origins,
    clock,
    events: { onFailure: (error, where) => log.error({ err: error, where }, "a connection failed inside the server") },
  });
  const state = { draining: false };
  const api: Api = await Api.open({
    ...options,
    own: origins,
    cacheDir: join(config.dataDir, "cache"),
    consoleDir: options.consoleDir ?? findConsole(),
    onFailure: (error, errorId) => log.error({ err: error, errorId }, "a request failed inside the server"),
    facts: {
      version: options.version,
      startedAt: options.startedAt,
      database: config.database.kind === "sqlite" ? "SQLite, one file" : "PostgreSQL",
      bus: config.bus.kind === "nats" ? "NATS" : "local",
      doors: () => open.map((one) => describeDoor(one, options)),
      warnings: () => listWarnings(config, listeners),
      checkHealth: () => checkHealth(options, state),
      reportFailure: (error, where) =>
        log.error({ err: error, where, errorId: newMessageId() }, "background work failed"),
      readings: () => collectReadings(options, listeners, api),
    },
  });
  const endEvictions = evictRevoked(options);
  await listeners.open(api).catch(async (error: unknown) => {
    endEvictions();
    await api.close();
    throw error;
  });
  logDoors(open, listeners, log);
  for (const { code, message } of listWarnings(config, listeners)) {
    // the default is no mistake
    if (code === "local_only") log.info({ code }, message);
    else log.warn({ code }, message);
  }
  return {
    urls: listeners.urls,
    baseUrl: origins.baseUrl,
    routes: api.routes,
    stopAccepting() {
      state.draining = true;
      api.drain();
      void listeners.stopAccepting();
    },
    async close(graceMs) {
      endEvictions();
      await listeners.close(graceMs);
      await api.close();
    },
  };
}

/** An agent whose enrolment token is gone loses its connection. */
function evictRevoked({ access, fleet }: EdgesOptions): () => void {
  return access.revocations.subscribe((revocation) => {
    if (revocation.kind === "enrollment") fleet.sessions.evictToken(revocation.id as TokenId);
  });
}

function describeDoor({ door, policy }: OpenDoor, { config, fleet }: EdgesOptions): DoorResource {
  const own = config.doorListeners.filter((listener) => listener.door === door.name);
  return {
    name: door.name,
    ...describePolicy(policy),
    listeners: ["main", ...own.map(({ host, port }) => `${host}:${port}`)],
    connections: fleet.sessions.connectionCount(door.name),
  };
}

/** Most serious first. */
function listWarnings(config: ServerConfig, listeners: Listeners): SystemInfo["warnings"] {
  const warnings: SystemInfo["warnings"] = [];
  const isLocal = config.host === "127.0.0.1" || config.host === "::1" || config.host === "localhost";
  if (config.allowDefaultToken) {
    warnings.push({
      code: "default_token",
      message: "Agents are let in with the published default-token: anybody who reaches the port can join.",
    });
  }
  if (!isLocal && config.tls === undefined && !config.publicUrl?.startsWith("https:")) {
    warnings.push({ code: "no_tls", message: "Passwords and tokens cross the network unencrypted: there is no TLS." });
  }
  const told = new Set<DoorPolicy>();
  for (const [name, policy] of Object.entries(config.doorPolicies)) {
    // doors that follow another one's policy are opened with it
    if (policy.kind === "ranges" && !told.has(policy)) {
      told.add(policy);
      const { openTo } = describePolicy(policy);
      warnings.push({ code: "open_door", message: `The door ${name} is open to ${openTo}.` });
    }
  }
  if (listeners.budget.isFull) {
    warnings.push({ code: "descriptors", message: "New connections are refused: the limit of open files is reached." });
  }
  if (isLocal && config.publicUrl === undefined) {
    warnings.push({
      code: "local_only",
      message: "Only programs on this machine can reach the server; --host opens it.",
    });
  }
  return warnings;
}

/** A store that takes longer is away for whoever asks whether new connections should come here. */
const PING_WITHIN_MS = 1500;

async function checkHealth(options: EdgesOptions, state: { draining: boolean }): Promise<Health> {
  const { pingStore, isBusConnected, clock } = options;
  const answered = new AbortController();
  const ping = pingStore().then(
    () => "ok",
    () => "does not answer",
  );
  // a load balancer does not wait long for the answer
  const late = delay(clock, PING_WITHIN_MS, answered.signal).then(() => "does not answer");
  const database = await Promise.race([ping, late]);
  answered.abort();
  const process = state.draining ? "stopping" : "ok";
  const bus = isBusConnected() ? "ok" : "does not answer";
  const checks = { database, bus, process };
  if (database !== "ok" || process !== "ok") return { status: "unavailable", checks };
  // everything goes on where the agents are, only later
  return { status: bus === "ok" ? "ok" : "degraded", checks };
}

function* collectReadings(options: EdgesOptions, listeners: Listeners, api: Api): Generator<Reading> {
  const gauge = (name: string, help: string, value: number): Reading => ({ name, help, type: "gauge", value });
  const counter = (name: string, help: string, value: number): Reading => ({ name, help, type: "counter", value });
  const { budget, admission } = listeners;
  yield gauge("muster_sockets_open", "Open TCP connections of all listeners", budget.open);
  yield gauge("muster_sockets_limit", "Connections above which new ones are refused", budget.limit);
  yield gauge("muster_websockets_open", "Open WebSockets of agents and watchers", listeners.openSockets);
  yield gauge("muster_live_streams_open", "Open live streams of consoles and programs", api.live.openCount);
  yield counter(
    "muster_sockets_refused_total",
    "Connections and requests refused for lack of descriptors",
    budget.refused,
  );
  yield counter(
    "muster_sockets_evicted_total",
    "Connections that had said nothing and made room for newer ones",
    budget.evicted,
  );
  yield counter(
    "muster_connects_admitted_total",
    "Agents that admission let pass: upgrades, and more of one connection",
    admission.admitted,
  );
  for (const [reason, value] of Object.entries(admission.refused)) {
    const help = "Upgrades of agents that were told to come back later, by what was short";
    yield { ...counter("muster_connects_refused_total", help, value), labels: { reason } };
  }
  const waiting = options.doors.reduce((sum, door) => sum + door.waitingCount, 0);
  yield gauge("muster_registrations_waiting", "Agents whose registration waits for the database", waiting);
  yield* options.readings();
}

function logDoors(doors: readonly OpenDoor[], listeners: Listeners, log: Logger): void {
  for (const url of listeners.urls) log.info({ url }, "listening");
  for (const { door, policy } of doors) {
    const { openTo } = describePolicy(policy);
    log.info({ door: door.name, openTo }, "a door is open");
  }
}
