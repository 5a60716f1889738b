import { after, before, describe } from "node:test";
import {
  ManualScope,
  makeTempDir,
  missingPostgres,
  type PostgresServer,
  startPostgres,
  unlessMissing,
} from "@muster/testing";
import type { DatabaseConnection, Driver, Dialect as KyselyDialect } from "kysely";
import { type DatabaseChoice, openStore } from "./open.ts";
import { postgresDialect } from "./postgres.ts";
import { sqliteDialect } from "./sqlite.ts";
import { type Dialect, Store } from "./store.ts";

/** The databases of a suite, of one kind. */
export interface TestStores {
  readonly kind: DatabaseChoice["kind"];
  /** An empty database that can be opened again; gone with the suite. */
  createDatabase(): Promise<DatabaseChoice>;
  /** A migrated database of its own; the test closes it. */
  open(): Promise<BusyStore>;
}

/** A store that knows whether anything is under way, for tests that wait until all has come to rest. */
export class BusyStore extends Store {
  readonly #driver: { busy: number };

  constructor(dialect: Dialect) {
    const driver = { busy: 0 };
    super({ ...dialect, kysely: counting(dialect.kysely, driver) });
    this.#driver = driver;
  }

  get isBusy(): boolean {
    return this.#driver.busy > 0;
  }
}

/** The same suite on every database. One PostgreSQL serves a whole suite; each `open` is a database of its own. */
export function describeStores(name: string, suite: (stores: TestStores) => void): void {
  describe(`${name} (SQLite)`, () => {
    const scope = new ManualScope();
    after(() => scope.close());
    suite({
      kind: "sqlite",
      createDatabase: async () => ({ kind: "sqlite", path: `${await makeTempDir(scope)}/sub/muster.db` }),
      open: () => openMigrated(sqliteDialect(":memory:")),
    });
  });
  describe(`${name} (PostgreSQL)`, unlessMissing(missingPostgres()), () => {
    const scope = new ManualScope();
    // databases go with their server, not one by one
    const never = new ManualScope();
    let postgres: PostgresServer;
    let migrated = "";
    before(async () => {
      postgres = await startPostgres(scope, { isDurable: false });
      const url = await postgres.createDatabase(never);
      await (await openMigratedStore({ kind: "postgres", url })).close();
      migrated = new URL(url).pathname.slice(1);
    });
    after(() => scope.close());
    suite({
      kind: "postgres",
      createDatabase: async () => ({ kind: "postgres", url: await postgres.createDatabase(never) }),
      open: async () =>
        new BusyStore(postgresDialect(await postgres.createDatabase(never, migrated), { connections: 4 })),
    });
  });
}

/** A migrated store over a database that exists. */
export async function openMigratedStore(database: DatabaseChoice): Promise<Store> {
  const store = openStore({ database });
  await store.migrate();
  return store;
}

async function openMigrated(dialect: Dialect): Promise<BusyStore> {
  const store = new BusyStore(dialect);
  await store.migrate();
  return store;
}

/** Counts connections that are in use or waited for: every query and every transaction takes one. */
function counting(dialect: KyselyDialect, counter: { busy: number }): KyselyDialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createDriver: () => countingDriver(dialect.createDriver(), counter),
  };
}

function countingDriver(driver: Driver, counter: { busy: number }): Driver {
  return new Proxy(driver, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name === "acquireConnection")
        return async (...words: Parameters<Driver["acquireConnection"]>) => {
          counter.busy += 1;
          return target.acquireConnection(...words).catch((error: unknown) => {
            counter.busy -= 1;
            throw error;
          });
        };
      if (name === "releaseConnection")
        return async (connection: DatabaseConnection) => {
          await target.releaseConnection(connection);
          counter.busy -= 1;
        };
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
