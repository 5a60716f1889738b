import assert from "node:assert/strict";
import { test } from "node:test";
import { deedsOf, stateOfWave, sumRollout } from "./rollout-picture.ts";

const wave = (agents: number, applied: number, failed: number, pending: number, offline: number) => ({
  size: "1",
  agents,
  applied,
  failed,
  pending,
  offline,
});

test("a rollout's sum counts agents of waves that have not begun as waiting", () => {
  const rollout = { wave: 2, waves: [wave(1, 1, 0, 0, 0), wave(4, 1, 1, 1, 1), wave(5, 0, 0, 5, 0)] };
  assert.deepEqual(sumRollout(rollout), { agents: 10, applied: 2, failed: 1, pending: 1, offline: 1, waiting: 5 });
});

test("a wave is done when the next one has begun or all is, and stopped while the rollout stands still", () => {
  const states = (state: "running" | "halted" | "done") =>
    [1, 2, 3].map((number) => stateOfWave({ wave: 2, state }, number));
  assert.deepEqual(states("running"), ["done", "now", "waiting"]);
  assert.deepEqual(states("halted"), ["done", "stopped", "waiting"]);
  assert.deepEqual(stateOfWave({ wave: 3, state: "done" }, 3), "done");
});

test("what has ended by somebody else's revision can be neither resumed nor rolled back", () => {
  assert.deepEqual(deedsOf("superseded"), []);
  assert.ok(deedsOf("halted").includes("resume") && !deedsOf("running").includes("resume"));
  assert.deepEqual(deedsOf("done"), ["rollBack"]);
});
