import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchProcess } from "@muster/testing";

const MODULE = fileURLToPath(new URL("./fault-catcher.ts", import.meta.url));

// in processes of their own: the test runner listens for stray errors itself
const PROLOGUE = `import { EventEmitter } from "node:events";
  import { FaultCatcher } from ${JSON.stringify(MODULE)};
  const faults = new FaultCatcher();
  const release = faults.hold();
  const blame = (name) => (error) => console.log(name + ": " + error.message);`;

test("what is thrown in a timer, an event or a promise that nobody waits for is told to whoever started it", async (scope) => {
  const child = launchProcess(scope, {
    args: [
      "--input-type=module",
      "--eval",
      `${PROLOGUE}
      faults.run(blame("timer"), () => setTimeout(() => { throw new Error("one"); }, 1));
      faults.run(blame("promise"), async () => { setImmediate(() => void Promise.reject(new Error("two"))); });
      faults.run(blame("event"), () => setTimeout(() => new EventEmitter().emit("error", new Error("three")), 2));
      await faults.run(blame("deep"), async () => {
        await new Promise((resolve) => setTimeout(resolve, 3));
        queueMicrotask(() => { throw new Error("four"); });
      });
      setTimeout(() => console.log("alive"), 30);`,
    ],
  });
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  assert.deepEqual(child.stdout.trim().split("\n").sort(), [
    "alive",
    "deep: four",
    "event: three",
    "promise: two",
    "timer: one",
  ]);
});

test("what nobody started within reach ends the process as ever, and so does everything after the release", async (scope) => {
  const stray = `${PROLOGUE} setTimeout(() => { throw new Error("stray"); }, 1); setTimeout(() => console.log("alive"), 50);`;
  const released = `${PROLOGUE} release();
    faults.run(blame("x"), () => setTimeout(() => { throw new Error("stray"); }, 1));
    setTimeout(() => console.log("alive"), 50);`;
  for (const program of [stray, released]) {
    const child = launchProcess(scope, { args: ["--input-type=module", "--eval", program] });
    assert.notEqual((await child.exited).code, 0);
    assert.match(child.stderr, /stray/);
    assert.doesNotMatch(child.stdout, /alive/);
  }
});
