import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Point } from "@muster/core";
import { Readings } from "@muster/protocols/points";
import { openTestFleet, type TestFleet } from "./fleet-for-test.ts";

const LONG = "x".repeat(1000);

describe("what gathers points, given shapes that cost much", () => {
  let fleet$: TestFleet;

  beforeEach(async () => {
    fleet$ = await openTestFleet();
  });
  afterEach(() => fleet$.close());

  const gather = async (points: Iterable<Omit<Point, "measurement">>) => {
    const { points: intake } = fleet$.fleet;
    const owner = await intake.owners.find({ remoteAddress: "10.0.0.9", tokenId: null }, "web-1");
    assert.ok(owner);
    const readings = Readings.from([...points].map((point) => ({ measurement: "m", ...point })));
    await intake.gatherer.gather(readings, () => owner, intake.turns.begin());
    return intake.gatherer;
  };
  const now = () => BigInt(fleet$.clock.now()) * 1_000_000n;

  test("long labels make fewer series than short ones, and give their room back", async () => {
    const series = (long: Record<string, string>) =>
      Array.from({ length: 350 }, (_, n) => ({ tags: { n: String(n), ...long }, fields: { a: 1 }, timeNs: now() }));
    const long = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, LONG]));
    const gatherer = await gather(series(long));
    const { seriesCount } = gatherer;
    assert.ok(seriesCount > 100 && seriesCount < 340, `${seriesCount} series`);
    assert.equal(gatherer.counters.dropped.cardinality, 350 - seriesCount);
    await fleet$.pass(700_000);
    assert.equal(gatherer.seriesCount, 0);
    await gather(series({}));
    assert.equal(gatherer.seriesCount, 350);
  });

  test("series of many fields are fewer, and have no more once there is no room", async () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, 1]));
    const gatherer = await gather(
      Array.from({ length: 300 }, (_, n) => ({ tags: { n: String(n) }, fields, timeNs: now() })),
    );
    assert.ok(gatherer.seriesCount < 260, `${gatherer.seriesCount} series`);
    await gather([{ tags: { n: "0" }, fields: { ...fields, more: 1, f0: 1 }, timeNs: now() }]);
    assert.equal(gatherer.counters.dropped.strings, 1);
  });

  test("many steps of a series with many fields do not pile up", async () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, 1]));
    const start = now();
    const steps = function* () {
      yield { tags: {}, fields, timeNs: start };
      for (let step = 1n; step < 12_000n; step++)
        yield { tags: {}, fields: { f0: 1 }, timeNs: start - step * 10_000_000_000n };
    };
    const gatherer = await gather(steps());
    assert.ok(gatherer.isFull);
    assert.ok(gatherer.pending < 10_000, `${gatherer.pending} rows`);
    await assert.rejects(
      fleet$.fleet.points.take({
        category: "metric",
        points: [{ measurement: "m", tags: {}, fields: { a: 1 }, timeNs: start }],
        source: { remoteAddress: "10.0.0.9", tokenId: null },
      }),
      { code: "unavailable" },
    );
    await gatherer.flush();
    assert.ok(!gatherer.isFull);
  });

  test("a long body is gathered in turns, and nothing is lost when its agent's series are forgotten in between", async () => {
    const { points: intake } = fleet$.fleet;
    const owner = await intake.owners.find({ remoteAddress: "10.0.0.9", tokenId: null }, "web-1");
    assert.ok(owner);
    const start = fleet$.clock.now() - (fleet$.clock.now() % 10_000);
    const points = Array.from({ length: 3000 }, (_, n) => ({
      measurement: "m",
      tags: { n: String(n % 3) },
      fields: { f: 1 },
      timeNs: BigInt(start) * 1_000_000n,
    }));
    let turns = 0;
    await intake.gatherer.gather(Readings.from(points), () => owner, {
      isOver: true,
      async next() {
        turns += 1;
        if (turns !== 2) return;
        await fleet$.pass(700_000);
        assert.equal(intake.gatherer.seriesCount, 0);
      },
    });
    assert.ok(turns >= 10, `${turns} turns`);
    await intake.gatherer.flush();
    intake.gatherer.closeAll();
    await intake.gatherer.flush();
    const [first] = await fleet$.fleet.pointHistory
      .query({
        agentId: owner.id,
        names: ["m.f"],
        from: start,
        to: start + 10_000,
        stepMs: 10_000,
        maxPoints: 10,
      })
      .then(({ series }) => series);
    assert.deepEqual(first?.avg, [1]);
    const rows = await fleet$.store.db.selectFrom("metric_10s").select("packed").execute();
    const counted = rows.reduce((sum, { packed }) => sum + Buffer.from(packed).readUInt32LE(4), 0);
    assert.equal(counted, 3000);
  });
});
