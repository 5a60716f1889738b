import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { HostSample } from "@muster/core";
import { describeStores } from "../store/stores-for-test.ts";
import { FOREIGN, openTestFleet, type TestFleet } from "./fleet-for-test.ts";

const sample = (at: number, cpu: number): HostSample => ({
  at,
  values: { "system.cpu.utilization": cpu, "system.memory.limit": 16_000_000_000 },
});

describeStores("metrics", (stores) => {
  let fleet$: TestFleet;

  beforeEach(async () => {
    fleet$ = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => fleet$.close());

  const query = (agentId: string, from: number, to: number, stepMs = 10_000) =>
    fleet$.fleet.metrics.query({ agentId, from, to, stepMs, maxPoints: 1000, names: ["system.cpu.utilization"] });

  test("the newest values are there at once, with their age", async () => {
    const agent = await fleet$.connect("a");
    agent.session.heartbeat(sample(fleet$.clock.now(), 0.5), true);
    const latest = fleet$.fleet.metrics.latest(agent.session.agentId);
    assert.equal(latest?.values["system.cpu.utilization"], 0.5);
    assert.equal((await fleet$.fleet.agents.get(agent.session.agentId)).gauges?.cpu, 0.5);
  });

  test("readings of ten seconds become one row with average, least and most", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    for (const cpu of [0.2, 0.4, 0.9]) {
      agent.session.heartbeat(sample(fleet$.clock.now(), cpu), true);
      await fleet$.pass(3000);
    }
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start, start + 10_000);
    assert.equal(answer.series[0]?.avg.length, 1);
    assert.ok(Math.abs((answer.series[0]?.avg[0] ?? 0) - 0.5) < 1e-9);
    assert.ok(Math.abs((answer.series[0]?.min[0] ?? 0) - 0.2) < 1e-6);
    assert.ok(Math.abs((answer.series[0]?.max[0] ?? 0) - 0.9) < 1e-6);
    assert.deepEqual(agent.stored, [start + 9_999]);
  });

  test("time without readings is a gap, not a zero", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    agent.session.heartbeat(sample(fleet$.clock.now(), 0.1), true);
    await fleet$.pass(30_000);
    agent.session.heartbeat(sample(fleet$.clock.now(), 0.3), true);
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start, start + 40_000);
    assert.deepEqual(answer.series[0]?.avg, [0.1, null, null, 0.3]);
  });

  test("samples kept by an agent while we were away are stored once, however often they are sent", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    const kept = Array.from({ length: 30 }, (_, index) => sample(start - 300_000 + index * 10_000, index / 100));
    agent.session.backfill(kept);
    agent.session.heartbeat(sample(start, 0.5), true);
    await fleet$.pass(1500);
    agent.session.close("gone");
    const back = await fleet$.connect("a");
    assert.equal(back.session.storedThrough, start - 300_000 + 29 * 10_000 + 9_999);
    back.session.backfill(kept);
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start - 300_000, start);
    assert.deepEqual(
      answer.series[0]?.avg,
      kept.map((reading) => reading.values["system.cpu.utilization"]),
    );
    assert.equal(fleet$.fleet.metrics.counters.rowsWritten, 31);
  });

  test("a reading shown while older ones wait is not stored twice", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    agent.session.heartbeat(sample(start, 0.9), false);
    assert.equal(fleet$.fleet.metrics.latest(agent.session.agentId)?.values["system.cpu.utilization"], 0.9);
    agent.session.backfill([sample(start - 10_000, 0.1), sample(start, 0.9)]);
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start - 10_000, start + 10_000);
    assert.deepEqual(answer.series[0]?.avg, [0.1, 0.9]);
  });

  test("history goes on when somebody sets the agent's clock back", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    agent.session.heartbeat(sample(start + 3_600_000, 0.1), true);
    agent.session.heartbeat(sample(start, 0.2), true);
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start, start + 10_000);
    assert.deepEqual(answer.series[0]?.avg, [0.2]);
  });

  test("a time that makes no sense is dropped and counted", async () => {
    const agent = await fleet$.connect("a");
    agent.session.heartbeat(sample(fleet$.clock.now() + 10 * 86_400_000, 0.1), true);
    agent.session.heartbeat(sample(Number.NaN, 0.1), true);
    assert.equal(fleet$.fleet.metrics.counters.dropped, 2);
  });

  test("agents without timed samples are stored by our own clock", async () => {
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("legacy", { capabilities: new Set(FOREIGN) });
    agent.session.heartbeat(sample(5, 0.7), true);
    await fleet$.pass(13_000);
    const answer = await query(agent.session.agentId, start, start + 10_000);
    assert.deepEqual(answer.series[0]?.avg, [0.7]);
  });

  test("rows are rolled up to a minute and ten minutes, and late ones are added", async () => {
    const start = fleet$.clock.now() - (fleet$.clock.now() % 600_000);
    const agent = await fleet$.connect("a");
    agent.session.backfill(Array.from({ length: 30 }, (_, index) => sample(start - 600_000 + index * 10_000, 0.4)));
    await fleet$.pass(2000);
    await fleet$.fleet.metrics.flush();
    await fleet$.fleet.metrics.history.rollUp(fleet$.clock.now() + 60_000);
    const minutes = await fleet$.store.db.selectFrom("metric_1m").select("at").execute();
    const tens = await fleet$.store.db.selectFrom("metric_10m").select("at").execute();
    assert.equal(minutes.length, 5);
    assert.deepEqual(
      tens.map((row) => row.at),
      [start - 600_000],
    );
    const answer = await query(agent.session.agentId, start - 600_000, start, 600_000);
    assert.ok(Math.abs((answer.series[0]?.avg[0] ?? 0) - 0.4) < 1e-9);
  });

  test("rows of an agent that is deleted meanwhile do not hold up the others", async () => {
    const start = fleet$.clock.now();
    const doomed = await fleet$.connect("doomed");
    const other = await fleet$.connect("other");
    doomed.session.heartbeat(sample(start, 0.1), true);
    other.session.heartbeat(sample(start, 0.2), true);
    await fleet$.store.db.deleteFrom("agents").where("id", "=", doomed.session.agentId).execute();
    await fleet$.pass(15_000);
    const answer = await query(other.session.agentId, start, start + 10_000);
    assert.deepEqual(answer.series[0]?.avg, [0.2]);
    assert.equal(fleet$.fleet.metrics.pending, 0);
  });

  test("each tier forgets what is older than it keeps", async () => {
    const now = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    agent.session.backfill([sample(now - 100_000, 0.1), sample(now - 10_000, 0.2)]);
    await fleet$.pass(13_000);
    await fleet$.fleet.metrics.history.prune(fleet$.clock.now(), [60_000, 60_000, 60_000]);
    const rows = await fleet$.store.db.selectFrom("metric_10s").select("at").execute();
    assert.equal(rows.length, 1);
  });
});
