import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HostSample } from "@muster/core";
import { openTestFleet } from "./fleet-for-test.ts";
import type { ExportedStep } from "./metric-export.ts";
import type { MetricGrid, SteppedValues } from "./metric-reader.ts";

const sample = (at: number, cpu: number): HostSample => ({ at, values: { "system.cpu.utilization": cpu } });
const CPU = ["system.cpu.utilization"];

describe("a store of metrics beside ours", () => {
  test("gets every closed step once, with the agent's name and labels", async () => {
    const taken: ExportedStep[] = [];
    const fleet$ = await openTestFleet({ exporter: { take: async (steps) => void taken.push(...steps) } });
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a", { facts: { hostname: "web-1", name: "web", labels: { role: "web" } } });
    await fleet$.fleet.agents.update(agent.session.agentId, { labels: { role: "db", zone: "north" } });
    for (const cpu of [0.2, 0.4]) {
      agent.session.heartbeat(sample(fleet$.clock.now(), cpu), true);
      await fleet$.pass(3000);
    }
    await fleet$.pass(20_000);
    assert.equal(taken.length, 1);
    const [step] = taken;
    assert.deepEqual(step?.agent, {
      id: agent.session.agentId,
      name: "web",
      hostname: "web-1",
      labels: { role: "db", zone: "north" },
    });
    assert.equal(step?.at, start);
    assert.ok(Math.abs((step?.avg[0] ?? 0) - 0.3) < 1e-9);
    assert.ok(Math.abs((step?.max[0] ?? 0) - 0.4) < 1e-6);
    assert.ok(Number.isNaN(step?.avg[1]));
    await fleet$.close();
  });

  test("has a step before its agent is told that it is stored, and not again when our own store was away", async () => {
    const order: string[] = [];
    const fleet$ = await openTestFleet({
      exporter: { take: async (steps) => void order.push(...steps.map((step) => `export ${step.at}`)) },
    });
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    agent.stored.push = (...through) => order.push(...through.map((at) => `stored ${at}`));
    agent.session.heartbeat(sample(start, 0.5), true);
    await fleet$.pass(5_000);
    const { transaction } = fleet$.store;
    fleet$.store.transaction = () => Promise.reject(new Error("away"));
    await fleet$.pass(20_000);
    assert.deepEqual(order, [`export ${start}`]);
    fleet$.store.transaction = transaction;
    await fleet$.pass(2_000);
    assert.deepEqual(order, [`export ${start}`, `stored ${start + 9_999}`]);
    await fleet$.close();
  });

  test("answers for what has settled, ours for what is new, and each where the other has nothing", async () => {
    let asked: MetricGrid | undefined;
    let answer: Map<string, SteppedValues> | undefined = new Map();
    const reader = {
      read: async (grid: MetricGrid) => {
        asked = grid;
        return answer;
      },
    };
    const fleet$ = await openTestFleet({ reader });
    const start = fleet$.clock.now();
    const agent = await fleet$.connect("a");
    for (let index = 0; index < 30; index++) {
      if (index !== 5) agent.session.heartbeat(sample(fleet$.clock.now(), 0.1), true);
      await fleet$.pass(10_000);
    }
    const { agentId } = agent.session;
    const query = { agentId, from: start, to: start + 300_000, stepMs: 10_000, maxPoints: 1000 };
    const fill = (value: number) => Array.from({ length: 30 }, (_, index) => (index === 3 ? null : value));
    answer = new Map([["system.cpu.utilization", { avg: fill(0.5), min: fill(0.25), max: fill(0.75) }]]);
    const both = await fleet$.fleet.metrics.query({ ...query, names: CPU });
    assert.deepEqual(asked, { agentId, names: CPU, from: start, stepMs: 10_000, steps: 30 });
    const settled = 30 - 12;
    const expected = Array.from({ length: 30 }, (_, index) => (index < settled && index !== 3 ? 0.5 : 0.1));
    assert.deepEqual(both.series[0]?.avg.slice(0, 29), expected.slice(0, 29));
    assert.equal(both.series[0]?.max[0], 0.75);
    assert.equal(both.series[0]?.min[0], 0.25);

    answer = undefined; // away
    const ours = await fleet$.fleet.metrics.query({ ...query, names: CPU });
    assert.deepEqual(ours.series[0]?.avg.slice(3, 7), [0.1, 0.1, null, 0.1]);
    const everything = await fleet$.fleet.metrics.query(query);
    assert.deepEqual(
      everything.series.map((series) => series.name),
      CPU,
    );
    await fleet$.close();
  });
});
