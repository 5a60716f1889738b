import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CancelTimer, Capability, Clock } from "@muster/core";
import { createHostSampler, type HostSampler } from "./collectors/host-sampler.ts";
import { type HeldRun, Runner } from "./commands/runner.ts";
import type { AgentConfig } from "./config.ts";
import { GivenConfigs } from "./configs/given-configs.ts";
import { lockFolder, openAgentFolder, resolveIdentity } from "./identity.ts";
import { AgentInputs } from "./inputs/agent-inputs.ts";
import { buildPointServer } from "./inputs/point-server.ts";
import { within } from "./inputs/within.ts";
import { Journal } from "./journal.ts";
import type { AgentLink } from "./links/link.ts";
import { listAddresses } from "./links/node/hello.ts";
import { NodeLink, type NodeLinkOptions } from "./links/node/link.ts";
import { listAuthorities } from "./links/node/socket.ts";
import type { Logger } from "./log.ts";
import { PolicyFile, refuseAction } from "./policy.ts";
import { SampleHistory } from "./sample-history.ts";
import { SampleRing } from "./samples.ts";

/** While no server has said how often, and while none is there: the span of one row of history. */
const IDLE_BEAT_MS = 10_000;
const STOP_GRACE_MS = 3000;
/** After the last runs were ended the server gets this long to take their results. */
const FLUSH_MS = 1000;

const CAPABILITIES: readonly Capability[] = [
  "command",
  "journal",
  "output",
  "cancel",
  "metrics",
  "backfill",
  "drain",
  "inputs",
  "configs",
  "verdict",
];

export interface AgentTools {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** What commands inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A running agent. */
export interface RunningAgent {
  readonly id: string;
  stop(): Promise<void>;
}

/** Wires an agent together and starts it: folder → identity → journal → runner → samples → link. */
export async function startAgent(tools: AgentTools): Promise<RunningAgent> {
  const { config, clock, log } = tools;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const folder = join(config.dataDir, "agent"); // a server may live in the same data folder
  openAgentFolder(folder);
  const unlock = lockFolder(folder);
  try {
    const identity = resolveIdentity({ folder, configuredId: config.id });
    if (identity.moved) log.warn("data folder came from another machine", { agentId: identity.id });
    const journal = await Journal.open(join(folder, "journal.jsonl"));
    if (journal.unreadableLines > 0) log.warn("journal had unreadable lines", { lines: journal.unreadableLines });
    const sampler = await createHostSampler(clock);
    const authorities = await listAuthorities(config.ca);
    const makeLink = await chooseLink(config);
    const agent = new Agent(tools, { folder, id: identity.id, journal, sampler, authorities, makeLink });
    await agent.start();
    log.info("agent started", { agentId: identity.id, idFrom: identity.source, folder, pid: process.pid });
    return {
      id: identity.id,
      async stop() {
        await agent.stop();
        await journal.close();
        unlock();
        log.info("agent stopped");
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

type MakeLink = (options: NodeLinkOptions) => AgentLink;

/** A protocol that is not spoken is not loaded. */
async function chooseLink({ protocol, configserverIntervalMs: intervalMs }: AgentConfig): Promise<MakeLink> {
  if (protocol === "native") return (options) => new NodeLink(options);
  if (protocol === "dataway") {
    const { DatawayLink } = await import("./links/dataway/link.ts");
    return (options) => new DatawayLink(options);
  }
  const { ConfigServerLink } = await import("./links/configserver/link.ts");
  const generation = CONFIGSERVER_GENERATIONS[protocol];
  return (options) => new ConfigServerLink({ ...options, generation, intervalMs });
}

const CONFIGSERVER_GENERATIONS = {
  "configserver-g0": "g0",
  "configserver-g1": "g1",
  "configserver-g2": "g2",
} as const;

interface AgentParts {
  readonly folder: string;
  readonly id: string;
  readonly journal: Journal;
  readonly sampler: HostSampler;
  readonly authorities: readonly string[] | undefined;
  readonly makeLink: MakeLink;
}

/** The pulse: samples at each beat, whether a server is there or not. */
class Agent {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #policy: PolicyFile;
  readonly #sampler: HostSampler;
  readonly #history: SampleHistory;
  readonly #runner: Runner;
  readonly #inputs: AgentInputs;
  readonly #configs: GivenConfigs;
  readonly #link: AgentLink;
  #cancelBeat: CancelTimer | undefined;
  #allowsMetrics = true;

  constructor(tools: AgentTools, parts: AgentParts) {
    const { config, clock, log, random } = tools;
    this.#clock = clock;
    this.#log = log;
    this.#sampler = parts.sampler;
    this.#policy = new PolicyFile(config.policyPath);
    const ring = SampleRing.open(join(parts.folder, "samples.ring"));
    this.#history = new SampleHistory({ ring, clock, log });
    const listener = {
      onStarted: (run: HeldRun) => this.#link.onStarted(run),
      onOutput: (run: HeldRun) => this.#link.onOutput(run),
      onFinished: (run: HeldRun) => this.#link.onFinished(run),
    };
    const { folder, journal } = parts;
    const { environment } = tools;
    this.#runner = new Runner({ folder, journal, clock, log, policy: this.#policy, environment, listener });
    const { authorities } = parts;
    this.#inputs = new AgentInputs({
      confDir: config.confDir,
      folder: join(folder, "inputs"),
      servers: config.servers.map((server) => buildPointServer(server, config)),
      agentId: parts.id,
      labels: config.labels,
      authorities,
      address: () => listAddresses()[0] ?? "127.0.0.1",
      loadPolicy: () => this.#policy.load(),
      onChange: () => this.#link.tellInputs(),
      ...{ clock, log, random },
    });
    this.#configs = GivenConfigs.open({
      dataDir: config.dataDir,
      folder: join(folder, "configs"),
      origin: config.protocol,
      hook: config.configHook,
      environment,
      loadPolicy: () => this.#policy.load(),
      onChange: () => this.#link.tellConfigs(),
      ...{ clock, log },
    });
    this.#link = parts.makeLink({
      servers: config.servers,
      token: config.token,
      authorities,
      inputs: this.#inputs,
      configs: this.#configs,
      self: { id: parts.id, name: config.name, labels: config.labels, capabilities: CAPABILITIES },
      reconnectMinMs: config.reconnectMinMs,
      reconnectMaxMs: config.reconnectMaxMs,
      runner: this.#runner,
      history: this.#history,
      clock,
      log,
      random,
      onReady: (beatMs) => {
        this.#beatEvery(beatMs);
        this.#beat();
      },
      onBeatInterval: (beatMs) => this.#beatEvery(beatMs),
      onWatched: () => this.#beat(),
    });
  }

  async start(): Promise<void> {
    await this.#loadPolicy();
    await this.#sampler.start();
    this.#runner.restore();
    this.#beatEvery(IDLE_BEAT_MS);
    this.#inputs.start();
    this.#link.start();
  }

  async stop(): Promise<void> {
    this.#cancelBeat?.();
    await this.#runner.stop(STOP_GRACE_MS);
    const deadline = this.#clock.monotonic() + FLUSH_MS;
    while (this.#link.isReady && this.#runner.list().length > 0 && this.#clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => this.#clock.after(20, resolve));
    }
    await this.#inputs.stop();
    await this.#link.stop();
    // what a slow hook has not agreed to by then is undone at the next start
    await within(this.#clock, STOP_GRACE_MS, this.#configs.stop());
    this.#sampler.stop();
    this.#history.close();
  }

  #beatEvery(beatMs: number): void {
    this.#cancelBeat?.();
    this.#cancelBeat = this.#clock.every(beatMs, () => this.#beat());
  }

  #beat(): void {
    void this.#loadPolicy();
    this.#inputs.look();
    if (!this.#allowsMetrics) {
      this.#link.beat(undefined);
      return;
    }
    const sample = this.#sampler.sample();
    this.#history.add(sample);
    this.#link.beat(sample);
  }

  async #loadPolicy(): Promise<void> {
    const policy = await this.#policy.load();
    const refused = refuseAction(policy, "metrics");
    if (policy.fault !== undefined && this.#allowsMetrics)
      this.#log.error("policy cannot be used", { reason: policy.fault });
    this.#allowsMetrics = refused === undefined;
  }
}
