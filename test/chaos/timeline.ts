import { delay, systemClock } from "@muster/core";
import type { AgentCounts } from "@muster/core/resources";
import type { Answer, Cluster } from "./cluster.ts";

/** One second as users saw it. */
export interface TimelineRow {
  readonly second: number;
  /** Per server: what it said to a question for the state of the fleet. */
  readonly api: readonly string[];
  /** By the first server that answered: online, stale, offline; undefined when none did. */
  readonly agents: AgentCounts | undefined;
  readonly acknowledged: number;
  readonly faults: readonly string[];
}

/** Longer than this without an answer is none, for somebody who looks at a screen. */
const PATIENCE_MS = 900;

/** Asks every server once a second, as a console would, and writes down what it hears. */
export class Timeline {
  readonly rows: TimelineRow[] = [];
  readonly #faults = new Set<string>();
  readonly #stop = new AbortController();
  #acknowledged = 0;
  #running: Promise<void> | undefined;

  start(cluster: Cluster): void {
    this.#running = this.#watch(cluster);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  acknowledge(): void {
    this.#acknowledged += 1;
  }

  /** Names a fault while it lasts. */
  async during(name: string, work: () => Promise<void>): Promise<void> {
    this.#faults.add(name);
    this.#seen.add(name);
    try {
      await work();
    } finally {
      this.#faults.delete(name);
    }
  }

  readonly #seen = new Set<string>();

  async #watch(cluster: Cluster): Promise<void> {
    const startedAt = systemClock.monotonic();
    for (let second = 0; !this.#stop.signal.aborted; second++) {
      const answers = await Promise.all(
        cluster.members.map((member) => cluster.ask(member, "GET", "system", { timeoutMs: PATIENCE_MS })),
      );
      const first = answers.find((answer) => answer?.status === 200);
      const faults = new Set([...this.#seen, ...this.#faults]);
      this.#seen.clear();
      this.rows.push({
        second,
        api: answers.map(describeAnswer),
        agents: first && (JSON.parse(first.text) as { agents: AgentCounts }).agents,
        acknowledged: this.#acknowledged,
        faults: [...faults],
      });
      this.#acknowledged = 0;
      await delay(
        systemClock,
        Math.max(0, startedAt + (second + 1) * 1000 - systemClock.monotonic()),
        this.#stop.signal,
      );
    }
  }
}

/** `-`: nobody there; `slow`: no answer within the patience of a person. */
function describeAnswer(answer: Answer | undefined): string {
  if (answer === undefined) return "-";
  if (answer.status === 0) return "slow";
  return answer.status === 200 ? "ok" : String(answer.status);
}

/** As a table; seconds that look alike are one row. */
export function formatTimeline(rows: readonly TimelineRow[], names: readonly string[]): string {
  const head = ["second", ...names, "online", "stale", "offline", "acknowledged", "what was broken"];
  const merged: { row: TimelineRow; until: number; acknowledged: number }[] = [];
  for (const row of rows) {
    const last = merged.at(-1);
    if (last && lookOf(last.row) === lookOf(row)) {
      last.until = row.second;
      last.acknowledged += row.acknowledged;
    } else merged.push({ row, until: row.second, acknowledged: row.acknowledged });
  }
  const lines = merged.map(({ row, until, acknowledged }) => [
    row.second === until ? String(row.second) : `${row.second}–${until}`,
    ...row.api,
    ...[row.agents?.online, row.agents?.stale, row.agents?.offline].map((count) => String(count ?? "?")),
    String(acknowledged),
    row.faults.join(", "),
  ]);
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function lookOf({ api, agents, faults }: TimelineRow): string {
  return JSON.stringify([api, agents?.online, agents?.stale, agents?.offline, faults]);
}
