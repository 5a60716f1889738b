import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOfRun, worstExitCode } from "./exit-codes.ts";

test("a run stands for its own exit code, or for the number of its state", () => {
  assert.equal(exitCodeOfRun({ status: "succeeded", exitCode: 0 }), 0);
  assert.equal(exitCodeOfRun({ status: "failed", exitCode: 3 }), 3);
  assert.equal(exitCodeOfRun({ status: "timed_out", exitCode: 124 }), 124);
  assert.equal(exitCodeOfRun({ status: "expired", exitCode: null }), 125);
  assert.equal(exitCodeOfRun({ status: "unknown", exitCode: null }), 125);
  assert.equal(exitCodeOfRun({ status: "rejected", exitCode: null }), 126);
  assert.equal(exitCodeOfRun({ status: "cancelled", exitCode: null }), 130);
});

test("a failed run is never a success, whatever number it brought", () => {
  for (const exitCode of [null, 0, -1, 256, 3221225786]) assert.equal(exitCodeOfRun({ status: "failed", exitCode }), 1);
});

test("the worst exit code is the highest", () => {
  const run = (exitCode: number) => ({ status: "failed" as const, exitCode });
  assert.equal(worstExitCode([run(2), { status: "succeeded", exitCode: 0 }, run(7)]), 7);
  assert.equal(worstExitCode([]), 0);
});
