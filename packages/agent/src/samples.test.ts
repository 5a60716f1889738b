import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HOST_METRICS } from "@muster/core";
import { ManualClock, makeTempDir } from "@muster/testing";
import { createLogger } from "./log.ts";
import { SampleHistory } from "./sample-history.ts";
import { SampleAverage, SampleRing } from "./samples.ts";

const cpu = (value: number) => ({ "system.cpu.utilization": value });
const instants = (ring: SampleRing, limit = 1000) => ring.peek(limit).rows.map((row) => row[0]);

test("rows come back oldest first, null where nothing was measured", async (scope) => {
  const ring = SampleRing.open(join(await makeTempDir(scope), "ring"), 10);
  ring.push(100, { ...cpu(0.5), "system.uptime": 7 });
  ring.push(200, {});
  const [first, second] = ring.peek(10).rows;
  assert.equal(first?.length, HOST_METRICS.length + 1);
  assert.deepEqual([first?.[0], first?.[1], first?.[2], first?.at(-1)], [100, 0.5, null, 7]);
  assert.ok(second?.slice(1).every((value) => value === null));
  ring.close();
});

test("a full ring drops its oldest rows and its file does not grow", async (scope) => {
  const path = join(await makeTempDir(scope), "ring");
  const ring = SampleRing.open(path, 10);
  for (let at = 1; at <= 10; at++) ring.push(at, cpu(at));
  const { size } = statSync(path);
  for (let at = 11; at <= 35; at++) ring.push(at, cpu(at));
  assert.equal(statSync(path).size, size);
  assert.equal(ring.lost, 25);
  assert.deepEqual(instants(ring), [26, 27, 28, 29, 30, 31, 32, 33, 34, 35]);
  ring.close();
});

test("a ring is found again after a restart, wherever it had wrapped", async (scope) => {
  const path = join(await makeTempDir(scope), "ring");
  for (let round = 0; round < 23; round++) {
    const ring = SampleRing.open(path, 10);
    assert.equal(ring.size, Math.min(10, round));
    ring.push(round, cpu(round));
    assert.equal(instants(ring).at(-1), round);
    ring.close();
  }
});

test("a torn row is left out and the others are kept", async (scope) => {
  const path = join(await makeTempDir(scope), "ring");
  const ring = SampleRing.open(path, 10);
  for (let at = 1; at <= 5; at++) ring.push(at, cpu(at));
  ring.close();
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(8), 0, 8, 32 + 3 * (2 + HOST_METRICS.length) * 8);
  await file.close();
  const again = SampleRing.open(path, 10);
  assert.deepEqual(instants(again), [1, 2, 4, 5]);
  again.close();
});

test("a file of another layout is started over", async (scope) => {
  const path = join(await makeTempDir(scope), "ring");
  await writeFile(path, "x".repeat(5000));
  const ring = SampleRing.open(path, 10);
  assert.equal(ring.size, 0);
  ring.push(1, cpu(1));
  assert.deepEqual(instants(ring), [1]);
  ring.close();
});

test("an average takes each value over the samples that have it, at the instant of the last", () => {
  const average = new SampleAverage();
  average.add({ at: 1000, values: { ...cpu(0.2), "system.load.1m": 4 } });
  average.add({ at: 4000, values: cpu(0.4) });
  assert.equal(average.isDue(7000, 10_000), false);
  assert.equal(average.isDue(11_000, 10_000), true);
  assert.equal(average.isDue(3000, 10_000), true, "the clock was set back");
  const { at, values } = average.take();
  assert.equal(at, 4000);
  assert.equal(values["system.load.1m"], 4);
  assert.ok(Math.abs((values["system.cpu.utilization"] ?? 0) - 0.3) < 1e-9);
  assert.ok(average.isEmpty);
});

async function makeHistory(scope: Parameters<typeof makeTempDir>[0]) {
  const clock = new ManualClock(0);
  const ring = SampleRing.open(join(await makeTempDir(scope), "ring"), 5000);
  const log = createLogger({ level: "error", clock, write: () => {} });
  const history = new SampleHistory({ ring, clock, log });
  const beat = (count: number) => {
    for (let index = 0; index < count; index++) {
      clock.advance(5000);
      history.add({ at: clock.now(), values: cpu(0.5) });
    }
  };
  return { clock, ring, history, beat };
}

test("what was measured while the server was away is sent oldest first in batches, then samples are live", async (scope) => {
  const { ring, history, beat } = await makeHistory(scope);
  beat(2401); // 1200 rows of ten seconds, and half of one
  history.connect(null);
  const sent: number[] = [];
  for (let batch = 1; ; batch++) {
    const rows = history.nextBatch();
    if (!rows) break;
    assert.ok(rows.length <= 500);
    assert.equal(history.nextBatch(), undefined, "one batch at a time");
    assert.equal(history.hasBacklog, batch < 3);
    sent.push(...rows.map((row) => row[0] ?? 0));
    history.confirm(rows.at(-1)?.[0] ?? 0);
  }
  assert.equal(sent.length, 1201);
  assert.deepEqual(
    sent,
    [...sent].sort((a, b) => a - b),
  );
  assert.equal(sent.at(-1), 2401 * 5000);
  assert.equal(history.hasBacklog, false);
  assert.equal(ring.size, 0);
});

test("samples that came while the backlog was sent come in its last batch", async (scope) => {
  const { history, beat } = await makeHistory(scope);
  beat(1200); // 600 rows
  history.connect(null);
  const first = history.nextBatch();
  beat(1);
  assert.equal(history.hasBacklog, true);
  history.confirm(first?.at(-1)?.[0] ?? 0);
  assert.equal(history.nextBatch()?.at(-1)?.[0], 1201 * 5000);
  assert.equal(history.hasBacklog, false);
});

test("what the server has stored is not sent again after a new connection, and what it has not is", async (scope) => {
  const { history, beat } = await makeHistory(scope);
  history.connect(null);
  beat(8);
  history.confirm(20_000);
  history.connect(30_000);
  assert.deepEqual(
    history.nextBatch()?.map((row) => row[0]),
    [40_000],
  );
});

test("a batch that is not confirmed is sent again after half a minute", async (scope) => {
  const { clock, history, beat } = await makeHistory(scope);
  beat(10);
  history.connect(null);
  const rows = history.nextBatch();
  clock.advance(29_000);
  assert.equal(history.nextBatch(), undefined);
  clock.advance(2000);
  assert.equal(history.nextBatch()?.[0]?.[0], rows?.[0]?.[0]);
});

test("a confirmation never drops rows that were not sent yet, even when the clock was set back", async (scope) => {
  const { clock, history, ring, beat } = await makeHistory(scope);
  beat(1100); // 550 rows
  clock.jump(-3_600_000);
  beat(2);
  history.connect(null);
  const first = history.nextBatch();
  assert.equal(first?.length, 500);
  history.confirm(Number.MAX_SAFE_INTEGER);
  assert.equal(ring.size, 51);
});
