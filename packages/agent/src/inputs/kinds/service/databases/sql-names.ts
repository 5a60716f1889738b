import * as z from "zod/mini";

/** The most rows of one query that become points: databases, tables, replicas. */
export const MAX_ROWS = 500;

/** A list of names of databases or tables. */
export const names = z._default(
  z.array(z.string().check(z.minLength(1), z.maxLength(128))).check(z.maxLength(MAX_ROWS)),
  [],
);

/** Whether a name is wanted: in the first list, if there is any, and not in the second. */
export function isWanted(name: string, only: readonly string[], ignored: readonly string[]): boolean {
  return (only.length === 0 || only.includes(name)) && !ignored.includes(name);
}
