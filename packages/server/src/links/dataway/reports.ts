import { type CancelTimer, type Clock, toIso } from "@muster/core";
import type { Agent, Input } from "@muster/core/resources";
import type { Fleet } from "../../fleet/fleet.ts";

/** What happened to a DataKit that is connected to this process. */
export interface DatakitChange {
  readonly id: string;
  readonly agentId: string | undefined;
  readonly change: "online" | "offline" | "changed";
}

/** Takes what the backend is to be told. */
export interface ReportSink {
  tell(report: {
    readonly id: string;
    readonly status: "online" | "offline";
    readonly [field: string]: unknown;
  }): Promise<void>;
}

interface ReportsParts {
  readonly fleet: Pick<Fleet, "agents" | "inputs">;
  readonly sink: ReportSink;
  /** This gateway, as the backend knows it, and where it runs. */
  readonly gateway: { readonly id: string; readonly place: string };
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** How often it is looked for those that went without this process having seen it: it was restarted, or another one died. */
const SWEEP_MS = 30_000;
const FIRST_SWEEP_MS = 3_000;
const SWEPT = 1000;

/** A DataKit that connects tells much within a moment, of which the last counts. */
const GATHER_MS = 300;

/** Tells the backend of DataKits that come, go and change: what they are, which gateway holds them, and their inputs with ids. */
export class DatakitReports {
  readonly #parts: ReportsParts;
  readonly #changes = new Map<string, DatakitChange>();
  #timer: CancelTimer | undefined;
  #sweeps: CancelTimer[] = [];
  /** Told as offline since then, by agent. */
  readonly #gone = new Map<string, string>();
  #telling: Promise<void> = Promise.resolve();

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, log } = this.#parts;
    const startedAt = clock.now() - SWEEP_MS;
    const sweep = () =>
      this.#sweep(startedAt).catch((error: unknown) =>
        log.warn({ err: error }, "DataKits that went could not be listed"),
      );
    this.#sweeps = [clock.after(FIRST_SWEEP_MS, sweep), clock.every(SWEEP_MS, sweep)];
  }

  note(change: DatakitChange): void {
    if (change.agentId !== undefined && change.change !== "offline") this.#gone.delete(change.agentId);
    const known = this.#changes.get(change.id);
    // a change right after the connect is part of it
    const isPart = change.change === "changed" && known?.change === "online";
    this.#changes.set(change.id, isPart ? known : change);
    this.#timer ??= this.#parts.clock.after(GATHER_MS, () => this.#flush());
  }

  /** Hands over what was gathered. */
  async close(): Promise<void> {
    for (const stop of this.#sweeps) stop();
    this.#flush();
    await this.#telling;
  }

  /** Those that went offline since this process began, whoever wrote so. */
  async #sweep(startedAt: number): Promise<void> {
    const { fleet } = this.#parts;
    const query = { protocol: "dataway", status: "offline", sort: "-lastSeenAt", limit: SWEPT } as const;
    for (const { id: agentId, externalId: id, statusSince } of (await fleet.agents.list(query)).items) {
      if (Date.parse(statusSince) < startedAt || this.#gone.get(agentId) === statusSince) continue;
      this.#gone.set(agentId, statusSince);
      this.note({ id, agentId, change: "offline" });
    }
  }

  #flush(): void {
    this.#timer?.();
    this.#timer = undefined;
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    for (const change of changes) {
      this.#telling = this.#telling
        .then(() => this.#tell(change))
        .catch((error: unknown) => this.#parts.log.warn({ err: error, datakit: change.id }, "the backend is not told"));
    }
  }

  async #tell({ id, agentId, change }: DatakitChange): Promise<void> {
    const { fleet, sink, gateway, clock } = this.#parts;
    const agent = agentId === undefined ? undefined : await fleet.agents.find(agentId);
    if (!agent) return;
    const status = agent.status === "offline" ? "offline" : "online";
    // it is connected to another gateway by now, which tells its own
    if (change === "offline" && status === "online") return;
    const number = fleet.agents.numberOf(agent.id);
    const inputs = number === undefined ? [] : await fleet.inputs.inventories.list({ id: agent.id, number });
    await sink.tell({
      id,
      status,
      change,
      at: toIso(clock.now()),
      dataway: gateway.id,
      place: gateway.place,
      ...describeAgent(agent),
      inputs: inputs.map(describeInput),
    });
  }
}

/** In the words that DataKits use of themselves. */
export function describeAgent(agent: Agent) {
  return {
    name: agent.name,
    hostname: agent.hostname,
    ip: agent.addresses[0] ?? "",
    os: agent.os ?? "",
    arch: agent.arch ?? "",
    version: agent.version ?? "",
  };
}

function describeInput(input: Input) {
  return {
    id: input.id,
    input: input.inputs[0] ?? "",
    input_type: input.inputType,
    enabled: input.status !== "disabled",
    managed: input.managed,
    status: input.status,
    error: input.error,
    digest: input.digest,
    revision: input.revision,
  };
}
