import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { OriginalNode, onEnd, startServer, waitUntil } from "@muster/testing";
import { findAgent, submit, waitForAgent, waitForRun } from "../support/fleet.ts";

test("an original node agent connects unchanged; a command to it ends as a timeout and it stays online", async (t) => {
  const server = await startServer(t);
  const node = await OriginalNode.start({
    coreUrl: server.url.replace("http", "ws"),
    token: server.enrollmentToken,
    nodeId: "web-1a2b3c4d",
    clock: systemClock,
    // fifty times its pace: a beat each 10 s, a look at its messages each 30 s
    metricsIntervalMs: 200,
    readIntervalMs: 600,
    disk: { total: 500e9, available: 200e9 },
  });
  onEnd(t, () => node.stop());
  const agent = await waitForAgent(server, "web-1a2b3c4d");
  assert.equal(agent.hostname, "original-host");
  await waitUntil("its gauges", async () => {
    const gauges = (await findAgent(server, agent.externalId))?.gauges;
    return gauges?.cpu === 0.125 && gauges.memory === 0.5 && gauges.filesystem === 0.6;
  });

  const run = await submit(server, agent, "uptime", { timeoutMs: 1000 });
  const ended = await waitForRun(server, run);

  assert.deepEqual([ended.status, ended.exitCode], ["timed_out", 124]);
  await waitUntil("it to read the command, late", () => node.read.some((text) => text.includes('"execute_command"')));
  const beats = node.beats;
  await waitUntil("it to go on beating", () => node.beats > beats + 5);
  assert.equal(node.isDead, false);
  assert.equal((await findAgent(server, agent.externalId))?.status, "online");
  const { items } = await server.call<{ items: { id: string }[] }>("GET", `agents/${agent.id}/runs`);
  assert.equal(items.length, 1, "it was not sent again");
});

test("the original's own REST routes show it to a client of the original", async (t) => {
  const server = await startServer(t);
  const node = await OriginalNode.start({
    coreUrl: server.url.replace("http", "ws"),
    token: server.enrollmentToken,
    nodeId: "db-9",
    clock: systemClock,
    metricsIntervalMs: 200,
    readIntervalMs: 600,
  });
  onEnd(t, () => node.stop());
  await waitForAgent(server, "db-9");
  const response = await fetch(`${server.url}/api/v1/nodes`, {
    headers: { authorization: `Bearer ${server.apiToken}` },
  });
  const answer = (await response.json()) as {
    success: boolean;
    data: { total: number; nodes: { id: number; node_id: string; status: string }[] };
  };
  assert.equal(answer.success, true);
  assert.deepEqual(
    answer.data.nodes.map(({ node_id, status }) => [node_id, status]),
    [["db-9", "online"]],
  );
  assert.ok(Number.isInteger(answer.data.nodes[0]?.id));
});
