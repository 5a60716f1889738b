import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir, startAgent, startServer, waitUntil } from "@muster/testing";
import { isAlive, readOutput, submit, waitForAgent, waitForOutput, waitForRun } from "../support/fleet.ts";

/** Writes its number once a tenth of a second, and one line into `starts` when it starts. */
const count = (starts: string, to: number) =>
  `echo started >> ${starts}; i=0; while [ $i -lt ${to} ]; do i=$((i+1)); echo $i; sleep 0.1; done`;

const numbers = (to: number) => Array.from({ length: to }, (_, index) => `${index + 1}\n`).join("");

test("kill -9 of the server in the middle of a run loses no output and ends the run as if nothing had happened", async (t) => {
  const folder = await makeTempDir(t);
  const starts = join(folder, "starts");
  const first = await startServer(t);
  await startAgent(t, first, { id: "one" });
  const agent = await waitForAgent(first, "one");
  const run = await submit(first, agent, count(starts, 40));
  await waitForOutput(first, run, /^5$/m);
  await first.process.stop("SIGKILL");

  const second = await startServer(t, { dataDir: first.dataDir, port: first.port });
  const ended = await waitForRun(second, run);

  assert.deepEqual([ended.status, ended.exitCode], ["succeeded", 0]);
  assert.equal(await readOutput(second, run), numbers(40));
  assert.equal(await readFile(starts, "utf8"), "started\n");
});

test("kill -9 of the agent in the middle of a run: it is not started again, and its state has a name", async (t) => {
  const folder = await makeTempDir(t);
  const starts = join(folder, "starts");
  const server = await startServer(t);
  const first = await startAgent(t, server, { id: "one" });
  const agent = await waitForAgent(server, "one");
  const run = await submit(server, agent, `echo $$; ${count(starts, 600)}`);
  const [, pid] = await waitForOutput(server, run, /^(\d+)\n1\n2$/m);
  await first.process.stop("SIGKILL");
  await waitForAgent(server, "one", "offline");

  await startAgent(t, server, { id: "one", dataDir: first.dataDir });
  const ended = await waitForRun(server, run);
  await waitForAgent(server, "one");
  const next = await submit(server, agent, "echo still here");
  await waitForRun(server, next, ["succeeded"]);

  assert.equal(ended.status, "unknown");
  assert.ok(ended.reason, "an unknown end has a reason in words");
  assert.equal(await readFile(starts, "utf8"), "started\n");
  await waitUntil("nothing of the run to be left", () => !isAlive(Number(pid)));
});

test("an agent that was cut off finishes its run alone and hands the result over when the server is back", async (t) => {
  const first = await startServer(t);
  await startAgent(t, first, { id: "one" });
  const agent = await waitForAgent(first, "one");
  const run = await submit(first, agent, "echo before; sleep 1; echo after; exit 7");
  await waitForOutput(first, run, /before/);
  await first.process.stop("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the run ends while nobody listens

  const second = await startServer(t, { dataDir: first.dataDir, port: first.port });
  const ended = await waitForRun(second, run);

  assert.deepEqual([ended.status, ended.exitCode], ["failed", 7]);
  assert.equal(await readOutput(second, run), "before\nafter\n");
});

test("SIGTERM drains: the server exits with 0 within ten seconds, and agents and their runs come back", async (t) => {
  const first = await startServer(t);
  await startAgent(t, first, { id: "one" });
  const agent = await waitForAgent(first, "one");
  const run = await submit(first, agent, "echo before; sleep 2; echo after");
  await waitForOutput(first, run, /before/);

  const startedAt = performance.now();
  const exit = await first.process.stop("SIGTERM", 12_000);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(performance.now() - startedAt < 10_000);

  const second = await startServer(t, { dataDir: first.dataDir, port: first.port });
  const ended = await waitForRun(second, run);
  assert.equal(ended.status, "succeeded");
  assert.equal(await readOutput(second, run), "before\nafter\n");
  await waitForAgent(second, "one");
});

test("an agent that is told to stop lets its server know, and exits with 0", async (t) => {
  const server = await startServer(t);
  const agent = await startAgent(t, server, { id: "one" });
  await waitForAgent(server, "one");
  const exit = await agent.process.stop("SIGTERM", 12_000);
  assert.deepEqual(exit, { code: 0, signal: null });
  await waitForAgent(server, "one", "offline");
});
