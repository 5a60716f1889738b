import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { onEnd, type RunningServer, startAgent, startServer, waitUntil } from "@muster/testing";
import { submit, waitForAgent, waitForRun } from "../support/fleet.ts";

/** Opens connections in waves and keeps those that the server keeps; says a whole request on none of them. */
async function flood(server: RunningServer, sockets: Socket[], count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 25) {
    for (let more = 0; more < 25; more++) {
      const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      socket.on("error", () => {});
      if (more % 2 === 0) socket.write("GET /fleet/v1/ag"); // half a request
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a server with 200 descriptors outlives a flood of sockets, and everybody who belongs to it hardly notices", async (context) => {
  const server = await startServer(context, { descriptorLimit: 200 });
  await startAgent(context, server, { id: "before" });
  const before = await waitForAgent(server, "before");

  const sockets: Socket[] = [];
  onEnd(context, () => sockets.forEach((socket) => void socket.destroy()));
  const flooding = { done: false };
  const floods = flood(server, sockets, 3000).finally(() => {
    flooding.done = true;
  });
  let asked = 0;
  do {
    const health = await fetch(`${server.url}/healthz`, { headers: { connection: "close" } });
    assert.equal(health.status, 200);
    const metrics = await fetch(`${server.url}/metrics`, {
      headers: { authorization: `Bearer ${server.apiToken}`, connection: "close" },
    });
    assert.equal(metrics.status, 200);
    assert.match(await metrics.text(), /muster_sockets_limit 100\n/);
    assert.ok(readdirSync(`/proc/${server.process.pid}/fd`).length < 190);
    asked += 1;
  } while (!flooding.done);
  await floods;
  assert.ok(asked > 2, `asked ${asked} times during the flood`);

  // writes to the database, starts a process on an agent that was there, and comes back
  const run = await submit(server, before, "echo still here");
  assert.equal((await waitForRun(server, run)).status, "succeeded");
  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiToken}` } });
  const text = await metrics.text();
  assert.ok(Number(/muster_sockets_evicted_total (\d+)/.exec(text)?.[1]) > 1000, text);
  assert.equal(server.process.exit, undefined, server.process.describe());

  // with the flood's last hundred still open
  await startAgent(context, server, { id: "during" });
  await waitForAgent(server, "during");
  for (const socket of sockets) socket.destroy();
  await startAgent(context, server, { id: "after" });
  await waitForAgent(server, "after");
  await waitUntil("the flood's sockets to be gone", async () => {
    const now = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiToken}` } });
    return Number(/muster_sockets_open (\d+)/.exec(await now.text())?.[1]) < 20;
  });
  assert.equal((await waitForAgent(server, "before")).statusReason, before.statusReason, "it was never away");
  assert.doesNotMatch(server.process.stderr, /EMFILE/);
});
