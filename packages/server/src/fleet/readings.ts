import type { Clock } from "@muster/core";
import type { LatestSample } from "@muster/core/resources";
import type { Bus } from "../bus/bus.ts";
import type { Store } from "../store/store.ts";

interface ReadingsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
}

/** A reading is shown this long without being asked for again. */
const KEPT_MS = 15_000;
/** Readings of other processes' agents that are kept; the oldest go first. */
const MAX_KEPT = 5000;
const IDS_PER_ASK = 500;

/** Newest readings of agents that other processes hold: told while somebody watches, asked for when somebody looks. */
export class Readings {
  readonly #parts: ReadingsParts;
  readonly #kept = new Map<string, { sample: LatestSample; until: number }>();

  constructor(parts: ReadingsParts) {
    this.#parts = parts;
  }

  get(agentId: string): LatestSample | undefined {
    const known = this.#kept.get(agentId);
    return known && known.until > this.#parts.clock.monotonic() ? known.sample : undefined;
  }

  accept(sample: LatestSample): void {
    this.#kept.delete(sample.agentId);
    this.#kept.set(sample.agentId, { sample, until: this.#parts.clock.monotonic() + KEPT_MS });
    if (this.#kept.size <= MAX_KEPT) return;
    const oldest = this.#kept.keys().next().value;
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Asks for the readings of these agents that are not known. Whoever does not answer in time is left out. */
  async fetch(agentIds: readonly string[]): Promise<void> {
    const { bus, store } = this.#parts;
    if (bus.name === "local" || !bus.isConnected) return;
    const missing = agentIds.filter((id) => !this.get(id));
    for (let start = 0; start < missing.length; start += IDS_PER_ASK) {
      const slice = missing.slice(start, start + IDS_PER_ASK);
      const rows = await store.db
        .selectFrom("agents")
        .select(["id", "holder"])
        .where("id", "in", slice)
        .where("holder", "is not", null)
        .execute();
      const byHolder = Map.groupBy(rows, (row) => row.holder ?? "");
      await Promise.all(
        [...byHolder].map(([holder, held]) =>
          this.#ask(
            holder,
            held.map((row) => row.id),
          ),
        ),
      );
    }
  }

  async #ask(holder: string, agents: string[]): Promise<void> {
    if (holder === this.#parts.bus.processId) return;
    const answer = await this.#parts.bus.ask("readings", holder, { agents });
    for (const sample of answer?.samples ?? []) this.accept(sample as unknown as LatestSample);
  }
}
