import assert from "node:assert/strict";
import { chmod, readdir, stat } from "node:fs/promises";
import { test } from "node:test";
import { hasCode } from "@muster/core";
import { makeTempDir } from "@muster/testing";
import { sql } from "kysely";
import { openStore } from "./open.ts";
import { type Store, slices } from "./store.ts";
import { describeStores, openMigratedStore } from "./stores-for-test.ts";

const group = (id: string) => ({ id, name: id, description: "", created_at: 1 });

describeStores("the store", (stores) => {
  test("a new database is brought to this version, and again without change", async () => {
    const database = await stores.createDatabase();
    const first = openStore({ database });
    assert.ok((await first.migrate()).length >= 4);
    await first.db.insertInto("groups").values(group("a")).execute();
    await first.close();
    const second = openStore({ database });
    assert.deepEqual(await second.migrate(), []);
    assert.equal((await second.db.selectFrom("groups").selectAll().execute()).length, 1);
    await second.close();
  });

  test("processes that start at once migrate it once", async () => {
    const database = await stores.createDatabase();
    // SQLite is for one process, which has one store
    const all = Array.from({ length: stores.kind === "postgres" ? 6 : 1 }, () => openStore({ database }));
    const done = await Promise.all(all.map((store) => store.migrate()));
    assert.equal(done.filter((names) => names.length > 0).length, 1);
    for (const store of all) await store.ping();
    for (const store of all) await store.close();
  });

  test("a database of a newer program is refused and left as it is", async () => {
    const database = await stores.createDatabase();
    const store = await openMigratedStore(database);
    await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '')`.execute(store.db);
    await assert.rejects(store.migrate(), (error: Error) => {
      assert.ok(hasCode(error, "failed_precondition"));
      assert.match(error.message, /newer version of Muster \(9999-later\)/);
      return true;
    });
    await store.close();
  });

  test("a transaction that fails stores nothing of itself", async () => {
    const store = await stores.open();
    const work = store.transaction(async (queries) => {
      await queries.insertInto("groups").values(group("a")).execute();
      throw new Error("no");
    });
    await assert.rejects(work, /no/);
    assert.equal((await store.db.selectFrom("groups").selectAll().execute()).length, 0);
    await store.close();
  });

  test("transactions that are asked for together are each stored whole", async () => {
    const store = await stores.open();
    await Promise.all(Array.from({ length: 20 }, (_, index) => addAndDescribe(store, `g${index}`)));
    const rows = await store.db.selectFrom("groups").select("description").execute();
    assert.equal(rows.length, 20);
    assert.ok(rows.every((row) => row.description === "seen"));
    await store.close();
  });

  test("a transaction that meets another one is run again", async () => {
    const store = await stores.open();
    await store.db
      .insertInto("groups")
      .values([group("a"), group("b")])
      .execute();
    const touch = (first: string, second: string) =>
      store.transaction(async (queries) => {
        for (const id of [first, second]) {
          await queries.updateTable("groups").set({ description: first }).where("id", "=", id).execute();
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      });
    await Promise.all([touch("a", "b"), touch("b", "a")]); // would lock each other out for good
    const rows = await store.db.selectFrom("groups").select("description").execute();
    assert.equal(new Set(rows.map((row) => row.description)).size, 1);
    await store.close();
  });

  test("numbers, bytes and texts come back as they were written, sorted by their bytes", async () => {
    const store = await stores.open();
    const names = ["a", "B", "é", "Z", "_", "ä"];
    await store.db
      .insertInto("groups")
      .values(names.map((name) => ({ ...group(name), created_at: Number.MAX_SAFE_INTEGER })))
      .execute();
    const rows = await store.db.selectFrom("groups").select(["name", "created_at"]).orderBy("name").execute();
    assert.deepEqual(
      rows.map((row) => row.name),
      ["B", "Z", "_", "a", "ä", "é"],
    );
    assert.equal(rows[0]?.created_at, Number.MAX_SAFE_INTEGER);
    const { count } = await store.db
      .selectFrom("groups")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    assert.equal(count, 6);
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await store.db.schema.createTable("kept").addColumn("bytes", store.dialect.types.bytes).execute();
    await sql`insert into kept (bytes) values (${Buffer.from(bytes)})`.execute(store.db);
    const kept = await sql<{ bytes: Uint8Array }>`select bytes from kept`.execute(store.db);
    assert.deepEqual(new Uint8Array(kept.rows[0]?.bytes ?? []), bytes);
    await store.close();
  });

  test("a character that a database cannot hold does not fail the batch that it came in", async () => {
    const store = await stores.open();
    const names = ["with\0zero", "half a pair \ud83d", "plain"];
    await store.db.insertInto("groups").values(names.map(group)).execute();
    const rows = await store.db.selectFrom("groups").select("name").execute();
    assert.equal(rows.length, 3);
    assert.ok(rows.some((row) => row.name === "plain"));
    await store.close();
  });
});

async function addAndDescribe(store: Store, id: string): Promise<void> {
  await store.transaction(async (queries) => {
    await queries.insertInto("groups").values(group(id)).execute();
    await new Promise((resolve) => setImmediate(resolve));
    await queries.updateTable("groups").set({ description: "seen" }).where("id", "=", id).execute();
  });
}

test("rows are cut into statements that the database accepts", () => {
  const dialect = { maxParameters: 10 } as Store["dialect"];
  assert.deepEqual([...slices([1, 2, 3, 4, 5], 4, dialect)], [[1, 2], [3, 4], [5]]);
  assert.deepEqual([...slices([], 4, dialect)], []);
});

test("the database's files are their owner's alone, whoever may look into the folder", async (context) => {
  const folder = await makeTempDir(context);
  await chmod(folder, 0o755);
  const store = openStore({ database: { kind: "sqlite", path: `${folder}/muster.db` } });
  await store.migrate();
  for (const name of await readdir(folder)) assert.equal((await stat(`${folder}/${name}`)).mode & 0o777, 0o600, name);
  await store.close();
});
