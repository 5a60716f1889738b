import assert from "node:assert/strict";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "@muster/core";
import { launchProcess, makeTempDir, waitUntil } from "@muster/testing";
import { ByteQueue } from "./byte-queue.ts";

const CHILD = fileURLToPath(new URL("fake-forward-owner.ts", import.meta.url));

function openQueue(folder: string, maxBytes = 64 * 1024 * 1024): Promise<ByteQueue> {
  return ByteQueue.open({ folder, maxBytes, clock: systemClock });
}

async function drain(queue: ByteQueue): Promise<string[]> {
  const taken: string[] = [];
  for (let record = await queue.peek(); record; record = await queue.peek()) {
    taken.push(record.toString());
    await queue.confirm(record);
  }
  return taken;
}

describe("a queue of records on the disk", () => {
  test("gives records out in order, again and again until they are confirmed, also to the next owner", async (scope) => {
    const folder = await makeTempDir(scope);
    const first = await openQueue(folder);
    for (const word of ["a", "b", "c"]) await first.append(Buffer.from(word));
    const record = await first.peek();
    assert.equal(record?.toString(), "a");
    assert.equal((await first.peek())?.toString(), "a");
    if (record) await first.confirm(record);
    assert.equal(first.length, 2);
    await first.close();
    const second = await openQueue(folder);
    assert.equal(second.length, 2);
    await second.append(Buffer.from("d"));
    assert.deepEqual(await drain(second), ["b", "c", "d"]);
    assert.equal(second.length, 0);
    await second.close();
  });

  test("what comes after everything was taken is there after two restarts", async (scope) => {
    const folder = await makeTempDir(scope);
    for (const word of ["a", "b"]) {
      const queue = await openQueue(folder);
      await queue.append(Buffer.from(word));
      assert.deepEqual(await drain(queue), [word]);
      await queue.close();
    }
    for (const word of ["c", "d"]) {
      const queue = await openQueue(folder);
      assert.equal(await queue.peek(), undefined, "nothing waits");
      await queue.close();
      const next = await openQueue(folder);
      await next.append(Buffer.from(word));
      await next.close();
      const last = await openQueue(folder);
      assert.deepEqual(await drain(last), [word]);
      await last.close();
    }
  });

  test("beyond its bound the oldest records go, and are counted", async (scope) => {
    const queue = await openQueue(await makeTempDir(scope), 80_000);
    for (let index = 0; index < 200; index++) await queue.append(Buffer.from(`${index} `.padEnd(1000, "x")));
    assert.ok(queue.bytes <= 80_000 + 10_000);
    const left = (await drain(queue)).map((text) => Number(text.split(" ")[0]));
    assert.equal(left.at(-1), 199);
    assert.equal(left.length + queue.losses.full, 200);
    await queue.close();
  });

  test("a record that a crash cut ends its file, and nothing else", async (scope) => {
    const folder = await makeTempDir(scope);
    const first = await openQueue(folder);
    await first.append(Buffer.from("whole"));
    await first.close();
    const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".records"));
    await appendFile(join(folder, name), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]));
    const second = await openQueue(folder);
    await second.append(Buffer.from("next"));
    assert.deepEqual(await drain(second), ["whole", "next"]);
    await second.close();
  });

  test("kill -9 loses no record that was taken and repeats at most the last", async (scope) => {
    const folder = await makeTempDir(scope);
    let start = 0;
    for (let round = 0; round < 4; round++) {
      const child = launchProcess(scope, { args: [CHILD, folder, String(start)] });
      const progress = () => child.stdout.split("taken").length > 40 + round * 33;
      await waitUntil("some progress", progress, { timeoutMs: 20_000, everyMs: 1, explain: () => child.describe() });
      await child.stop("SIGKILL");
      const numbers = (word: string) =>
        [...child.stdout.matchAll(new RegExp(`^${word} (\\d+)$`, "gm"))].map((match) => Number(match[1]));
      const queue = await openQueue(folder);
      const left = (await drain(queue)).map((text) => Number(text.split(" ")[0]));
      const first = left[0] ?? start;
      assert.deepEqual(
        left,
        left.map((_, index) => first + index),
        "in order and without holes",
      );
      const confirmed = numbers("confirmed").at(-1) ?? start - 1;
      assert.ok(first >= confirmed && first <= confirmed + 2, `${confirmed} was confirmed, ${first} is the first left`);
      assert.ok((left.at(-1) ?? -1) >= (numbers("taken").at(-1) ?? -1), "everything that was taken is there");
      assert.deepEqual(queue.losses, { full: 0, disk: 0 });
      start = (left.at(-1) ?? 0) + 1;
      await queue.close();
    }
  });
});
