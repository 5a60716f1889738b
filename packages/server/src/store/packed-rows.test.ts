import assert from "node:assert/strict";
import { it } from "node:test";
import { describeStores } from "./stores-for-test.ts";

describeStores("packed rows of history", (stores) => {
  it("are written as they were given, whatever their length and number", async () => {
    const store = await stores.open();
    const now = 1_764_000_000_000;
    const agent = {
      protocol: "node",
      external_id: "a",
      name: "a",
      hostname: "a",
      addresses: "[]",
      reported_labels: "{}",
    };
    const rest = { label_overrides: "{}", capabilities: "[]", status: "offline", status_reason: "", search: "a" };
    const { number } = await store.db
      .insertInto("agents")
      .values({ id: "1", ...agent, ...rest, sort_name: "a", status_at: now, first_seen_at: now, connections: 0 })
      .returning("number")
      .executeTakeFirstOrThrow();
    const set = await store.db
      .insertInto("metric_sets")
      .values({ agent_number: number, name: "host", labels: "{}", fields: "[]" })
      .returning("number")
      .executeTakeFirstOrThrow();
    const rows = Array.from({ length: 300 }, (_, index) => ({
      set_number: set.number,
      at: now + index * 10_000,
      packed: Uint8Array.from({ length: index % 7 }, (_byte, position) => (index * 31 + position) % 256),
    }));
    const write = (part: typeof rows) =>
      store.transaction((queries) => store.dialect.upsertPacked(queries, "metric_10s", part));
    await write([]);
    await write(rows.slice(0, 1));
    await write(rows);
    const again = rows.slice(10, 13).map((row) => ({ ...row, packed: Uint8Array.of(1, 2, 3, 255) }));
    await write(again);
    const stored = await store.db.selectFrom("metric_10s").selectAll().orderBy("at").execute();
    const expected = [...rows.slice(0, 10), ...again, ...rows.slice(13)];
    assert.deepEqual(
      stored.map((row) => ({ ...row, packed: [...row.packed] })),
      expected.map((row) => ({ ...row, packed: [...row.packed] })),
    );
    await store.close();
  });
});
