import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "@muster/testing";
import { NodeBench, type Peer } from "./test-bench.ts";

// B11.11 of the protocol's test list

type Scope = Parameters<NodeBench["connect"]>[0];

async function connectMonitor(t: Scope, bench: NodeBench): Promise<Peer> {
  return bench.connect(t, { token: await bench.createApiToken("viewer"), type: "monitor" }, "/ws/client");
}

test("a dashboard reads a welcome, then all nodes, then their latest metrics", async (t) => {
  const bench = await NodeBench.open(t);
  const node = await bench.connect(t, { node_id: "n" });
  node.register();
  node.send("heartbeat", { metrics: { cpu_usage: 12.5, memory_total: 1000, memory_available: 400 } });
  await node.nextOf("heartbeat_ack");
  const monitor = await connectMonitor(t, bench);
  const [welcome, nodes, metrics] = [await monitor.next(), await monitor.next(), await monitor.next()];
  assert.equal(welcome.type, "welcome");
  assert.equal(welcome.data.connection_type, "monitor");
  assert.equal(typeof welcome.data.client_id, "string");
  assert.equal(nodes.type, "nodes_update");
  const [shown] = nodes.data.nodes;
  assert.deepEqual(Object.keys(shown), [
    "id",
    "node_id",
    "hostname",
    "ip_address",
    "os_info",
    "status",
    "last_heartbeat",
    "registered_at",
    "updated_at",
  ]);
  assert.deepEqual([shown.node_id, shown.hostname, shown.status], ["n", "host", "online"]);
  assert.equal(metrics.type, "metrics_update");
  assert.equal(metrics.data.metrics[0].cpu_usage, 12.5);
  assert.equal(metrics.data.metrics[0].memory_available, 400);
});

test("an empty fleet is two empty lists", async (t) => {
  const bench = await NodeBench.open(t);
  const monitor = await connectMonitor(t, bench);
  assert.equal((await monitor.next()).type, "welcome");
  assert.deepEqual((await monitor.next()).data, { nodes: [] });
  assert.deepEqual((await monitor.next()).data, { metrics: [] });
});

test("heartbeats and changes of status are pushed within a second", async (t) => {
  const bench = await NodeBench.open(t);
  const monitor = await connectMonitor(t, bench);
  await monitor.nextOf("metrics_update");
  const node = await bench.connect(t, { node_id: "n" });
  node.register();
  const change = await monitor.nextOf("node_status_change");
  assert.deepEqual([change.data.node_id, change.data.status], ["n", "online"]);
  assert.ok(!Number.isNaN(Date.parse(change.data.timestamp)));
  for (const cpu of [10, 20, 30]) {
    node.send("heartbeat", { metrics: { cpu_usage: cpu } });
    const pushed = await monitor.nextOf("metrics_update");
    assert.equal(pushed.data.metrics.length, 1);
    assert.deepEqual([pushed.data.metrics[0].node_id, pushed.data.metrics[0].cpu_usage], ["n", cpu]);
  }
  await node.close();
  assert.equal((await monitor.nextOf("node_status_change")).data.status, "offline");
});

test("a ping is answered with its id, other types and broken messages with errors, and the socket stays", async (t) => {
  const bench = await NodeBench.open(t);
  const monitor = await connectMonitor(t, bench);
  const welcome = await monitor.next();
  await monitor.nextOf("metrics_update");
  monitor.send("ping", {}, "p1");
  const pong = await monitor.next();
  assert.deepEqual([pong.type, pong.id], ["pong", "p1"]);
  assert.deepEqual(pong.data, { received: true, client_id: welcome.data.client_id });
  monitor.send("heartbeat", {}, "x1");
  const unknown = await monitor.next();
  assert.deepEqual([unknown.data.error_code, unknown.id], ["UNKNOWN_MESSAGE_TYPE", "x1"]);
  assert.match(unknown.data.details, /: ping$/);
  monitor.sendText("{");
  assert.equal((await monitor.next()).data.error_code, "PARSE_ERROR");
  monitor.send("ping", {}, "p2");
  assert.equal((await monitor.next()).id, "p2");
});

test("a command that runs out of time is told as COMMAND_TIMEOUT", async (t) => {
  const bench = await NodeBench.open(t);
  const node = await bench.connect(t, { node_id: "n" });
  node.register();
  await node.nextOf("register_response");
  const monitor = await connectMonitor(t, bench);
  await monitor.nextOf("metrics_update");
  const token = await bench.createApiToken("operator");
  const body = JSON.stringify({ command_text: "sleep 99", timeout: 5 });
  const created = await bench.request("/api/v1/nodes/n/commands", { method: "POST", body, token });
  await node.nextOf("execute_command");
  await bench.pass(12_000);
  const error = await monitor.nextOf("error");
  assert.equal(error.data.error_code, "COMMAND_TIMEOUT");
  assert.ok(error.data.details.startsWith(created.json.data.command_id));
});

test("a dashboard whose token was revoked is closed", async (t) => {
  const bench = await NodeBench.open(t);
  const monitor = await connectMonitor(t, bench);
  await monitor.nextOf("metrics_update");
  const [token] = (await bench.access.tokens.list({ limit: 1 })).items;
  await bench.access.tokens.remove(token?.id ?? "");
  assert.equal((await monitor.waitClosed()).code, 1008);
});

test("a dashboard that does not read misses pushes and delays nobody", async (t) => {
  const bench = await NodeBench.open(t);
  const slow = await connectMonitor(t, bench);
  await slow.nextOf("metrics_update");
  slow.socket.pause();
  const node = await bench.connect(t, { node_id: "n".repeat(250) });
  node.register();
  await node.nextOf("register_response");
  await waitUntil(
    "pushes are skipped",
    async () => {
      for (let count = 0; count < 2000; count++) node.send("heartbeat", { metrics: { cpu_usage: 1 } });
      await node.sync();
      return bench.door.counters.pushesSkipped > 0;
    },
    { timeoutMs: 20_000 },
  );
  const before = performance.now();
  node.send("heartbeat", {}, "last");
  await waitUntil("the acknowledgement", () => node.frames.some((frame) => frame.id === "last"));
  assert.ok(performance.now() - before < 1000);
});
