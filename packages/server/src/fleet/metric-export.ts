import type { AgentId, Clock, Labels, Timestamp } from "@muster/core";
import { HOST_METRICS } from "@muster/core";
import { unpackRow } from "../store/metric-row.ts";
import type { Store } from "../store/store.ts";
import { effectiveLabels } from "./agent-rows.ts";

/** Whose measurements they are, as a store of metrics beside ours shall know it. */
export interface ExportedAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly hostname: string;
  readonly labels: Labels;
}

/** One closed step of one agent's host: a value per entry of HOST_METRICS, NaN for what was not measured. */
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

/** A changed name or label is seen after this long. */
const FRESH_MS = 60_000;
const MAX_KNOWN = 50_000;

/** Puts names and labels to closed steps and hands them on. */
export class MetricExport {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #exporter: MetricExporter;
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
