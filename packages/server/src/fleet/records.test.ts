import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Point, PointCategory } from "@muster/core";
import { type RecordItem, recordListQuerySchema } from "@muster/core/resources";
import { describeStores } from "../store/stores-for-test.ts";
import { openTestFleet, type TestFleet } from "./fleet-for-test.ts";

const DAY_MS = 86_400_000;

describeStores("records", (stores) => {
  let fleet$: TestFleet;
  let now: number;

  beforeEach(async () => {
    fleet$ = await openTestFleet({ store: await stores.open() });
    now = fleet$.clock.now();
  });
  afterEach(() => fleet$.close());

  const log = (message: string, how: { at?: number; host?: string; status?: string } = {}): Point => ({
    measurement: "app",
    tags: { host: how.host ?? "web-1", status: how.status ?? "info" },
    fields: { message, n: 2n ** 60n },
    timeNs: BigInt(how.at ?? now) * 1_000_000n + 7n,
  });
  const write = (points: readonly Point[], category: PointCategory = "logging") =>
    fleet$.fleet.points.take({ category, points, source: { remoteAddress: "10.0.0.9", tokenId: null } });
  const list = (query: Record<string, string | number> = {}) =>
    fleet$.fleet.records.list(recordListQuerySchema.parse(query));
  const messages = (items: readonly RecordItem[]) => items.map((record) => record.message);

  test("a record is what was written, to the nanosecond", async () => {
    await write([log("hello\0 \ud800world", { status: "Error" })]);
    const [record] = (await list()).items;
    assert.equal(record?.timeNs, String(BigInt(now) * 1_000_000n + 7n));
    assert.equal(record?.status, "error");
    assert.equal(record?.agentName, "web-1");
    assert.deepEqual(record?.tags, { host: "web-1", status: "Error" });
    assert.equal(record?.fields.n, String(2n ** 60n));
    assert.equal(record?.message, "hello \ufffdworld");
  });

  test("records are found by time, agent, category, source, status and part of the message", async () => {
    await write([log("Disk FULL 100%_", { at: now - 3000, status: "error" }), log("all is well", { at: now - 2000 })]);
    await write([log("other", { at: now - 1000, host: "db-1" })]);
    await write([log("an event")], "keyevent");
    const [web] = (await fleet$.fleet.agents.list({ filter: "web-1" })).items;
    const found = async (query: Record<string, string | number>) => messages((await list(query)).items);
    assert.deepEqual(await found({}), ["an event", "other", "all is well", "Disk FULL 100%_"]);
    assert.deepEqual(await found({ category: "keyevent" }), ["an event"]);
    assert.deepEqual(await found({ agentId: web?.id ?? "", category: "logging" }), ["all is well", "Disk FULL 100%_"]);
    assert.deepEqual(await found({ contains: "disk full" }), ["Disk FULL 100%_"]);
    assert.deepEqual(await found({ contains: "0%_" }), ["Disk FULL 100%_"]);
    assert.deepEqual(await found({ contains: "%" }), ["Disk FULL 100%_"]);
    assert.deepEqual(await found({ status: "ERROR" }), ["Disk FULL 100%_"]);
    assert.deepEqual(await found({ measurement: "none" }), []);
    const to = new Date(now - 1500).toISOString();
    assert.deepEqual(await found({ to }), ["all is well", "Disk FULL 100%_"]);
    await assert.rejects(found({ agentId: "nobody" }), { code: "not_found" });
  });

  test("pages follow each other without a gap or a repeat, also among equal times", async () => {
    await write(Array.from({ length: 25 }, (_, index) => log(`m${index}`, { at: now - (index >> 2) })));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await list({ limit: 4, ...(cursor !== null && { cursor }) });
      seen.push(...messages(page.items));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.equal(seen.length, 25);
    assert.equal(new Set(seen).size, 25);
    await assert.rejects(list({ cursor: "nonsense" }), { code: "invalid_argument" });
  });

  test("who follows sees what arrives, in the order of arrival, whatever its time", async () => {
    await write([log("before")]);
    await fleet$.pass(3000);
    let { tailCursor: after } = await list({ limit: 1 });
    await write([log("late", { at: now - DAY_MS })]);
    await write([log("new")]);
    await fleet$.pass(3000);
    const page = await list({ after, limit: 1 });
    assert.deepEqual(messages(page.items), ["late"]);
    after = page.tailCursor;
    const rest = await list({ after });
    assert.deepEqual(messages(rest.items), ["new"]);
    assert.deepEqual((await list({ after: rest.tailCursor })).items, []);
    assert.deepEqual(messages((await list({ after: "0", contains: "ate" })).items), ["late"]);
  });

  test("each category is kept as long as it is said, and no longer", async () => {
    await write([log("old", { at: now - 3 * DAY_MS }), log("young")]);
    await write([log("old event", { at: now - 3 * DAY_MS })], "keyevent");
    await fleet$.fleet.records.prune(now, (category) => (category === "logging" ? 2 * DAY_MS : 10 * DAY_MS));
    assert.deepEqual(messages((await list()).items), ["young", "old event"]);
  });

  test("objects go with their agent, and pages of them follow each other", async () => {
    const object = (name: string): Point => ({ ...log(name), tags: { host: "web-1", name } });
    await write(["a", "b", "c"].map(object), "object");
    const first = await list({ latest: "true", limit: 2 });
    const second = await list({ latest: "true", limit: 2, cursor: first.nextCursor ?? "" });
    assert.deepEqual(messages([...first.items, ...second.items]), ["a", "b", "c"]);
    assert.equal(second.nextCursor, null);
    const [agent] = (await fleet$.fleet.agents.list({})).items;
    await fleet$.fleet.agents.remove(agent?.id ?? "");
    assert.deepEqual((await list({ latest: "true" })).items, []);
  });
});
