import { MusterError, toIso } from "@muster/core";
import type { MetricAnswer, MetricSeriesPage } from "@muster/core/resources";
import { measurementOf } from "../store/point-sets.ts";
import type { Store } from "../store/store.ts";
import { chooseGrid, describeField, gatherSteps, type History, type HistoryQuery } from "./metric-history.ts";
import type { PointGatherer } from "./point-gatherer.ts";

/** Series of one answer; a measurement may have thousands. */
const MAX_SERIES = 200;

interface PointHistoryParts {
  readonly store: Store;
  readonly history: History;
  readonly gatherer: PointGatherer;
}

interface PointSet {
  readonly number: number;
  readonly measurement: string;
  readonly labels: Record<string, string>;
  readonly fields: readonly string[];
}

/** Answers the history of what was written: names are `<measurement>.<field>`, and each set of labels is a series. */
export class PointHistory {
  readonly #parts: PointHistoryParts;

  constructor(parts: PointHistoryParts) {
    this.#parts = parts;
  }

  /** Only for names that are given. What is being gathered here is written first. */
  async query(query: HistoryQuery & { readonly names: readonly string[] }): Promise<MetricAnswer> {
    const { history } = this.#parts;
    const grid = chooseGrid(query);
    const answer: MetricAnswer = { from: toIso(grid.from), stepMs: grid.stepMs, series: [] };
    for (const set of await this.#listSets(query.agentId)) {
      const wanted = set.fields.flatMap((field, index) => {
        const name = `${set.measurement}.${field}`;
        return query.names.includes(name) ? [{ name, index }] : [];
      });
      if (wanted.length === 0) continue;
      const rows = await history.readSet(set.number, { ...grid, to: grid.from + grid.steps * grid.stepMs });
      const steps = gatherSteps(rows, grid, set.fields.length);
      for (const { name, index } of wanted) {
        if (answer.series.length >= MAX_SERIES) return answer;
        answer.series.push({ name, unit: "", labels: set.labels, ...describeField(steps, index) });
      }
    }
    return answer;
  }

  /** What an agent has series of. */
  async listSeries(agentId: string, measurement: string | undefined): Promise<MetricSeriesPage> {
    const sets = await this.#listSets(agentId);
    return {
      items: sets
        .filter((set) => measurement === undefined || set.measurement === measurement)
        .map(({ measurement: name, labels, fields }) => ({ measurement: name, labels, fields: [...fields] })),
    };
  }

  async #listSets(agentId: string): Promise<PointSet[]> {
    const { store, gatherer } = this.#parts;
    const agent = await store.db.selectFrom("agents").select("number").where("id", "=", agentId).executeTakeFirst();
    if (!agent) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    gatherer.closeOwner(agent.number);
    await gatherer.flush(agent.number);
    const rows = await store.db
      .selectFrom("metric_sets")
      .selectAll()
      .where("agent_number", "=", agent.number)
      .orderBy("name")
      .orderBy("labels")
      .execute();
    return rows.flatMap((row) => {
      const measurement = measurementOf(row.name);
      if (measurement === undefined) return [];
      const labels = JSON.parse(row.labels) as Record<string, string>;
      return [{ number: row.number, measurement, labels, fields: JSON.parse(row.fields) as string[] }];
    });
  }
}
