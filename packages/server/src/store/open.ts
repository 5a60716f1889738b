import { postgresDialect } from "./postgres.ts";
import { sqliteDialect } from "./sqlite.ts";
import { Store } from "./store.ts";

/** Which database an installation uses. */
export type DatabaseChoice =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly url: string; readonly connections?: number };

/** The store of this configuration; nothing is connected or changed before the first query. */
export function openStore(
  { database }: { readonly database: DatabaseChoice },
  onFailure?: (error: Error) => void,
): Store {
  if (database.kind === "sqlite") return new Store(sqliteDialect(database.path));
  const { url, connections } = database;
  return new Store(postgresDialect(url, { onFailure, ...(connections === undefined ? {} : { connections }) }));
}
