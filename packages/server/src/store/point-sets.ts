import { sql } from "kysely";
import { TIERS } from "./metrics.ts";
import { type Dialect, type Queries, slices } from "./store.ts";

/** A series as the store has to know it. What it learns of its place is written into it. */
export interface PlacedSeries {
  readonly owner: { readonly number: number };
  readonly measurement: string;
  readonly labels: string;
  readonly fields: readonly string[];
  setNumber: number | null;
  /** Where each of `fields` stands in the stored rows. */
  positions: readonly number[];
}

/** Tells the sets of points from the one that holds the host's own measurements. */
const PREFIX = ".";

export function pointSetName(measurement: string): string {
  return PREFIX + measurement;
}

/** The measurement of a set of points; undefined for other sets. */
export function measurementOf(setName: string): string | undefined {
  return setName.startsWith(PREFIX) ? setName.slice(PREFIX.length) : undefined;
}

/** Finds or makes the sets of these series, and tells sets of fields that they have not had. */
export async function placeSeries(queries: Queries, series: readonly PlacedSeries[], dialect: Dialect): Promise<void> {
  const sets = new Map<string, { number: number; fields: string[] }>();
  for (const slice of slices(series, 4, dialect)) {
    const insert = queries.insertInto("metric_sets").values(
      slice.map((one) => ({
        agent_number: one.owner.number,
        name: pointSetName(one.measurement),
        labels: one.labels,
        fields: JSON.stringify(one.fields),
      })),
    );
    await insert.onConflict((conflict) => conflict.columns(["agent_number", "name", "labels"]).doNothing()).execute();
    const told = slice.map(
      (one) => sql`(cast(${one.owner.number} as bigint), ${pointSetName(one.measurement)}, ${one.labels})`,
    );
    // whoever adds fields must see those that another process added a moment ago
    const { rows } = await sql<{ number: number; agent_number: number; name: string; labels: string; fields: string }>`
      select metric_sets.* from (values ${sql.join(told)}) as told
      join metric_sets on metric_sets.agent_number = told.column1 and metric_sets.name = told.column2
        and metric_sets.labels = told.column3
      order by metric_sets.number
      ${sql.raw(dialect.locking ? "for update of metric_sets" : "")}
    `.execute(queries);
    for (const row of rows)
      sets.set(keyOf(row.agent_number, row.name, row.labels), {
        number: row.number,
        fields: JSON.parse(row.fields) as string[],
      });
  }
  for (const one of series) {
    const set = sets.get(keyOf(one.owner.number, pointSetName(one.measurement), one.labels));
    if (!set) throw new Error("a series has no set");
    const unknown = one.fields.filter((field) => !set.fields.includes(field));
    if (unknown.length > 0) {
      set.fields.push(...unknown);
      const fields = JSON.stringify(set.fields);
      await queries.updateTable("metric_sets").set({ fields }).where("number", "=", set.number).execute();
    }
    one.setNumber = set.number;
    one.positions = one.fields.map((field) => set.fields.indexOf(field));
  }
}

/** What is stored at these places of the finest tier, by "set/at". */
export async function readStoredRows(
  queries: Queries,
  places: readonly { readonly set_number: number; readonly at: number }[],
  dialect: Dialect,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const slice of slices(places, 2, dialect)) {
    const told = slice.map(({ set_number, at }) => sql`(cast(${set_number} as bigint), cast(${at} as bigint))`);
    const { rows } = await sql<{ set_number: number; at: number; packed: Uint8Array }>`
      select stored.* from (values ${sql.join(told)}) as told
      join ${sql.table(TIERS[0].table)} as stored on stored.set_number = told.column1 and stored.at = told.column2
    `.execute(queries);
    for (const row of rows) found.set(`${row.set_number}/${row.at}`, row.packed);
  }
  return found;
}

/** Forgets series of which nothing is kept any more: the tags of what is written may never stop changing. */
export async function deleteEmptySets(queries: Queries, numbers: readonly number[]): Promise<void> {
  let empty = queries
    .deleteFrom("metric_sets")
    .where("number", "in", [...numbers])
    .where("name", "like", `${PREFIX}%`);
  for (const { table } of TIERS)
    empty = empty.where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom(table).select("set_number").whereRef("set_number", "=", "metric_sets.number"))),
    );
  await empty.execute();
}

function keyOf(agentNumber: number, name: string, labels: string): string {
  return `${agentNumber}\n${name}\n${labels}`;
}
