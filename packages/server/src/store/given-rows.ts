import { type RawBuilder, sql } from "kysely";
import type { Dialect } from "./store.ts";

/** Names and types of the columns, in the order of each row's values. */
export type GivenColumns = Readonly<Record<string, "bigint" | "integer" | "text">>;

/**
 * Rows of values to join or insert from, as `given`: `select … from ${givenRows(…)} where given.number = …`. PostgreSQL gets
 * an array for each column, so that the text of the statement is the same for any number of rows and short to read.
 */
export function givenRows(
  dialect: Dialect,
  columns: GivenColumns,
  rows: readonly (readonly (string | number | null)[])[],
): RawBuilder<unknown> {
  const names = Object.keys(columns);
  if (dialect.hasArrays) {
    const arrays = Object.values(columns).map(
      (type, index) => sql`cast(${rows.map((row) => row[index])} as ${sql.raw(type)}[])`,
    );
    return sql`unnest(${sql.join(arrays)}) as given(${sql.raw(names.join(", "))})`;
  }
  const renamed = names.map((name, index) => `column${index + 1} as ${name}`).join(", ");
  const values = rows.map((row) => sql`(${sql.join(row)})`);
  return sql`(select ${sql.raw(renamed)} from (values ${sql.join(values)})) as given`;
}
