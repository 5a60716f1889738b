import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sqliteDialect } from "./sqlite.ts";
import { Store, slices } from "./store.ts";

const group = (id: string) => ({ id, name: id, description: "", created_at: 1 });

test("a new file is brought to this version, and again without change", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "muster-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "sub", "muster.db");
  const first = new Store(sqliteDialect(path));
  assert.ok((await first.migrate()).length >= 4);
  await first.db.insertInto("groups").values(group("a")).execute();
  await first.close();
  const second = new Store(sqliteDialect(path));
  assert.deepEqual(await second.migrate(), []);
  assert.equal((await second.db.selectFrom("groups").selectAll().execute()).length, 1);
  await second.close();
});

test("a transaction that fails stores nothing of itself", async () => {
  const store = new Store(sqliteDialect(":memory:"));
  await store.migrate();
  const work = store.transaction(async (queries) => {
    await queries.insertInto("groups").values(group("a")).execute();
    throw new Error("no");
  });
  await assert.rejects(work, /no/);
  assert.equal((await store.db.selectFrom("groups").selectAll().execute()).length, 0);
  await store.close();
});

test("transactions that are asked for together run one after another", async () => {
  const store = new Store(sqliteDialect(":memory:"));
  await store.migrate();
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      store.transaction(async (queries) => {
        await queries
          .insertInto("groups")
          .values(group(`g${index}`))
          .execute();
        await new Promise((resolve) => setImmediate(resolve));
        await queries.updateTable("groups").set({ description: "seen" }).where("id", "=", `g${index}`).execute();
      }),
    ),
  );
  const rows = await store.db.selectFrom("groups").select("description").execute();
  assert.equal(rows.length, 20);
  assert.ok(rows.every((row) => row.description === "seen"));
  await store.close();
});

test("rows are cut into statements that the database accepts", () => {
  const dialect = { maxParameters: 10 } as Store["dialect"];
  assert.deepEqual([...slices([1, 2, 3, 4, 5], 4, dialect)], [[1, 2], [3, 4], [5]]);
  assert.deepEqual([...slices([], 4, dialect)], []);
});
