import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { launchProcess } from "./process.ts";
import { ManualScope, makeTempDir, onEnd } from "./scope.ts";
import { waitUntil } from "./wait.ts";

test("a launched process is killed when its scope ends, and its folder goes with it", async () => {
  const scope = new ManualScope();
  const folder = await makeTempDir(scope);
  const launched = launchProcess(scope, {
    args: ["-e", "console.log('up'); setInterval(() => {}, 1000)"],
    cwd: folder,
  });
  await launched.waitForOutput(/up/);
  await scope.close();
  assert.equal((await launched.exited).signal, "SIGKILL");
  assert.equal(existsSync(folder), false);
});

test("clean-ups of one test run newest first, and one that fails does not keep the others from running", async () => {
  const order: string[] = [];
  const scope = new ManualScope();
  const test = { after: (cleanup: () => void | Promise<void>) => scope.after(cleanup) };
  onEnd(test, () => void order.push("first"));
  onEnd(test, () => Promise.reject(new Error("broken")));
  onEnd(test, () => void order.push("last"));
  await assert.rejects(scope.close(), AggregateError);
  assert.deepEqual(order, ["last", "first"]);
});

test("waiting for output fails at once when the process exits without writing it", async (t) => {
  const launched = launchProcess(t, { args: ["-e", "console.error('broken'); process.exit(3)"] });
  await assert.rejects(launched.waitForOutput(/ready/), /exited 3[\s\S]*broken/);
});

test("no variable of the developer's shell that configures Muster reaches a launched process", async (t) => {
  process.env.MUSTER_LEAK = "yes";
  t.after(() => {
    delete process.env.MUSTER_LEAK;
  });
  const launched = launchProcess(t, { args: ["-e", "console.log('leak=' + process.env.MUSTER_LEAK)"] });
  await launched.exited;
  assert.match(launched.stdout, /leak=undefined/);
});

test("waitUntil says what it waited for and keeps the last error as the cause", async () => {
  const failing = waitUntil("the moon", () => Promise.reject(new Error("clouds")), { timeoutMs: 30 });
  await assert.rejects(failing, (error: Error) => {
    assert.match(error.message, /the moon/);
    assert.equal((error.cause as Error).message, "clouds");
    return true;
  });
});
