import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { appendFile, copyFile, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { followFolder, followLines, lines } from "./tail-for-test.ts";

/** Descriptors of this process whose file was removed. */
function listRemovedButOpen(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(folder) && target.endsWith("(deleted)") ? [target] : [];
    } catch {
      return [];
    }
  });
}

for (const pattern of ["app.log", "app.log*"]) {
  test(`${pattern}: a renamed file is read to its end, whoever still writes to it, and the new one from its start`, async (scope) => {
    const { followed, path } = await followLines(scope, ["a1", "a2"], pattern);
    await appendFile(path, lines("a3"));
    await rename(path, `${path}.1`);
    await writeFile(path, lines("b1"));
    await followed.expect(4);
    await appendFile(`${path}.1`, lines("a4"));
    await appendFile(path, lines("b2"));
    await followed.expect(6);
    await rename(`${path}.1`, `${path}.2`);
    await rename(path, `${path}.1`);
    await writeFile(path, lines("c1"));
    await followed.expect(7);
    assert.deepEqual(followed.messages.toSorted(), ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]);
  });

  test(`${pattern}: what was written before a truncation and after it comes once`, async (scope) => {
    const { followed, path } = await followLines(scope, ["a1", "a2"], pattern);
    await copyFile(path, `${path}.1`);
    await truncate(path);
    // longer than before when it is looked at again: only the content tells
    await appendFile(path, lines("b1", "b2", "b3", "b4"));
    await followed.expect(6);
    await truncate(path);
    await appendFile(path, lines("c1"));
    await followed.expect(7);
    assert.deepEqual(followed.messages, ["a1", "a2", "b1", "b2", "b3", "b4", "c1"]);
  });
}

test("copytruncate: lines that nobody had read before the truncation come from the copy", async (scope) => {
  const { followed, path } = await followLines(scope, ["a1", "a2"], "app.log*");
  await appendFile(path, lines("a3"));
  await copyFile(path, `${path}-20260101`);
  await truncate(path);
  await appendFile(path, lines("b1"));
  await followed.expect(4);
  assert.deepEqual(followed.messages.toSorted(), ["a1", "a2", "a3", "b1"]);
});

test("copytruncate: the same when no pattern names the copy, also when nobody looked meanwhile", async (scope) => {
  const { followed, path, first } = await followLines(scope, ["a1", "a2"]);
  await appendFile(path, lines("a3"));
  await copyFile(path, join(followed.folder, "app-20260101.log"));
  await truncate(path);
  await appendFile(path, lines("b1"));
  await followed.expect(4);
  await first.collector.stop?.();
  await appendFile(path, lines("b2"));
  await copyFile(path, `${path}.1`);
  await truncate(path);
  await followed.start();
  await followed.expect(5);
  assert.deepEqual(followed.messages.toSorted(), ["a1", "a2", "a3", "b1", "b2"]);
});

for (const pattern of ["app.log", "app.log*"]) {
  test(`${pattern}: a line that had begun before a truncation comes whole from the copy, or as it was without one`, async (scope) => {
    const followed = await followFolder(scope);
    const path = join(followed.folder, "app.log");
    await writeFile(path, "a1\nhal");
    await followed.start({ logfiles: [join(followed.folder, pattern)] });
    await followed.expect(1);
    await appendFile(path, "f a line\n");
    await copyFile(path, `${path}.1`);
    await truncate(path);
    await appendFile(path, "b1\nunf");
    await followed.expect(3);
    await truncate(path);
    await appendFile(path, "c1\n");
    await followed.expect(5);
    assert.deepEqual(followed.messages.toSorted(), ["a1", "b1", "c1", "half a line", "unf"]);
  });
}

test("a file that came and was renamed between two looks is found, other files of like names are left alone", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  for (const other of ["app.log.errors", "app.log-2.gz", "apple.log"])
    await writeFile(join(followed.folder, other), "no\n");
  await writeFile(`${path}.9`, lines("archived"));
  await utimes(`${path}.9`, 1_600_000_000, 1_600_000_000);
  await writeFile(path, lines("a1"));
  await followed.start();
  await followed.expect(1);
  await rename(path, `${path}.2`);
  await writeFile(`${path}.1`, lines("b1"));
  await writeFile(path, lines("c1"));
  for (const other of ["app.log.errors", "app.log-2.gz", "apple.log"])
    await appendFile(join(followed.folder, other), "no\n");
  assert.deepEqual((await followed.expect(3)).toSorted(), ["a1", "b1", "c1"]);
});

test("a copy that was made while nobody looked is no file of its own, whatever was renamed before", async (scope) => {
  const { followed, path, first } = await followLines(scope, ["a1"]);
  await rename(path, `${path}.1`);
  await writeFile(path, lines("b1"));
  await followed.expect(2);
  await first.collector.stop?.();
  await appendFile(path, lines("b2"));
  await copyFile(path, `${path}.2`);
  await truncate(path);
  await appendFile(path, lines("c1"));
  await followed.start();
  assert.deepEqual((await followed.expect(4)).toSorted(), ["a1", "b1", "b2", "c1"]);
});

test("several rotations while nobody looked lose nothing, and files from before the first look stay unread", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(`${path}.9`, lines("archived"));
  await utimes(`${path}.9`, 1_600_000_000, 1_600_000_000);
  await writeFile(path, lines("a1"));
  const first = await followed.start();
  await followed.expect(1);
  await first.collector.stop?.();
  await appendFile(path, lines("a2"));
  await rename(path, `${path}.2`);
  await writeFile(`${path}.1`, lines("b1"));
  await writeFile(path, lines("c1"));
  await followed.start();
  assert.deepEqual((await followed.expect(4)).toSorted(), ["a1", "a2", "b1", "c1"]);
});

test("a new file in the inode of a removed one is read from its start", async (scope) => {
  const { followed, path, first: before } = await followLines(scope, ["a1"]);
  await before.collector.stop?.(); // a file that is open keeps its inode
  const { ino } = await stat(path);
  await rm(path);
  await writeFile(path, lines("b1", "b2"));
  if ((await stat(path)).ino !== ino) scope.diagnostic("this filesystem did not reuse the inode");
  await followed.start();
  assert.deepEqual(await followed.expect(3), ["a1", "b1", "b2"]);
});

test("a removed file is read to its end, told with what has no newline, and closed", {
  skip: process.platform !== "linux",
}, async (scope) => {
  const { followed, path } = await followLines(scope, ["a1"]);
  await appendFile(path, `${lines("a2")}unfinished`);
  await followed.expect(2);
  await rm(path);
  assert.deepEqual(await followed.expect(3), ["a1", "a2", "unfinished"]);
  assert.deepEqual(listRemovedButOpen(followed.folder), []);
  await writeFile(path, lines("b1"));
  assert.deepEqual(await followed.expect(4), ["a1", "a2", "unfinished", "b1"]);
});

test("a file that was renamed while nobody looked is read to its end, and the new one from its start", async (scope) => {
  const { followed, path, first } = await followLines(scope, ["a1"]);
  await first.collector.stop?.();
  await appendFile(path, lines("a2"));
  await rename(path, `${path}.1`);
  await writeFile(path, lines("b1"));
  const second = await followed.start();
  await followed.expect(3);
  await second.collector.stop?.();
  await appendFile(path, lines("b2"));
  await followed.start();
  assert.deepEqual((await followed.expect(4)).toSorted(), ["a1", "a2", "b1", "b2"]);
});

test("a file that was written anew is read from its start, also when it is as long as before", async (scope) => {
  const { followed, path } = await followLines(scope, ["a1"]);
  await followed.pass(20_000);
  await new Promise((resolve) => setTimeout(resolve, 10)); // the kernel stamps files a few times in a hundredth of a second
  await writeFile(path, lines("b1"));
  assert.deepEqual(await followed.expect(2), ["a1", "b1"]);
});

test("a file that was truncated while nobody looked is read from its start", async (scope) => {
  const { followed, path, first } = await followLines(scope, ["a1"]);
  await first.collector.stop?.();
  await writeFile(path, lines("b1", "b2"));
  await followed.start();
  assert.deepEqual(await followed.expect(3), ["a1", "b1", "b2"]);
});
