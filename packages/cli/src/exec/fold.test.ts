import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCommand, makeCounts, makeRun } from "../test-fixtures.ts";
import { groupRuns, summarizeGroups } from "./fold.ts";
import { progressLine, totalLine } from "./progress.ts";

const wrote = (agentName: string, outputDigest: string | null, parts = {}) =>
  makeRun({ id: `run-${agentName}`, agentName, outputDigest, stdoutBytes: 5, ...parts });

test("runs that ended alike and wrote the same are one group, the largest first and failures last", () => {
  const groups = groupRuns([
    wrote("db-1", "x", { status: "failed", exitCode: 2 }),
    wrote("web-10", "a"),
    wrote("web-2", "a"),
    wrote("web-3", "b"),
  ]);
  assert.deepEqual(
    groups.map((group) => group.names),
    [["web-2", "web-10"], ["web-3"], ["db-1"]],
  );
});

test("outputs without a digest are never taken for equal, but two silences are", () => {
  assert.equal(groupRuns([wrote("a", null), wrote("b", null)]).length, 2);
  assert.equal(groupRuns([makeRun({ id: "1" }), makeRun({ id: "2" })]).length, 1);
});

test("the summary names groups, and those with outputs of their own together", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const lines = summarizeGroups(
    groupRuns([
      ...names.map((name) => wrote(name, "same")),
      wrote("h", "other"),
      wrote("i", "third"),
      makeRun({ id: "j", agentName: "j\x1b[2J", status: "rejected", exitCode: null, reason: "the policy denies exec" }),
    ]),
  );
  assert.deepEqual(lines, [
    "2 succeeded with outputs of their own: h, i",
    "7 succeeded with the same output: a, b, c, d, e and 2 more",
    "1 rejected: the policy denies exec: j\\x1b[2J",
  ]);
});

test("the progress line says how far it is and what is not well", () => {
  const counts = makeCounts({ succeeded: 9, failed: 1, started: 8, queued: 2 });
  const command = makeCommand({ total: 20, counts });
  assert.equal(
    progressLine(command, 65_000),
    "[##########----------] 10/20 · 1 failed · 8 running · 2 waiting · 1m 05s",
  );
  assert.equal(totalLine(makeCommand({ total: 1, counts: makeCounts({ succeeded: 1 }) })), "1 agent: 1 succeeded");
});
