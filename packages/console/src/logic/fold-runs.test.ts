import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "@muster/core/resources";
import { foldRuns } from "./fold-runs.ts";

const run = (id: string, part: Partial<Run>): Run => ({
  id,
  commandId: "c",
  agentId: `agent-${id}`,
  agentName: id,
  status: "succeeded",
  reason: null,
  exitCode: 0,
  queuedAt: "",
  deliveredAt: null,
  startedAt: null,
  finishedAt: "2026-01-01T00:00:00.000Z",
  executionMs: 1,
  late: false,
  cancelRequested: false,
  stdoutBytes: 1,
  stderrBytes: 0,
  cutBytes: 0,
  outputDigest: "same",
  ...part,
});

test("runs with the same end and the same output are one fold", () => {
  const folds = foldRuns([run("a", {}), run("b", {}), run("c", { outputDigest: "other" })]);
  assert.deepEqual(
    folds.map((fold) => fold.runs.map((member) => member.id)),
    [["a", "b"], ["c"]],
  );
});

test("equal outputs with different exit codes stay apart, and failures come first", () => {
  const folds = foldRuns([run("a", {}), run("b", {}), run("c", { status: "failed", exitCode: 1 })]);
  assert.deepEqual(
    folds.map((fold) => fold.exitCode),
    [1, 0],
  );
});

test("runs on the way are in no fold", () => {
  assert.deepEqual(foldRuns([run("a", { status: "started", finishedAt: null, outputDigest: null })]), []);
});

test("runs that never wrote are told apart by their reason", () => {
  const refused = { status: "rejected", exitCode: null, outputDigest: null } as const;
  const folds = foldRuns([run("a", { ...refused, reason: "policy" }), run("b", { ...refused, reason: "user" })]);
  assert.equal(folds.length, 2);
});
