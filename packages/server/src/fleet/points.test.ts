import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Point, PointCategory } from "@muster/core";
import { ManualScope, makeTempDir } from "@muster/testing";
import { PointJournal } from "../store/point-journal.ts";
import { describeStores } from "../store/stores-for-test.ts";
import { NATIVE, openTestFleet, type TestFleet } from "./fleet-for-test.ts";
import type { ExportedStep } from "./metric-export.ts";
import type { PointSource } from "./point-owners.ts";

const SOURCE: PointSource = { remoteAddress: "10.0.0.9", tokenId: null };

function point(atMs: number, fields: Point["fields"], tags: Record<string, string> = { host: "web-1" }): Point {
  return { measurement: "nginx", tags, fields, timeNs: BigInt(atMs) * 1_000_000n };
}

describeStores("points", (stores) => {
  let fleet$: TestFleet;

  beforeEach(async () => {
    fleet$ = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => fleet$.close());

  const take = (points: readonly Point[], category: PointCategory = "metric", source = SOURCE) =>
    fleet$.fleet.points.take({ category, points, source });
  const agentCalled = async (name: string) => (await fleet$.fleet.agents.list({ filter: name })).items;
  const query = (agentId: string, from: number, names: string[]) =>
    fleet$.fleet.pointHistory.query({ agentId, names, from, to: from + 30_000, stepMs: 10_000, maxPoints: 100 });

  test("a host that nobody knows becomes an agent that can do nothing, and is online while it writes", async () => {
    await take([point(fleet$.clock.now(), { active: 3 })]);
    const [agent, ...others] = await agentCalled("web-1");
    assert.equal(others.length, 0);
    assert.equal(agent?.protocol, "dataway");
    assert.deepEqual(agent?.capabilities, []);
    assert.equal(agent?.status, "online");
    await fleet$.pass(240_000);
    assert.equal((await agentCalled("web-1"))[0]?.status, "offline");
  });

  test("measurements are kept by name and labels, in steps with average, least and most", async () => {
    const start = fleet$.clock.now() - (fleet$.clock.now() % 10_000);
    await take([
      point(start, { active: 1, text: "dropped" }, { host: "web-1", port: "80" }),
      point(start + 1000, { active: 3n, up: true }, { host: "web-1", port: "80" }),
      point(start + 10_000, { active: 9 }, { host: "web-1", port: "80" }),
      point(start, { active: 7 }, { host: "web-1", port: "81" }),
    ]);
    const [agent] = await agentCalled("web-1");
    const answer = await query(agent?.id ?? "", start, ["nginx.active", "nginx.up"]);
    assert.deepEqual(
      answer.series.map(({ name, labels, avg, max }) => ({ name, labels, avg, max })),
      [
        { name: "nginx.active", labels: { port: "80" }, avg: [2, 9, null], max: [3, 9, null] },
        { name: "nginx.up", labels: { port: "80" }, avg: [1, null, null], max: [1, null, null] },
        { name: "nginx.active", labels: { port: "81" }, avg: [7, null, null], max: [7, null, null] },
      ],
    );
    assert.equal(fleet$.fleet.points.gatherer.counters.dropped.strings, 1);
    assert.deepEqual(await fleet$.fleet.pointHistory.listSeries(agent?.id ?? "", "nginx"), {
      items: [
        { measurement: "nginx", labels: { port: "80" }, fields: ["active", "up"] },
        { measurement: "nginx", labels: { port: "81" }, fields: ["active"] },
      ],
    });
  });

  test("what comes late or in another order joins what is stored, and fields may be added at any time", async () => {
    const start = fleet$.clock.now() - (fleet$.clock.now() % 10_000);
    await take([point(start, { b: 4 })]);
    await take([point(start + 10_000, { a: 1, b: 6 })]);
    await take([point(start + 1000, { a: 5, b: 8 })]);
    const [agent] = await agentCalled("web-1");
    const answer = await query(agent?.id ?? "", start, ["nginx.a", "nginx.b"]);
    const values = Object.fromEntries(answer.series.map(({ name, avg }) => [name, avg]));
    assert.deepEqual(values, { "nginx.b": [6, 6, null], "nginx.a": [5, 1, null] });
  });

  test("points are rolled up like all history", async () => {
    const start = fleet$.clock.now() - (fleet$.clock.now() % 600_000);
    await take(Array.from({ length: 60 }, (_, index) => point(start + index * 10_000, { f: index })));
    await fleet$.fleet.metrics.history.rollUp(start + 3_600_000);
    const rows = await fleet$.store.db.selectFrom("metric_10m").selectAll().execute();
    assert.equal(rows.length, 1);
    const [agent] = await agentCalled("web-1");
    const { history } = fleet$.fleet.metrics;
    await history.prune(start + 86_400_000 * 2, [1, 1, 86_400_000 * 30]);
    const answer = await fleet$.fleet.pointHistory.query({
      agentId: agent?.id ?? "",
      names: ["nginx.f"],
      from: start,
      to: start + 600_000,
      stepMs: 600_000,
      maxPoints: 10,
    });
    assert.deepEqual(answer.series[0]?.avg, [29.5]);
  });

  test("a series of which nothing is kept any more is forgotten, and made anew when it comes back", async () => {
    const start = fleet$.clock.now() - (fleet$.clock.now() % 10_000);
    await take([point(start, { f: 1 })]);
    const { history } = fleet$.fleet.metrics;
    await history.prune(start + 5 * 86_400_000, [1, 1, 1]);
    assert.equal(await fleet$.store.countRows("metric_sets"), 0);
    await take([point(start, { f: 2 })]).catch(() => undefined);
    await take([point(start + 10_000, { f: 3 })]);
    const [agent] = await agentCalled("web-1");
    const answer = await query(agent?.id ?? "", start, ["nginx.f"]);
    assert.equal(answer.series[0]?.avg[1], 3);
  });

  test("a writer that says who it is owns what it writes; otherwise the host's tag finds the agent by its names", async () => {
    const known = await fleet$.connect("node-7", { facts: { hostname: "db-1", name: "the database" } });
    const now = fleet$.clock.now();
    await take([point(now, { f: 1 }, { host: "elsewhere" })], "metric", { ...SOURCE, externalId: "node-7" });
    await take([point(now, { f: 1 }, { host: "db-1" })]);
    await take([point(now, { f: 1 }, { host: "the database", x: "1" })]);
    const series = await fleet$.fleet.pointHistory.listSeries(known.session.agentId, undefined);
    assert.deepEqual(
      series.items.map(({ labels }) => labels),
      [{ host: "elsewhere" }, { x: "1" }, {}],
    );
    assert.equal((await fleet$.fleet.agents.get(known.session.agentId)).capabilities.length, NATIVE.length);
    assert.equal((await fleet$.fleet.agents.list({})).items.length, 1);
  });

  test("a point of no time, or of a time to come, is counted and left out", async () => {
    const now = fleet$.clock.now();
    await take([point(0, { f: 1 }), point(now + 3 * 86_400_000, { f: 1 }), point(now, { f: 1 })]);
    assert.equal(fleet$.fleet.points.gatherer.counters.dropped.time, 2);
  });

  test("after an agent was deleted its rows are dropped and it comes back as a new one", async () => {
    await take([point(fleet$.clock.now(), { f: 1 })]);
    const [before] = await agentCalled("web-1");
    await fleet$.fleet.agents.remove(before?.id ?? "");
    await take([point(fleet$.clock.now(), { f: 1 })]).catch(() => undefined);
    await take([point(fleet$.clock.now(), { f: 2 })]);
    const [after] = await agentCalled("web-1");
    assert.ok(after && after.id !== before?.id);
    const answer = await query(after.id, fleet$.clock.now() - (fleet$.clock.now() % 10_000), ["nginx.f"]);
    assert.equal(answer.series[0]?.max[0], 2);
  });
});

test("what was promised and not written yet is taken in again after a crash", async (context) => {
  const scope = new ManualScope();
  context.after(() => scope.close());
  const folder = await makeTempDir(scope);
  const first = await openTestFleet({ pointJournal: await PointJournal.open(folder) });
  const start = first.clock.now() - (first.clock.now() % 10_000);
  await first.fleet.points.take({ category: "metric", points: [point(start, { f: 5 })], source: SOURCE });
  assert.equal(await first.store.countRows("metric_10s"), 0, "nothing is in the database yet");
  // the process dies here: what the first fleet holds is never written
  const journal = await PointJournal.open(folder);
  const second = await openTestFleet({ pointJournal: journal });
  const [agent] = (await second.fleet.agents.list({})).items;
  const range = { from: start, to: start + 10_000, maxPoints: 10 };
  const answer = await second.fleet.pointHistory.query({ agentId: agent?.id ?? "", names: ["nginx.f"], ...range });
  assert.deepEqual(answer.series[0]?.avg, [5]);
  const third = await PointJournal.open(folder);
  for await (const record of third.recover()) assert.fail(`the journal still holds ${record.length} bytes`);
  await second.close();
  await first.close();
});

test("written steps go to a store of metrics beside ours too, whole, with their tags", async () => {
  const steps: ExportedStep[] = [];
  const exporter = { take: async (taken: readonly ExportedStep[]) => void steps.push(...taken) };
  const fleet$ = await openTestFleet({ exporter });
  const start = fleet$.clock.now() - (fleet$.clock.now() % 10_000);
  const take = (points: readonly Point[]) => fleet$.fleet.points.take({ category: "metric", points, source: SOURCE });
  await take([point(start, { a: 1 }, { host: "web-1", port: "80" })]);
  await take([point(start + 1000, { b: 7, a: 3 }, { host: "web-1", port: "80" })]);
  await fleet$.close();
  const last = steps.at(-1);
  assert.deepEqual(last?.agent.series, { measurement: "nginx", tags: { port: "80" }, fields: ["a", "b"] });
  assert.deepEqual([last?.at, [...(last?.avg ?? [])], [...(last?.max ?? [])]], [start, [2, 7], [3, 7]]);
});
