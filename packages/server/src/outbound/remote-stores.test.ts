import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { HOST_METRICS, systemClock } from "@muster/core";
import {
  type MetricStore,
  makeTempDir,
  missingPrometheus,
  missingVictoriaMetrics,
  onEnd,
  startPrometheus,
  startVictoriaMetrics,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { RemoteReader } from "./remote-reader.ts";
import { RemoteWriter } from "./remote-writer.ts";
import type { Step } from "./step.ts";
import { makeStep } from "./step-for-test.ts";

const STORES = [
  { name: "VictoriaMetrics", missing: missingVictoriaMetrics(), start: startVictoriaMetrics },
  { name: "Prometheus", missing: missingPrometheus(), start: startPrometheus },
];
const NAMES = ["system.cpu.utilization", "system.memory.usage"];

for (const { name, missing, start } of STORES) {
  describe(`remote write to ${name}`, unlessMissing(missing), () => {
    test("what was written is read back on the same grid, with its gaps, its least and its most", async (scope) => {
      const store = await start(scope);
      const writer = await openWriter(scope, store);
      const begin = recentStep(60);
      const { agent } = makeStep({ id: "01kept" });
      const steps = [0, 1, 3, 6, 7].map((index) =>
        makeStep({
          agent,
          at: begin + index * 10_000,
          avg: { "system.cpu.utilization": 0.1 + index / 8, "system.memory.usage": 1e9 + index },
          min: { "system.cpu.utilization": 0.05 },
          max: { "system.cpu.utilization": index === 3 ? 0.99 : 0.1 + index / 8 },
        }),
      );
      await writer.take([...steps, makeStep({ id: "01other", at: begin, avg: { "system.cpu.utilization": 0.7 } })]);
      await waitForSent(writer, 6);

      const fine = await readUntil(store, { agentId: "01kept", from: begin, stepMs: 10_000, steps: 10 });
      const values = [0.1, 0.225, null, 0.475, null, null, 0.85, 0.975, null, null];
      assertClose(fine.get("system.cpu.utilization")?.avg, values);
      assertClose(
        fine.get("system.cpu.utilization")?.min,
        values.map((value) => value && 0.05),
      );
      assertClose(fine.get("system.cpu.utilization")?.max, [
        0.1,
        0.225,
        null,
        0.99,
        null,
        null,
        0.85,
        0.975,
        null,
        null,
      ]);
      assertClose(fine.get("system.memory.usage")?.min?.slice(0, 3), [1e9, 1e9 + 1, null]);

      const coarse = await readUntil(store, { agentId: "01kept", from: begin, stepMs: 60_000, steps: 2 });
      assertClose(coarse.get("system.cpu.utilization")?.avg, [(0.1 + 0.225 + 0.475) / 3, (0.85 + 0.975) / 2]);
      assertClose(coarse.get("system.cpu.utilization")?.max, [0.99, 0.975]);
    });

    test("every host metric of a busy chart is read in one go", async (scope) => {
      const store = await start(scope);
      const writer = await openWriter(scope, store);
      const begin = recentStep(60);
      const values = Object.fromEntries(HOST_METRICS.map((metric, index) => [metric.name, index + 0.5]));
      const least = Object.fromEntries(HOST_METRICS.map((metric, index) => [metric.name, index]));
      await writer.take([makeStep({ id: "01whole", at: begin, avg: values, min: least })]);
      await waitForSent(writer, 1);
      const names = HOST_METRICS.map((metric) => metric.name);
      const found = await readUntil(store, { agentId: "01whole", from: begin, stepMs: 10_000, steps: 600, names });
      assert.equal(found.size, HOST_METRICS.length);
      for (const [index, name] of names.entries()) {
        const { avg, min, max } = found.get(name) ?? {};
        assert.deepEqual([avg?.[0], min?.[0], max?.[0], avg?.[1]], [index + 0.5, index, index + 0.5, null], name);
      }
    });

    test("an agent whose labels changed keeps one line in its charts", async (scope) => {
      const store = await start(scope);
      const writer = await openWriter(scope, store);
      const begin = recentStep(60);
      const at = (index: number, role: string) =>
        makeStep({
          id: "01moved",
          labels: { role },
          at: begin + index * 10_000,
          avg: { "system.cpu.utilization": 0.5 },
        });
      await writer.take([at(0, "web"), at(1, "web"), at(2, "database"), at(3, "database")]);
      await waitForSent(writer, 4);
      const found = await readUntil(store, { agentId: "01moved", from: begin, stepMs: 10_000, steps: 4 });
      assertClose(found.get("system.cpu.utilization")?.avg, [0.5, 0.5, 0.5, 0.5]);
    });

    test("nothing is lost while the store is away and comes back, or while the sender restarts", async (scope) => {
      const store = await start(scope);
      const folder = await makeTempDir(scope);
      const begin = recentStep(400);
      const { agent } = makeStep({ id: "01patient" });
      const step = (index: number) =>
        makeStep({ agent, at: begin + index * 10_000, avg: { "system.cpu.utilization": index / 1000 } });
      const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => step(from + index));

      const first = await openWriter(scope, store, folder);
      await first.take(range(0, 100));
      await waitForSent(first, 100);
      await store.stop();
      for (let index = 100; index < 200; index++) await first.take([step(index)]);
      await waitUntil("a failure", () => first.counters.failures > 0, { timeoutMs: 10_000 });
      assert.equal(first.length, 100);
      await first.close();

      const second = await openWriter(scope, store, folder);
      assert.equal(second.length, 100);
      await second.take(range(200, 250));
      await store.start();
      await waitForSent(second, 150);
      // not killed: VictoriaMetrics keeps what it has accepted in memory for seconds
      await store.stop();
      await second.take(range(250, 300));
      await store.start();
      await waitUntil("an empty queue", () => second.length === 0, { timeoutMs: 30_000 });

      const found = await readUntil(store, { agentId: "01patient", from: begin, stepMs: 10_000, steps: 300 }, 299);
      assertClose(
        found.get("system.cpu.utilization")?.avg,
        Array.from({ length: 300 }, (_, index) => index / 1000),
      );
      assert.deepEqual(second.counters.refused, 0);
      assert.deepEqual(second.losses, { full: 0, disk: 0, broken: 0 });
    });
  });
}

describe("a Prometheus that takes no samples out of order", unlessMissing(missingPrometheus()), () => {
  test("one step it refuses takes none of its neighbours with it", async (scope) => {
    const store = await startPrometheus(scope);
    const writer = await openWriter(scope, store);
    const begin = recentStep(60);
    const { agent } = makeStep({ id: "01newer" });
    const newer = (at: number) => makeStep({ agent, at, avg: { "system.cpu.utilization": 0.5 } });
    await writer.take([newer(begin + 100_000)]);
    await waitForSent(writer, 1);
    const others: Step[] = Array.from({ length: 30 }, (_, index) =>
      makeStep({ id: `01other${index}`, at: begin, avg: { "system.cpu.utilization": 0.25 } }),
    );
    await writer.take([...others.slice(0, 15), newer(begin), ...others.slice(15)]);
    await waitUntil("an empty queue", () => writer.length === 0, { timeoutMs: 20_000 });
    assert.deepEqual(writer.counters, { sent: 31, failures: 0, refused: 1 });
  });
});

/** A step that began so many steps ago. */
function recentStep(ago: number): number {
  const now = systemClock.now() - ago * 10_000;
  return now - (now % 60_000);
}

async function openWriter(scope: TestContext, store: MetricStore, folder?: string): Promise<RemoteWriter> {
  const writer = await RemoteWriter.open({
    url: store.writeUrl,
    credentials: {},
    labels: { cluster: "test" },
    queueFolder: folder ?? (await makeTempDir(scope)),
    queueBytes: 64 * 1024 * 1024,
    version: "0",
    clock: systemClock,
    report: () => {},
  });
  onEnd(scope, () => writer.close());
  return writer;
}

function waitForSent(writer: RemoteWriter, count: number) {
  const explain = () => JSON.stringify([writer.counters, writer.losses, writer.length]);
  return waitUntil(`${count} steps sent`, () => writer.counters.sent >= count, { timeoutMs: 30_000, explain });
}

/** Stores show what they took after a moment: asks until the step of this index is there. */
function readUntil(
  store: MetricStore,
  grid: { agentId: string; from: number; stepMs: number; steps: number; names?: readonly string[] },
  index = 0,
) {
  const troubles: unknown[] = [];
  const reader = new RemoteReader({
    url: store.url,
    credentials: {},
    version: "0",
    clock: { ...systemClock, monotonic: () => performance.now() * 1000 }, // no rest between tries
    report: (message, details) => troubles.push(message, details),
  });
  return waitUntil(
    "an answer",
    async () => {
      await store.settle();
      const found = await reader.read({ names: NAMES, ...grid });
      return (found?.get(NAMES[0] ?? "")?.avg[index] ?? null) !== null && found;
    },
    { timeoutMs: 20_000, everyMs: 250, explain: () => JSON.stringify(troubles) },
  );
}

function assertClose(actual: readonly (number | null)[] | undefined, expected: readonly (number | null)[]): void {
  const isClose = expected.every((value, index) => {
    const found = actual?.[index] ?? null;
    return found === null || value === null ? found === value : Math.abs(found - value) <= Math.abs(value) * 1e-9;
  });
  if (!isClose || actual?.length !== expected.length) assert.deepEqual(actual, expected);
}
