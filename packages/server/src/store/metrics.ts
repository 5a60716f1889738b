import type { Selectable } from "kysely";
import type { MetricSetsTable, MetricTierTable } from "./schema.ts";
import { type Queries, type Store, slices } from "./store.ts";

/** The steps of history, finest first. Each coarser row is made of the rows of the tier before it. */
export const TIERS = [
  { table: "metric_10s", stepMs: 10_000 },
  { table: "metric_1m", stepMs: 60_000 },
  { table: "metric_10m", stepMs: 600_000 },
] as const;

export type Tier = (typeof TIERS)[number];
export type MetricSetRow = Selectable<MetricSetsTable>;
export type TierRow = Selectable<MetricTierTable>;

/** Rows of one source with `from` <= at < `to`, oldest first. */
export function readTierRows(
  queries: Queries,
  tier: Tier,
  range: { setNumber: number; from: number; to: number },
): Promise<TierRow[]> {
  return queries
    .selectFrom(tier.table)
    .selectAll()
    .where("set_number", "=", range.setNumber)
    .where("at", ">=", range.from)
    .where("at", "<", range.to)
    .orderBy("at")
    .execute();
}

/** The newest row's time of each source; sources without rows are absent. One look into the index for each, in one query. */
export async function newestTimes(
  queries: Queries,
  tier: Tier,
  setNumbers: readonly number[],
): Promise<Map<number, number>> {
  if (setNumbers.length === 0) return new Map();
  const rows = await queries
    .selectFrom("metric_sets")
    .select((select) => [
      "number",
      select
        .selectFrom(tier.table)
        .select((newest) => newest.fn.max("at").as("at"))
        .whereRef("set_number", "=", "metric_sets.number")
        .as("at"),
    ])
    .where("number", "in", [...setNumbers])
    .execute();
  return new Map(rows.flatMap((row) => (row.at === null ? [] : [[row.number, Number(row.at)]])));
}

/** Finds or makes the sources called `name` of these agents. */
export async function ensureSets(
  queries: Queries,
  source: { agentNumbers: readonly number[]; name: string; fields: readonly string[] },
  dialect: Store["dialect"],
): Promise<Map<number, number>> {
  const numbers = new Map<number, number>();
  for (const slice of slices(source.agentNumbers, 5, dialect)) {
    await queries
      .insertInto("metric_sets")
      .values(
        slice.map((agentNumber) => ({
          agent_number: agentNumber,
          name: source.name,
          labels: "{}",
          fields: JSON.stringify(source.fields),
        })),
      )
      .onConflict((conflict) =>
        conflict
          .columns(["agent_number", "name", "labels"])
          .doUpdateSet((update) => ({ fields: update.ref("excluded.fields") })),
      )
      .execute();
    const rows = await findSets(queries, slice, source.name);
    for (const row of rows) numbers.set(row.agent_number, row.number);
  }
  return numbers;
}

/** The sources called `name` of these agents. */
export function findSets(queries: Queries, agentNumbers: readonly number[], name: string): Promise<MetricSetRow[]> {
  return queries
    .selectFrom("metric_sets")
    .selectAll()
    .where("agent_number", "in", [...agentNumbers])
    .where("name", "=", name)
    .execute();
}
