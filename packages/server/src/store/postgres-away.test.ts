import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { hasCode } from "@muster/core";
import {
  ManualScope,
  missingPostgres,
  onEnd,
  type PostgresServer,
  type Scope,
  startPostgres,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { sql } from "kysely";
import { openStore } from "./open.ts";
import type { Store } from "./store.ts";

describe("a PostgreSQL that goes away", unlessMissing(missingPostgres()), () => {
  const scope = new ManualScope();
  let postgres: PostgresServer;
  before(async () => {
    postgres = await startPostgres(scope);
  });
  after(() => scope.close());

  const open = (t: Scope, url: string): Store => {
    const store = openStore({ database: { kind: "postgres", url, connections: 3 } });
    onEnd(t, () => store.close());
    return store;
  };
  const isUnavailable = (error: unknown) =>
    hasCode(error, "unavailable") && typeof error.details.retryAfterMs === "number";

  test("is one kind of error for queries and for transactions, and works again when it is back", async (t) => {
    const store = open(t, await postgres.createDatabase(scope));
    await store.migrate();
    const inside = store.transaction(async (queries) => {
      await queries.insertInto("groups").values({ id: "a", name: "a", description: "", created_at: 1 }).execute();
      await postgres.kill();
      await queries.insertInto("groups").values({ id: "b", name: "b", description: "", created_at: 1 }).execute();
    });
    await assert.rejects(inside, isUnavailable);
    await assert.rejects(store.ping(), isUnavailable);
    await assert.rejects(
      store.transaction((queries) => queries.selectFrom("groups").execute()),
      isUnavailable,
    );
    await assert.rejects(store.migrate(), isUnavailable);
    await postgres.start();
    await store.ping();
    assert.deepEqual(await store.db.selectFrom("groups").selectAll().execute(), [], "half a transaction is none");
  });

  test("may go away in the very packet in which it lets us in", async (t) => {
    const message = (type: string, content: string) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(content.length + 4);
      return Buffer.concat([Buffer.from(type), length, Buffer.from(content, "latin1")]);
    };
    const goodbye = message("E", "SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0");
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I"), goodbye])));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onEnd(t, () => void server.close());
    const { port } = server.address() as AddressInfo;
    await assert.rejects(open(t, `postgres://muster@127.0.0.1:${port}/none`).ping(), isUnavailable);
  });

  test("is noticed within seconds when the network is cut without a word", async (t) => {
    const url = new URL(await postgres.createDatabase(scope));
    const network = await cuttable(t, Number(url.port));
    url.port = String(network.port);
    const store = open(t, url.href);
    await store.migrate();
    const waiting = store.transaction(async (queries) => {
      await queries.selectFrom("groups").selectAll().execute();
      network.cut();
      await queries.selectFrom("groups").selectAll().execute();
    });
    const cutAt = performance.now();
    await assert.rejects(waiting, isUnavailable);
    assert.ok(performance.now() - cutAt < 9000);
    const askedAt = performance.now();
    await assert.rejects(store.ping(), isUnavailable);
    assert.ok(performance.now() - askedAt < 100, "nobody else waits in vain");
    network.mend();
    await waitUntil("the database to be found again", () => store.ping().then(() => true));
  });

  test("a slow answer of one that is there is waited for", async (t) => {
    const store = open(t, await postgres.createDatabase(scope));
    const { rows } = await sql<{ answer: number }>`select 1 as answer from pg_sleep(5)`.execute(store.db);
    assert.equal(rows[0]?.answer, 1);
  });
});

/** A way to the database that can swallow everything, as a network does whose cable is pulled. */
async function cuttable(scope: Scope, to: number) {
  let isCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => isCut || into.write(bytes));
      from.on("error", () => {});
      from.on("close", () => isCut || into.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onEnd(scope, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
    },
  };
}
