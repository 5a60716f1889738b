import assert from "node:assert/strict";
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { beginningOf, fingerprintOf, type Position, PositionJournal } from "./positions.ts";

const positionOf = (key: string, at: number): Position => ({
  ...beginningOf(key, `/var/log/${key}.log`),
  at,
  fingerprint: fingerprintOf(Buffer.from("before")),
});

test("what was put is there after any end, what was forgotten is not", async (scope) => {
  const folder = await makeTempDir(scope);
  const first = await PositionJournal.open(folder);
  first.setGlobs(["/var/log/*.log"]);
  first.put(positionOf("1", 10));
  first.put({ ...positionOf("2", 20), pendingTo: 30 });
  first.put(positionOf("1", 15));
  first.put(positionOf("3", 1));
  first.forget("3");
  // not closed: as after kill -9
  const second = await PositionJournal.open(folder);
  assert.deepEqual(second.globs, ["/var/log/*.log"]);
  assert.equal(second.find("1")?.at, 15);
  assert.equal(second.find("2")?.pendingTo, 30);
  assert.equal(second.find("3"), undefined);
  assert.deepEqual(
    second.positions.map(({ key }) => key),
    ["2", "1"],
  );
  await Promise.all([first.close(), second.close()]);
});

test("a line that was half-written and lines of others are passed over, and swallow nothing", async (scope) => {
  const folder = await makeTempDir(scope);
  const path = join(folder, "positions.jsonl");
  await writeFile(path, 'nonsense\n{"position":');
  const first = await PositionJournal.open(folder);
  first.put(positionOf("1", 10));
  await first.close();
  await appendFile(path, '{"position":{"key":"2","at"');
  const second = await PositionJournal.open(folder);
  second.put(positionOf("3", 30));
  await second.close();
  const third = await PositionJournal.open(folder);
  assert.deepEqual(
    third.positions.map(({ key }) => key),
    ["1", "3"],
  );
  await third.close();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("the file stays short, however often positions move", async (scope) => {
  const folder = await makeTempDir(scope);
  const journal = await PositionJournal.open(folder);
  for (let at = 1; at <= 12_000; at++) journal.put({ ...positionOf("1", 0), at });
  await journal.sync();
  const lines = (await readFile(join(folder, "positions.jsonl"), "utf8")).trim().split("\n");
  assert.equal(lines.length, 2);
  journal.put(positionOf("2", 5));
  await journal.close();
  const again = await PositionJournal.open(folder);
  assert.deepEqual(
    again.positions.map(({ at }) => at),
    [12_000, 5],
  );
  await again.close();
});
