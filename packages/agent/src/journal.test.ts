import assert from "node:assert/strict";
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@muster/core";
import { makeTempDir, type Scope } from "@muster/testing";
import { Journal, type JournalRecord, type RunEnd, type RunOrder } from "./journal.ts";

const END: RunEnd = {
  exitCode: 0,
  executionMs: 5,
  result: { state: "succeeded", finished_at: 9, stdout_bytes: 0, stderr_bytes: 0, cut_bytes: 0, last_seq: -1 },
};

function order(id: string): RunOrder {
  const limits = { timeoutMs: 1000, graceMs: 100, outputLimitBytes: 1000, expiresAt: null };
  return { id, envelopeId: "e", text: "true", argv: null, env: {}, cwd: null, user: null, ...limits };
}

async function openAt(scope: Scope, options: { path?: string; compactBytes?: number; keepSettled?: number } = {}) {
  const path = options.path ?? join(await makeTempDir(scope), "journal.jsonl");
  const journal = await Journal.open(path, options);
  scope.after(() => journal.close().catch(() => {}));
  return { path, journal };
}

test("what was appended is there again, in the order of acceptance", async (scope) => {
  const { path, journal } = await openAt(scope);
  const records: JournalRecord[] = [
    { kind: "accepted", id: "a", order: order("a") },
    { kind: "accepted", id: "b", order: order("b") },
    { kind: "starting", id: "b", at: 7 },
    { kind: "started", id: "b", pid: 42, startedTicks: 99 },
    { kind: "accepted", id: "c", order: order("c") },
    { kind: "starting", id: "c", at: 8 },
    { kind: "finished", id: "c", end: END },
  ];
  await Promise.all(records.map((record) => journal.append(record)));
  await journal.close();
  const { journal: again } = await openAt(scope, { path });
  assert.deepEqual(again.listUnsettled(), [
    { id: "a", settled: false, order: order("a") },
    { id: "b", settled: false, order: order("b"), startingAt: 7, pid: 42, startedTicks: 99 },
    { id: "c", settled: false, order: order("c"), startingAt: 8, end: END },
  ]);
});

test("a settled run is forgotten but for the fact that it was", async (scope) => {
  const { path, journal } = await openAt(scope);
  await journal.append({ kind: "accepted", id: "a", order: { ...order("a"), env: { SECRET: "s3cret" } } });
  await journal.append({ kind: "settled", id: "a" });
  await journal.close();
  const { journal: again } = await openAt(scope, { path });
  assert.deepEqual(again.listUnsettled(), []);
  assert.equal(again.find("a")?.settled, true);
  assert.doesNotMatch(await readFile(path, "utf8"), /s3cret/);
});

test("a journal torn at any byte gives every whole record before the tear", async (scope) => {
  const { path, journal } = await openAt(scope);
  await journal.append({ kind: "accepted", id: "a", order: order("a") });
  await journal.append({ kind: "starting", id: "a", at: 7 });
  await journal.close();
  const whole = await readFile(path);
  const firstLine = whole.indexOf(10) + 1;
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    const torn = await Journal.open(path);
    const entry = torn.find("a");
    assert.equal(entry !== undefined, length >= firstLine, `torn at ${length}`);
    assert.equal(entry?.startingAt, length === whole.length ? 7 : undefined, `torn at ${length}`);
    await torn.append({ kind: "accepted", id: "after", order: order("after") });
    await torn.close();
    const reopened = await Journal.open(path);
    assert.ok(reopened.find("after"), `an append after a tear at ${length} survives`);
    assert.equal(reopened.unreadableLines, 0);
    await reopened.close();
  }
});

test("a line in the middle that cannot be read is counted and does not hide the others", async (scope) => {
  const { path, journal } = await openAt(scope);
  await journal.append({ kind: "accepted", id: "a", order: order("a") });
  await journal.close();
  await appendFile(path, 'not json\n{"kind":"strange","id":"x"}\n{"kind":"starting","id":"a","at":3}\n');
  const { journal: again } = await openAt(scope, { path });
  assert.equal(again.unreadableLines, 2);
  assert.equal(again.find("a")?.startingAt, 3);
});

test("it is rewritten when it has grown, and remembers the newest settled runs only", async (scope) => {
  const { path, journal } = await openAt(scope, { compactBytes: 4000, keepSettled: 5 });
  await journal.append({ kind: "accepted", id: "open", order: order("open") });
  for (let index = 0; index < 60; index++) {
    await journal.append({ kind: "accepted", id: `r${index}`, order: order(`r${index}`) });
    await journal.append({ kind: "settled", id: `r${index}` });
  }
  assert.ok((await stat(path)).size < 6000);
  await journal.close();
  const { journal: again } = await openAt(scope, { path, keepSettled: 5 });
  assert.deepEqual(
    again.listUnsettled().map((entry) => entry.id),
    ["open"],
  );
  assert.ok(again.find("r59"));
  assert.equal(again.find("r10"), undefined);
});

test("an append that cannot be written is refused", { skip: process.platform !== "linux" }, async (scope) => {
  const { journal } = await openAt(scope);
  await journal.close();
  await assert.rejects(journal.append({ kind: "settled", id: "a" }), (error) => {
    // the folder is still there, so a rewrite heals the journal and a later append works again
    return hasCode(error, "unavailable");
  });
  await journal.append({ kind: "accepted", id: "later", order: order("later") });
  assert.ok(journal.find("later"));
});
