import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeBench } from "./test-bench.ts";

// B11.3, B11.4, B11.5 and B11.9 of the protocol's test list

const METRICS = { cpu_usage: 45.2, memory_usage: 68.5, disk_usage: 34.1, load_average: 1.23 };

test("a new node is told that it was created, a known one that it was updated; the id is echoed", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "node-001" });
  peer.register("node-001", { cpu_count: 4, extra: { deep: [1] } });
  const created = await peer.nextOf("register_response");
  assert.equal(created.id, "node_register-1");
  const { node_info, ...rest } = created.data;
  assert.deepEqual(rest, { success: true, message: "节点注册成功", node_id: "node-001", action: "created" });
  assert.ok(Number.isInteger(node_info.id));
  assert.deepEqual({ ...node_info, id: 0 }, { id: 0, hostname: "host", ip_address: "10.0.0.1", status: "offline" });

  peer.register("node-001");
  const updated = await peer.nextOf("register_response");
  assert.deepEqual(updated.data, {
    success: true,
    message: "节点信息已更新",
    node_id: "node-001",
    action: "updated",
  });
  const again = await bench.connect(t, { node_id: "node-001" });
  again.register();
  assert.equal((await again.nextOf("register_response")).data.action, "updated");
});

test("a registration without os_info keeps what was known", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register("n", { os_info: "Ubuntu 22.04 LTS" });
  await peer.nextOf("register_response");
  peer.send("node_register", { hostname: "renamed", ip_address: "10.0.0.2" });
  await peer.nextOf("register_response");
  const agent = await bench.fleet.agents.findByExternalId("node", "n");
  assert.deepEqual([agent?.os, agent?.hostname, agent?.addresses], ["Ubuntu 22.04 LTS", "renamed", ["10.0.0.2"]]);
});

test("a registration without a hostname is an error, and the connection stays", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("node_register", { ip_address: "10.0.0.1" }, "r1");
  const error = await peer.nextOf("error");
  assert.equal(error.data.error_code, "INVALID_REGISTER_DATA");
  assert.equal(error.id, "r1");
  peer.register();
  await peer.nextOf("register_response");
});

test("heartbeats of every shape are acknowledged once and in order", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register();
  const shapes: unknown[] = [
    { node_id: "n", status: "online", metrics: METRICS },
    { metrics: { ...METRICS, disk_usage: null, network_rx: 1 } },
    { node_id: "n" },
    { metrics: { ...METRICS, cpu_usage: "45.2" } },
    { metrics: null },
    null,
    [],
    "beat",
  ];
  for (const [index, shape] of shapes.entries()) peer.send("heartbeat", shape, `h${index}`);
  await peer.nextOf("register_response");
  for (const index of shapes.keys()) {
    const ack = await peer.next();
    assert.equal(ack.type, "heartbeat_ack");
    assert.equal(ack.id, `h${index}`);
    assert.deepEqual(ack.data, { received: true, node_id: "n", metrics_saved: true });
  }
});

test("a heartbeat's metrics are the agent's latest, in base units", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("heartbeat", { metrics: { ...METRICS, memory_total: 1000, memory_available: 400 } });
  await peer.nextOf("heartbeat_ack");
  const agent = await bench.fleet.agents.findByExternalId("node", "n");
  const latest = bench.fleet.metrics.latest(agent?.id as never);
  assert.equal(latest?.values["system.cpu.utilization"], 0.452);
  assert.equal(latest?.values["system.memory.usage"], 600);
});

test("one wrongly typed field voids a heartbeat's metrics, and the node lives on", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("heartbeat", { metrics: METRICS });
  peer.send("heartbeat", { metrics: { ...METRICS, cpu_usage: "45.2" } });
  await peer.nextOf("heartbeat_ack");
  await peer.nextOf("heartbeat_ack");
  const agent = await bench.fleet.agents.findByExternalId("node", "n");
  assert.deepEqual(bench.fleet.metrics.latest(agent?.id as never)?.values ?? {}, {});
  assert.equal(agent?.status, "online");
});

test("a heartbeat before any registration makes the node known, and a registration fills it in", async (t) => {
  const bench = await NodeBench.open(t);
  const token = await bench.createApiToken("viewer");
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("heartbeat", { metrics: METRICS });
  await peer.nextOf("heartbeat_ack");
  const stranger = (await bench.request("/api/v1/nodes/n", { token })).json.data;
  assert.deepEqual([stranger.hostname, stranger.ip_address, stranger.status], ["unknown", "0.0.0.0", "online"]);
  peer.register();
  assert.equal((await peer.nextOf("register_response")).data.action, "updated");
  assert.equal((await bench.request("/api/v1/nodes/n", { token })).json.data.hostname, "host");
});

test("a heartbeat with another node_id speaks for that node, and closing the socket takes both offline", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "a" });
  peer.register("a");
  peer.send("heartbeat", { node_id: "b", metrics: METRICS });
  assert.equal((await peer.nextOf("heartbeat_ack")).data.node_id, "b");
  for (const id of ["a", "b"]) {
    assert.equal((await bench.fleet.agents.findByExternalId("node", id))?.status, "online");
  }
  await peer.close();
  await bench.pass(1000);
  for (const id of ["a", "b"]) {
    assert.equal((await bench.fleet.agents.findByExternalId("node", id))?.status, "offline");
  }
});

test("messages without a node_id are about the id that was registered last", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "a" });
  peer.register("b");
  peer.send("heartbeat", {});
  assert.equal((await peer.nextOf("heartbeat_ack")).data.node_id, "b");
  assert.equal(await bench.fleet.agents.findByExternalId("node", "a"), undefined);
});

test("one socket may speak for a hundred nodes and no more", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  for (let index = 0; index < 101; index++) peer.send("heartbeat", { node_id: `n${index}` }, `h${index}`);
  const error = await peer.nextOf("error");
  assert.equal(error.id, "h100");
  await peer.sync();
  assert.equal((await bench.fleet.agents.list({})).total, 100);
});

test("metrics on their own are answered with a number, and a wrong one with an error", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("metrics", METRICS, "m1");
  const answer = await peer.nextOf("metrics_response");
  assert.equal(answer.id, "m1");
  assert.ok(Number.isInteger(answer.data.metric_id));
  assert.equal(answer.data.success, true);
  peer.send("metrics", { cpu_usage: "1" }, "m2");
  const error = await peer.nextOf("error");
  assert.deepEqual([error.id, error.data.error_code], ["m2", "INVALID_METRIC_DATA"]);
});

test("a result for a command that nobody gave is acknowledged like any other", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("command_started", { command_id: "cmd-001" });
  peer.send("command_result", { command_id: "cmd-001", exit_code: 0, stdout: "", stderr: "" }, "r1");
  const received = await peer.nextOf("command_received");
  assert.deepEqual([received.id, received.data], ["r1", { received: true, node_id: "n" }]);
  peer.send("command_result", null, "r2");
  assert.equal((await peer.nextOf("command_received")).id, "r2");
});

test("frames of our extension are unknown types to those who did not register with it", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register();
  await peer.nextOf("register_response");
  peer.send("command_output", { command_id: "c", chunks: [] });
  assert.equal((await peer.next()).data.error_code, "UNKNOWN_MESSAGE_TYPE");
  peer.send("samples", { rows: [] });
  assert.equal((await peer.next()).data.error_code, "UNKNOWN_MESSAGE_TYPE");
});

test("of two sockets with one id, closing the old one leaves the node online, closing both takes it offline once", async (t) => {
  const bench = await NodeBench.open(t);
  const old = await bench.connect(t, { node_id: "n" });
  old.register();
  await old.nextOf("register_response");
  const young = await bench.connect(t, { node_id: "n" });
  young.register();
  await young.nextOf("register_response");
  const monitor = await bench.connect(t, { token: await bench.createApiToken("viewer"), type: "monitor" });
  await monitor.nextOf("metrics_update");
  await old.close();
  await bench.pass(500);
  assert.equal((await bench.fleet.agents.findByExternalId("node", "n"))?.status, "online");
  await young.close();
  assert.equal((await monitor.nextOf("node_status_change")).data.status, "offline");
  await bench.pass(500);
  await monitor.sync();
  assert.equal(monitor.frames.filter((frame) => frame.type === "node_status_change").length, 1);
});

test("a node that falls silent goes offline at its deadline and comes back with its next heartbeat", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register();
  await peer.nextOf("register_response");
  const monitor = await bench.connect(t, { token: await bench.createApiToken("viewer"), type: "monitor" });
  await monitor.nextOf("metrics_update");
  await bench.pass(179_000);
  assert.equal((await bench.fleet.agents.findByExternalId("node", "n"))?.status, "online");
  await bench.pass(2_000);
  assert.equal((await bench.fleet.agents.findByExternalId("node", "n"))?.status, "stale");
  const gone = await monitor.nextOf("node_status_change");
  assert.deepEqual([gone.data.node_id, gone.data.status], ["n", "offline"]);
  peer.send("heartbeat", {});
  const back = await monitor.nextOf("node_status_change");
  assert.deepEqual([back.data.node_id, back.data.status], ["n", "online"]);
  assert.equal(peer.closed, undefined);
});

test("a node that beats every two minutes is missed after six", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  const status = async () => (await bench.fleet.agents.findByExternalId("node", "n"))?.status;
  for (let beat = 0; beat < 3; beat++) {
    if (beat > 0) await bench.pass(120_000);
    peer.send("heartbeat", {}, `h${beat}`);
    await peer.nextOf("heartbeat_ack");
  }
  await bench.pass(350_000);
  assert.equal(await status(), "online");
  await bench.pass(11_000);
  assert.equal(await status(), "stale");
});
