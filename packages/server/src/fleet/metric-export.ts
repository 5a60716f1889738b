import type { AgentId, Clock, Labels, Timestamp } from "@muster/core";
import { HOST_METRICS } from "@muster/core";
import { unpackRow } from "../store/metric-row.ts";
import type { Store } from "../store/store.ts";
import { effectiveLabels } from "./agent-rows.ts";

/** What was measured where it is not the host itself: the fields are its values, in their order. */
export interface ExportedSeries {
  readonly measurement: string;
  readonly tags: Labels;
  readonly fields: readonly string[];
}

/** Whose measurements they are, as a store of metrics beside ours shall know it. */
export interface ExportedAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly hostname: string;
  readonly labels: Labels;
  /** Absent: the measurements of the agent's host. */
  readonly series?: ExportedSeries;
}

/** One closed step: a value per field of the series or entry of HOST_METRICS, NaN for what was not measured. */
export interface ExportedStep {
  readonly agent: ExportedAgent;
  /** When the step began. */
  readonly at: Timestamp;
  readonly avg: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
}

/**
 * Carries closed steps to a store of metrics beside ours. `take` resolves when they survive the death of this process,
 * or were counted as dropped; it never rejects. A step may come twice, after a crash or when a late reading changed it.
 */
export interface MetricExporter {
  take(steps: readonly ExportedStep[]): Promise<void>;
}

/** A step as it waits for our own store. */
export interface ClosedStep {
  readonly agentId: AgentId;
  readonly at: Timestamp;
  readonly packed: Uint8Array;
}

/** A step of what an agent's collectors and programs wrote. */
export interface WrittenStep {
  readonly agentId: AgentId;
  readonly series: ExportedSeries;
  readonly at: Timestamp;
  readonly packed: Uint8Array;
}

/** Fields of one exported step; a series with more becomes several. */
const MAX_FIELDS = 255;

/** A changed name or label is seen after this long. */
const FRESH_MS = 60_000;
const MAX_KNOWN = 50_000;

/** Puts names and labels to closed steps and hands them on. */
export class MetricExport {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #exporter: MetricExporter;
  readonly #owners = new WeakMap<ExportedSeries, { agent: ExportedAgent; parts: Map<number, ExportedAgent> }>();
  readonly #known = new Map<AgentId, { readonly agent: ExportedAgent; readonly readAt: number }>();

  constructor(parts: { store: Store; clock: Clock; exporter: MetricExporter }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#exporter = parts.exporter;
  }

  async take(steps: readonly ClosedStep[]): Promise<void> {
    if (steps.length === 0) return;
    await this.#learn([...new Set(steps.map((step) => step.agentId))]);
    const named: ExportedStep[] = [];
    for (const { agentId, at, packed } of steps) {
      const agent = this.#known.get(agentId)?.agent;
      // nobody knows its name: it was deleted a moment ago
      if (agent) named.push({ agent, at, ...unpackRow(packed, HOST_METRICS.length) });
    }
    await this.#exporter.take(named);
  }

  async takeWritten(steps: readonly WrittenStep[]): Promise<void> {
    if (steps.length === 0) return;
    await this.#learn([...new Set(steps.map((step) => step.agentId))]);
    const named: ExportedStep[] = [];
    for (const { agentId, series, at, packed } of steps) {
      const agent = this.#known.get(agentId)?.agent;
      if (!agent) continue;
      const { avg, min, max } = unpackRow(packed, series.fields.length);
      // a field without a name is another process's, which tells of it itself
      for (const [index, field] of series.fields.entries()) if (field === "") avg[index] = Number.NaN;
      for (let from = 0; from < series.fields.length; from += MAX_FIELDS) {
        const cut = (values: Float64Array) => values.subarray(from, from + MAX_FIELDS);
        const own = this.#ownerOf(agent, series, from);
        named.push({ agent: own, at, avg: cut(avg), min: cut(min), max: cut(max) });
      }
    }
    await this.#exporter.take(named);
  }

  /** The same object again and again, since the exporter keeps its work by it. */
  #ownerOf(agent: ExportedAgent, series: ExportedSeries, from: number): ExportedAgent {
    let owners = this.#owners.get(series);
    if (owners?.agent !== agent) {
      owners = { agent, parts: new Map() };
      this.#owners.set(series, owners);
    }
    const known = owners.parts.get(from);
    if (known) return known;
    const part = { ...agent, series: { ...series, fields: series.fields.slice(from, from + MAX_FIELDS) } };
    owners.parts.set(from, part);
    return part;
  }

  /** Reads what is not known or not fresh. While the store is away, what was known before is good enough. */
  async #learn(agentIds: readonly AgentId[]): Promise<void> {
    const now = this.#clock.monotonic();
    const wanted = agentIds.filter((id) => now - (this.#known.get(id)?.readAt ?? Number.NEGATIVE_INFINITY) > FRESH_MS);
    if (wanted.length === 0) return;
    if (this.#known.size > MAX_KNOWN) this.#known.clear();
    const select = this.#store.db
      .selectFrom("agents")
      .select(["id", "name", "given_name", "hostname", "reported_labels", "label_overrides"])
      .where("id", "in", wanted);
    for (const row of await select.execute().catch(() => [])) {
      const id = row.id as AgentId;
      const labels = effectiveLabels(row.reported_labels, row.label_overrides);
      const agent = { id, name: row.given_name ?? row.name, hostname: row.hostname, labels };
      this.#known.set(id, { agent, readAt: now });
    }
  }
}
