import assert from "node:assert/strict";
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchProcess, ManualClock, makeTempDir, waitUntil } from "@muster/testing";
import { DiskQueue } from "./disk-queue.ts";
import type { Step } from "./step.ts";
import { makeStep } from "./step-for-test.ts";

const CHILD = fileURLToPath(new URL("fake-queue-owner.ts", import.meta.url));
/** No file may grow beyond 100 blocks of 512 bytes: what a full disk does, without one. */
const FULL_DISK = 'ulimit -f 100; exec "$1" "$2" "$3" 0 until-lost';
const MIB = 1024 * 1024;
const { agent } = makeStep({});
const step = (index: number, more: { labels?: Record<string, string> } = {}) =>
  makeStep({
    ...(more.labels ? more : { agent }),
    at: index * 10_000,
    avg: { "system.cpu.utilization": index / 7, "system.uptime": index },
    max: { "system.cpu.utilization": index },
  });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => step(from + index));
const indexOf = (one: Step) => one.at / 10_000;

function openQueue(folder: string, maxBytes = 64 * MIB): Promise<DiskQueue> {
  return DiskQueue.open({ folder, maxBytes, clock: new ManualClock() });
}

/** Takes everything out, in order. */
async function drain(queue: DiskQueue, limit = 100): Promise<Step[]> {
  const steps: Step[] = [];
  for (let batch = await queue.peek(limit); batch; batch = await queue.peek(limit)) {
    steps.push(...batch.steps);
    await queue.confirm(batch);
  }
  return steps;
}

describe("the queue on the disk", () => {
  test("gives steps back as they were, in order, with their agents", async (scope) => {
    const queue = await openQueue(await makeTempDir(scope));
    const relabelled = step(2, { labels: { role: "database" } });
    await queue.append([step(0), step(1)]);
    await queue.append([relabelled, step(3)]);
    assert.equal(queue.length, 4);
    const steps = await drain(queue);
    assert.deepEqual(steps, [step(0), step(1), relabelled, step(3)]);
    assert.equal(queue.length, 0);
    assert.equal(await queue.peek(1), undefined);
    await queue.close();
  });

  test("gives the same batch until it is confirmed, and goes on behind it after a restart", async (scope) => {
    const folder = await makeTempDir(scope);
    const first = await openQueue(folder);
    await first.append(range(0, 10));
    const batch = await first.peek(3);
    assert.equal(await first.peek(3), batch);
    assert.ok(batch);
    await first.confirm(batch);
    await first.peek(3); // taken, never confirmed
    await first.close();
    const second = await openQueue(folder);
    assert.equal(second.length, 7);
    await second.append(range(10, 12));
    assert.deepEqual((await drain(second)).map(indexOf), [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await second.close();
    const third = await openQueue(folder);
    assert.equal(third.length, 0);
    await third.close();
  });

  test("is read while it is written", async (scope) => {
    const queue = await openQueue(await makeTempDir(scope));
    const seen: number[] = [];
    for (let index = 0; index < 50; index++) {
      await queue.append([step(index)]);
      const batch = await queue.peek(10);
      if (!batch) continue;
      seen.push(...batch.steps.map(indexOf));
      await queue.confirm(batch);
    }
    assert.deepEqual(seen, range(0, 50).map(indexOf));
    await queue.close();
  });

  test("drops the oldest beyond its bound, and says how many", async (scope) => {
    const folder = await makeTempDir(scope);
    const maxBytes = 256 * 1024;
    const queue = await openQueue(folder, maxBytes);
    for (let index = 0; index < 10_000; index += 100) await queue.append(range(index, index + 100));
    assert.ok(queue.bytes <= maxBytes);
    const onDisk = await Promise.all(
      (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
    );
    assert.ok(onDisk.reduce((sum, size) => sum + size, 0) <= maxBytes + 1024);
    const steps = (await drain(queue)).map(indexOf);
    assert.equal(steps.at(-1), 9_999);
    assert.equal(steps.length + queue.losses.full, 10_000);
    assert.deepEqual(steps, range(queue.losses.full, 10_000).map(indexOf));
    await queue.close();
  });

  test("does not count as lost what is being sent while its segment goes", async (scope) => {
    const queue = await openQueue(await makeTempDir(scope), 64 * 1024);
    await queue.append(range(0, 50));
    const batch = await queue.peek(50);
    for (let index = 50; index < 2000; index += 50) await queue.append(range(index, index + 50));
    assert.ok(batch);
    await queue.confirm(batch);
    const left = await drain(queue);
    assert.equal(batch.steps.length + left.length + queue.losses.full, 2000);
    await queue.close();
  });

  test("ends at a record that was cut, at every place where a crash can cut it", async (scope) => {
    const source = await makeTempDir(scope);
    const made = await openQueue(source);
    await made.append(range(0, 3));
    await made.close();
    const [name = ""] = (await readdir(source)).filter((one) => one.endsWith(".steps"));
    const whole = await readFile(join(source, name));
    const folder = await makeTempDir(scope);
    for (let length = 0; length < whole.length; length += 7) {
      await writeFile(join(folder, "000000000009.steps"), whole.subarray(0, length));
      const queue = await openQueue(folder);
      await queue.append([step(7)]);
      const found = (await drain(queue)).map(indexOf);
      assert.equal(found.at(-1), 7);
      assert.deepEqual(found.slice(0, -1), range(0, found.length - 1).map(indexOf));
      assert.deepEqual(queue.losses, { full: 0, disk: 0, broken: 0 });
      await queue.close();
      for (const left of await readdir(folder)) await writeFile(join(folder, left), "");
    }
  });

  test("counts what was damaged on the disk and goes on with the next segment", async (scope) => {
    const folder = await makeTempDir(scope);
    for (const start of [0, 10]) {
      const queue = await openQueue(folder);
      await queue.append(range(start, start + 10));
      await queue.close();
    }
    const [name = ""] = (await readdir(folder)).filter((one) => one.endsWith(".steps")).sort();
    const path = join(folder, name);
    await truncate(path, (await stat(path)).size - 100);
    await appendFile(path, Buffer.alloc(100, 0xff));
    const queue = await openQueue(folder);
    const found = (await drain(queue)).map(indexOf);
    assert.deepEqual(found.slice(-10), range(10, 20).map(indexOf));
    assert.equal(found.length + queue.losses.broken, 20);
    assert.ok(queue.losses.broken > 0);
    await queue.close();
  });

  test("counts what the disk does not take, and goes on when it takes again", async (scope) => {
    const folder = join(await makeTempDir(scope), "queue");
    const queue = await openQueue(folder);
    await queue.append(range(0, 3));
    assert.equal((await drain(queue)).length, 3);
    await queue.close();
    await rm(folder, { recursive: true });
    await queue.append(range(3, 10));
    assert.deepEqual(queue.losses, { full: 0, disk: 7, broken: 0 });
    assert.equal(await queue.peek(10), undefined);
    await mkdir(folder);
    await queue.append(range(10, 12));
    assert.deepEqual((await drain(queue)).map(indexOf), [10, 11]);
    await queue.close();
  });

  test("a disk that is full in the middle of a write loses that write only", async (scope) => {
    const folder = await makeTempDir(scope);
    const child = launchProcess(scope, {
      command: "/bin/sh",
      args: ["-c", FULL_DISK, "sh", process.execPath, CHILD, folder],
    });
    await child.exited;
    assert.match(child.stdout, /^lost \d+$/m, child.describe());
    const told = [...child.stdout.matchAll(/^taken (\d+)$/gm)].map((match) => Number(match[1]));
    const queue = await openQueue(folder);
    const left = (await drain(queue)).map(indexOf);
    assert.deepEqual(left, range(left[0] ?? 0, (left[0] ?? 0) + left.length).map(indexOf));
    assert.ok((left.at(-1) ?? 0) + 1 >= (told.at(-1) ?? 0));
    await queue.close();
  });

  test("an impossible position file means sending again, never losing", async (scope) => {
    const folder = await makeTempDir(scope);
    const first = await openQueue(folder);
    await first.append(range(0, 4));
    const batch = await first.peek(2);
    if (batch) await first.confirm(batch);
    await first.close();
    await writeFile(join(folder, "position"), "1 9");
    const second = await openQueue(folder);
    assert.deepEqual((await drain(second)).map(indexOf), [0, 1, 2, 3]);
    await second.close();
  });

  test("kill -9 in the middle of anything loses no step that was taken and repeats only the last batch", async (scope) => {
    const folder = await makeTempDir(scope);
    let taken = 0;
    for (let round = 0; round < 6; round++) {
      // writes as fast as it can, says how far it is, and takes out now and then
      const child = launchProcess(scope, { args: [CHILD, folder, String(taken)] });
      await waitUntil("some progress", () => count(child.stdout, "taken") > 20 + round * 17, {
        timeoutMs: 20_000,
        everyMs: 1,
        explain: () => child.describe(),
      });
      await child.stop("SIGKILL");
      const told = [...child.stdout.matchAll(/^taken (\d+)$/gm)].map((match) => Number(match[1]));
      const confirmed = [...child.stdout.matchAll(/^confirmed (\d+)$/gm)].map((match) => Number(match[1]));
      const queue = await openQueue(folder);
      const left = (await drain(queue)).map(indexOf);
      const through = confirmed.at(-1) ?? taken;
      const first = left[0] ?? through;
      assert.deepEqual(left, range(first, first + left.length).map(indexOf), "in order and without holes");
      // it may be killed after it confirmed a batch of 20 and before it said so
      assert.ok(first <= through + 20, `${through} were confirmed and ${first} is the first left`);
      assert.ok(first >= through - 20, "only what was under way is sent again");
      taken = first + left.length;
      assert.ok(taken >= (told.at(-1) ?? 0), "everything that was taken is there");
      assert.deepEqual(queue.losses, { full: 0, disk: 0, broken: 0 });
      await queue.close();
    }
  });
});

function count(text: string, word: string): number {
  return text.split(word).length - 1;
}
