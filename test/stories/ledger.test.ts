import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent, startServer, waitUntil } from "@muster/testing";
import { getRun, isAlive, readOutput, submit, waitForAgent, waitForOutput, waitForRun } from "../support/fleet.ts";

test("cancelling a run ends its whole process tree", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "one" });
  const agent = await waitForAgent(server, "one");
  // a child, and a grandchild that ignores the polite signal
  const script = `sh -c 'trap "" TERM; echo grandchild $$; while :; do sleep 1; done' & echo child $$; sleep 300 & echo sleeper $!; wait`;
  const run = await submit(server, agent, script, { timeoutMs: 600_000 });
  const pids = await Promise.all(
    ["grandchild", "child", "sleeper"].map(async (name) =>
      Number((await waitForOutput(server, run, new RegExp(`^${name} (\\d+)$`, "m")))[1]),
    ),
  );
  assert.deepEqual(pids.map(isAlive), [true, true, true]);

  await server.call("POST", `runs/${run.id}/cancel`);
  const ended = await waitForRun(server, run);

  assert.equal(ended.status, "cancelled");
  await waitUntil("every process of the run to be gone", () => !pids.some(isAlive), { timeoutMs: 15_000 });
});

test("a command for a host that is away runs when the host is back, and not again after that", async (t) => {
  const server = await startServer(t);
  const first = await startAgent(t, server, { id: "away" });
  const agent = await waitForAgent(server, "away");
  await first.process.stop();
  await waitForAgent(server, "away", "offline");

  const run = await submit(server, agent, "echo finally");
  assert.equal((await getRun(server, run)).status, "queued");
  await startAgent(t, server, { id: "away", dataDir: first.dataDir });
  const ended = await waitForRun(server, run);

  assert.equal(ended.status, "succeeded");
  assert.equal(await readOutput(server, run), "finally\n");
});

test("a command that nobody can take in time expires and never starts", async (t) => {
  const server = await startServer(t);
  const first = await startAgent(t, server, { id: "late" });
  const agent = await waitForAgent(server, "late");
  await first.process.stop();
  await waitForAgent(server, "late", "offline");

  const run = await submit(server, agent, "echo never", { expiresInMs: 1000 });
  const ended = await waitForRun(server, run);
  assert.equal(ended.status, "expired");

  await startAgent(t, server, { id: "late", dataDir: first.dataDir });
  await waitForAgent(server, "late");
  const later = await submit(server, agent, "echo later");
  await waitForRun(server, later, ["succeeded"]);
  assert.equal((await getRun(server, run)).status, "expired");
  assert.equal(await readOutput(server, run), "");
});

test("a run that outlives its timeout is stopped with exit code 124", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "slow" });
  const agent = await waitForAgent(server, "slow");
  const run = await submit(server, agent, "echo begun; sleep 60 & echo $!; wait", { timeoutMs: 1000 });
  const [, pid] = await waitForOutput(server, run, /^begun\n(\d+)$/m);
  const ended = await waitForRun(server, run);
  assert.deepEqual([ended.status, ended.exitCode], ["timed_out", 124]);
  await waitUntil("the sleeper to be gone", () => !isAlive(Number(pid)));
});

test("the same idempotency key gives the same command, and nothing runs twice", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "one" });
  const agent = await waitForAgent(server, "one");
  const post = async () => {
    const response = await fetch(`${server.url}/fleet/v1/commands`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${server.apiToken}`,
        "content-type": "application/json",
        "idempotency-key": "deploy-42",
      },
      body: JSON.stringify({ text: "echo once", targets: { ids: [agent.id] } }),
    });
    return (await response.json()) as { id: string };
  };
  const [first, second] = [await post(), await post()];
  assert.equal(first.id, second.id);
  const { items } = await server.call<{ items: unknown[] }>("GET", `agents/${agent.id}/runs`);
  assert.equal(items.length, 1);
});

test("an empty set of targets is nobody, and says so", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "one" });
  await waitForAgent(server, "one");
  const { total } = await server.call<{ total: number }>("POST", "commands/preview", { targets: {} });
  assert.equal(total, 0);
});
