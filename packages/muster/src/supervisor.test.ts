import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { ManualClock, waitUntil } from "@muster/testing";
import { Supervisor } from "./supervisor.ts";

const program = (script: string) => ({
  command: process.execPath,
  args: ["-e", script],
  env: { PATH: process.env.PATH },
});

test("a program that dies is started again, later each time", async (t) => {
  const clock = new ManualClock();
  const pauses: (number | null)[] = [];
  const supervisor = new Supervisor({
    program: program("process.exit(1)"),
    clock,
    onExit: (_, restartInMs) => pauses.push(restartInMs),
  });
  t.after(() => supervisor.stop());
  supervisor.start();
  for (const expected of [1000, 2000, 4000]) {
    await waitUntil("an exit", () => pauses.at(-1) === expected);
    clock.advance(expected);
  }
});

test("a program that refuses its configuration is not started again", async () => {
  const ends: unknown[] = [];
  const supervisor = new Supervisor({
    program: program("process.exit(2)"),
    clock: new ManualClock(),
    onExit: (how, restartInMs) => ends.push([how, restartInMs]),
  });
  supervisor.start();
  await waitUntil("an exit", () => ends.length > 0);
  assert.deepEqual(ends, [["exit code 2", null]]);
  await supervisor.stop();
});

test("stopping asks first and kills what does not listen", async () => {
  const clock = new ManualClock();
  const supervisor = new Supervisor({
    program: program(
      'process.on("SIGTERM", () => process.send("asked")); setInterval(() => {}, 1000); process.send("up")',
    ),
    clock,
    onExit: () => assert.fail("it was stopped"),
  });
  supervisor.start();
  const child = supervisor.child ?? assert.fail("there is no child");
  const heard: unknown[] = [];
  child.on("message", (message) => heard.push(message));
  await waitUntil("a start", () => heard.includes("up"));
  const stopped = supervisor.stop();
  await waitUntil("the question", () => heard.includes("asked"));
  clock.advance(4000);
  await stopped;
  assert.equal(child.signalCode, "SIGKILL");
});

test("a child notices when its supervisor is gone", async () => {
  const supervisor = new Supervisor({
    program: program('process.on("disconnect", () => process.exit(0)); process.send("up")'),
    clock: systemClock,
    onExit: () => undefined,
  });
  supervisor.start();
  const child = supervisor.child ?? assert.fail("there is no child");
  const heard: unknown[] = [];
  child.on("message", (message) => heard.push(message));
  await waitUntil("a start", () => heard.length > 0);
  child.disconnect();
  await waitUntil("the end", () => child.exitCode === 0);
  await supervisor.stop();
});
