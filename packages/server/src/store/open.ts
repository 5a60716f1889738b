import { postgresDialect } from "./postgres.ts";
import { sqliteDialect } from "./sqlite.ts";
import { Store } from "./store.ts";

/** Which database an installation uses. */
export type DatabaseChoice =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly url: string; readonly connections?: number };

/** What is to be opened, and how. */
export interface StoreOptions {
  readonly database: DatabaseChoice;
  /** For an operator's command: a query may take as long as it needs. */
  readonly isPatient?: boolean;
}

/** The store of this configuration; nothing is connected or changed before the first query. */
export function openStore({ database, isPatient }: StoreOptions, onFailure?: (error: Error) => void): Store {
  if (database.kind === "sqlite") return new Store(sqliteDialect(database.path));
  const { url, connections } = database;
  return new Store(
    postgresDialect(url, {
      onFailure,
      isPatient: isPatient ?? false,
      ...(connections === undefined ? {} : { connections }),
    }),
  );
}
