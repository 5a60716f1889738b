import assert from "node:assert/strict";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Point } from "@muster/core";
import { launchProcess, makeTempDir, settle, waitUntil } from "@muster/testing";
import { PointQueue, type PointQueueOptions } from "./point-queue.ts";

const point = (value: number, text?: string): Point => ({
  measurement: "m",
  tags: {},
  fields: { value, ...(text === undefined ? {} : { text }) },
  timeNs: BigInt(value),
});

function openQueue(folder: string, options: Partial<PointQueueOptions> = {}): PointQueue {
  return PointQueue.open({ folder, onAdded: () => {}, onDropped: () => {}, ...options });
}

/** Everything in the queue, oldest first, taken out. */
async function drain(queue: PointQueue): Promise<string[]> {
  const lines: string[] = [];
  for (let batch = await queue.next(); batch; batch = await queue.next()) {
    const content = await queue.read(batch);
    lines.push(...(content?.lines.toString().trimEnd().split("\n") ?? []).map((line) => `${batch.category} ${line}`));
    await queue.remove(batch);
  }
  return lines;
}

test("points come out by category in the order in which they went in, and leave nothing behind", async (scope) => {
  const folder = await makeTempDir(scope);
  const queue = openQueue(folder);
  await Promise.all([
    queue.add("metric", [point(1)]),
    queue.add("logging", [point(2)]),
    queue.add("metric", [point(3)]),
    queue.add("metric", []),
  ]);
  assert.ok(queue.bytes > 0);
  assert.deepEqual(await drain(queue), ["metric m value=1 1", "metric m value=3 3", "logging m value=2 2"]);
  assert.equal(queue.bytes, 0);
  assert.deepEqual(readdirSync(folder), []);
});

test("a batch that is being sent gets nothing added, and is there until it is removed", async (scope) => {
  const queue = openQueue(await makeTempDir(scope));
  await queue.add("metric", [point(1)]);
  const batch = await queue.next();
  await queue.add("metric", [point(2)]);
  assert.equal((await queue.next())?.name, batch?.name);
  assert.deepEqual(await drain(queue), ["metric m value=1 1", "metric m value=2 2"]);
});

test("a queue that is opened again has everything, but for a piece that a crash cut off", async (scope) => {
  const folder = await makeTempDir(scope);
  const first = openQueue(folder);
  await first.add("logging", [point(1, "line\n#9 9\nbreak")]);
  await first.add("logging", [point(2)]);
  await first.close();
  const [name = ""] = readdirSync(folder);
  appendFileSync(join(folder, name), '#500 1\nm text="cut');
  const again = openQueue(folder);
  await again.add("metric", [point(3)]);
  assert.deepEqual(await drain(again), [
    'logging m value=1,text="line',
    "logging #9 9",
    'logging break" 1',
    "logging m value=2 2",
    "metric m value=3 3",
  ]);
});

test("above the limit the oldest batches are dropped and their points counted", async (scope) => {
  let dropped = 0;
  const queue = openQueue(await makeTempDir(scope), {
    limitBytes: 3 * 1024 * 1024,
    onDropped: (points) => {
      dropped += points;
    },
  });
  const large = "x".repeat(200 * 1024);
  for (let index = 0; index < 40; index++) await queue.add("logging", [point(index, large)]);
  assert.ok(queue.bytes <= 3 * 1024 * 1024 + large.length * 2, String(queue.bytes));
  const left = await drain(queue);
  assert.equal(left.length + dropped, 40);
  assert.ok(dropped >= 20, String(dropped));
  assert.match(left.at(-1) ?? "", / 39$/);
});

test("whoever can wait waits while half of the room is taken, and nothing of theirs is dropped", async (scope) => {
  const queue = openQueue(await makeTempDir(scope), {
    limitBytes: 4 * 1024 * 1024,
    onDropped: () => assert.fail("nothing may be dropped"),
  });
  const large = "x".repeat(500 * 1024);
  let taken = 0;
  const adding = Array.from({ length: 12 }, async (_, index) => {
    await queue.add("logging", [point(index, large)], `piece ${index}`);
    taken += 1;
  });
  await waitUntil("what there is room for", () => taken >= 4);
  await settle(10);
  assert.equal(taken, 4 + 1);
  await queue.add("metric", [point(100)]); // whoever cannot wait has the other half
  const left = await drain(queue);
  while (taken < 12) {
    await settle();
    left.push(...(await drain(queue)));
  }
  await Promise.all(adding);
  left.push(...(await drain(queue)));
  assert.equal(left.filter((line) => line.startsWith("logging")).length, 12);
});

test("points under a name are taken once, while they are in the queue, after they left it and in the next process", async (scope) => {
  const folder = await makeTempDir(scope);
  const queue = openQueue(folder);
  await queue.add("logging", [point(1)], "file 0-10");
  await queue.add("logging", [point(1)], "file 0-10");
  await queue.close();
  const second = openQueue(folder);
  await second.add("logging", [point(1)], "file 0-10");
  await second.add("logging", [point(2)], "file 10-20");
  assert.deepEqual(await drain(second), ["logging m value=1 1", "logging m value=2 2"]);
  const third = openQueue(folder);
  await third.add("logging", [point(2)], "file 10-20");
  await third.add("logging", [point(3)], "file 20-30");
  assert.deepEqual(await drain(third), ["logging m value=3 3"]);
});

test("kill -9 loses nothing whose adding had resolved", async (scope) => {
  const folder = await makeTempDir(scope);
  const module = fileURLToPath(new URL("./point-queue.ts", import.meta.url));
  const program = `import { PointQueue } from ${JSON.stringify(module)};
    const queue = PointQueue.open({ folder: process.argv[1], onAdded() {}, onDropped() {} });
    for (let n = 1; ; n++) {
      await queue.add("metric", [{ measurement: "m", tags: {}, fields: { value: n }, timeNs: BigInt(n) }]);
      process.stdout.write(n + "\\n");
    }`;
  const child = launchProcess(scope, { args: ["--input-type=module", "--eval", program, folder] });
  await child.waitForOutput(/^200$/m);
  await child.stop("SIGKILL");
  const acknowledged = Number(/(\d+)\n\s*$/.exec(child.stdout)?.[1]);
  const lines = await drain(openQueue(folder));
  assert.ok(acknowledged >= 200 && lines.length >= acknowledged, `${lines.length} of ${acknowledged}`);
  assert.deepEqual(
    lines,
    lines.map((_, index) => `metric m value=${index + 1} ${index + 1}`),
  );
});
