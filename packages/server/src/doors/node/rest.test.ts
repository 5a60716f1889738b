import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyFrame, NodeBench, type Peer } from "./test-bench.ts";

// B11.12 and B11.15 of the protocol's test list

type Scope = Parameters<NodeBench["connect"]>[0];

async function openWithNode(t: Scope, options: Parameters<typeof NodeBench.open>[1] = {}) {
  const bench = await NodeBench.open(t, options);
  const token = await bench.createApiToken("admin");
  const node = await bench.connect(t, { node_id: "node-001" });
  node.register("node-001", { hostname: "server-01", os_info: "Ubuntu" });
  await node.nextOf("register_response");
  const get = async (path: string) => (await bench.request(`/api/v1${path}`, { token })).json;
  return { bench, token, node, get };
}

async function beat(node: Peer, metrics: object): Promise<AnyFrame> {
  const id = crypto.randomUUID();
  node.send("heartbeat", { metrics }, id);
  const ack = await node.nextOf("heartbeat_ack");
  assert.equal(ack.id, id);
  return ack;
}

/** Long enough for a reading to be in the store. */
async function settle(bench: NodeBench): Promise<void> {
  await bench.pass(15_000);
  await bench.pass(2_000);
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

test("every answer is HTTP 200 with success, message, data and timestamp", async (t) => {
  const { get } = await openWithNode(t);
  const answer = await get("/health");
  assert.deepEqual(Object.keys(answer), ["success", "message", "data", "timestamp"]);
  assert.equal(answer.success, true);
  assert.deepEqual(answer.data, { status: "healthy", websocket: "running" });
  assert.ok(!Number.isNaN(Date.parse(answer.timestamp)));
});

test("a node has the types that the original's client parses", async (t) => {
  const { get, node } = await openWithNode(t);
  await beat(node, {});
  const { data } = await get("/nodes/node-001");
  assert.ok(Number.isInteger(data.id));
  for (const field of ["node_id", "hostname", "ip_address", "status"]) assert.equal(typeof data[field], "string");
  for (const field of ["last_heartbeat", "registered_at", "updated_at"]) assert.match(data[field], INSTANT);
  assert.deepEqual(
    [data.node_id, data.hostname, data.ip_address, data.os_info, data.status],
    ["node-001", "server-01", "10.0.0.1", "Ubuntu", "online"],
  );
});

test("a metric has doubles for percentages, integers for bytes, and nulls for what was not measured", async (t) => {
  const { get, node } = await openWithNode(t);
  await beat(node, { cpu_usage: 12.5, memory_usage: 50, memory_total: 1000, memory_available: 499.5, uptime: 77.9 });
  const { data } = await get("/nodes/node-001/metrics/latest");
  assert.ok(Number.isInteger(data.id));
  assert.match(data.metric_time, INSTANT);
  assert.match(data.created_at, INSTANT);
  assert.deepEqual([data.cpu_usage, data.memory_usage, data.memory_total, data.uptime], [12.5, 50, 1000, 77]);
  assert.ok(Number.isInteger(data.memory_available));
  assert.deepEqual(
    [data.disk_usage, data.disk_total, data.disk_available, data.load_average],
    [null, null, null, null],
  );
});

test("nodes are listed newest first, page by page, with the total of the filter", async (t) => {
  const { bench, get } = await openWithNode(t);
  for (const id of ["b", "c", "d"]) {
    await bench.pass(1000);
    const peer = await bench.connect(t, { node_id: id });
    peer.register(id);
    await peer.nextOf("register_response");
    if (id === "c") await peer.close();
  }
  const names = (answer: { data: { nodes: { node_id: string }[] } }) => answer.data.nodes.map((node) => node.node_id);
  const all = await get("/nodes");
  assert.deepEqual(names(all), ["d", "c", "b", "node-001"]);
  assert.deepEqual([all.data.total, all.data.limit, all.data.offset], [4, 50, 0]);
  assert.deepEqual(names(await get("/nodes?limit=2&offset=1")), ["c", "b"]);
  const online = await get("/nodes?status=online&limit=1");
  assert.deepEqual([names(online), online.data.total], [["d"], 3]);
  assert.deepEqual(names(await get("/nodes?status=offline")), ["c"]);
  assert.deepEqual(names(await get("/nodes?status=error")), []);
  assert.deepEqual(names(await get("/nodes?limit=0")), []);
  assert.equal(names(await get("/nodes?limit=-1")).length, 4);
  assert.equal((await get("/nodes?limit=999999999999")).data.limit, 1000);
  assert.equal((await get("/nodes?offset=-5")).data.offset, 0);
});

test("an unknown node is a failure without data and with its code", async (t) => {
  const { get } = await openWithNode(t);
  for (const path of [
    "/nodes/nobody",
    "/nodes/nobody/metrics",
    "/nodes/nobody/metrics/latest",
    "/nodes/nobody/commands",
  ]) {
    const answer = await get(path);
    assert.deepEqual([answer.success, answer.data, answer.message], [false, null, "节点不存在"]);
    assert.equal(answer.error_code, "NODE_NOT_FOUND");
  }
});

test("a node without metrics says so", async (t) => {
  const { get } = await openWithNode(t);
  const answer = await get("/nodes/node-001/metrics/latest");
  assert.deepEqual([answer.success, answer.data, answer.message], [false, null, "该节点暂无监控数据"]);
  const list = await get("/nodes/node-001/metrics");
  assert.deepEqual(list.data, { metrics: [], total: 0, limit: 100, offset: 0 });
});

test("a range within one day finds its rows: instants are compared, not texts", async (t) => {
  const { bench, get, node } = await openWithNode(t);
  bench.clock.jump(9 * 3_600_000); // 09:00
  await beat(node, { cpu_usage: 10 });
  await settle(bench);
  bench.clock.jump(3_600_000);
  await beat(node, { cpu_usage: 30 });
  await settle(bench);
  const range = (from: string, to: string) =>
    `start_time=${encodeURIComponent(from)}&end_time=${encodeURIComponent(to)}`;
  const count = async (query: string) => (await get(`/nodes/node-001/metrics?${query}`)).data.total;
  assert.equal(await count(range("2026-01-01T08:30:00Z", "2026-01-01T09:30:00Z")), 1);
  assert.equal(await count(range("2026-01-01T08:30:00Z", "2026-01-01T11:00:00Z")), 2);
  assert.equal(await count(range("2026-01-01T16:30:00+08:00", "2026-01-01T17:30:00+08:00")), 1);
  assert.equal(await count(range("2026-01-01T12:00:00Z", "2026-01-01T23:00:00Z")), 0);
  assert.equal(await count(range("2026-01-01T08:30:00", "yesterday")), 2, "what is no instant is ignored");
  const newest = await get("/nodes/node-001/metrics?limit=1");
  assert.deepEqual([newest.data.metrics[0].cpu_usage, newest.data.total], [30, 2]);
});

test("a summary averages a range, is null for an empty one, and explains bad ranges", async (t) => {
  const { bench, get, node } = await openWithNode(t);
  for (const cpu of [10, 20, 60]) {
    await beat(node, { cpu_usage: cpu, load_average: cpu / 10 });
    await settle(bench);
  }
  const summary = (from: string, to: string) =>
    get(`/nodes/node-001/metrics/summary?start_time=${encodeURIComponent(from)}&end_time=${encodeURIComponent(to)}`);
  const { data } = await summary("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
  assert.equal(data.node_id, "node-001");
  assert.equal(data.sample_count, 3);
  assert.ok(Math.abs(data.avg_cpu_usage - 30) < 1e-6);
  assert.ok(Math.abs(data.max_cpu_usage - 60) < 1e-6);
  assert.ok(Math.abs(data.avg_load_average - 3) < 1e-6);
  assert.equal(data.avg_memory_usage, null);
  assert.equal((await summary("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")).data, null);
  assert.equal((await summary("2026-01-01T00:00:00", "x")).error_code, "INVALID_TIME_FORMAT");
  assert.equal((await get("/nodes/node-001/metrics/summary")).error_code, "INVALID_TIME_FORMAT");
  assert.equal((await summary("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")).error_code, "INVALID_TIME_RANGE");
});

test("statistics of nodes, metrics and the system have the seed's shapes", async (t) => {
  const { bench, get, node } = await openWithNode(t);
  assert.deepEqual((await get("/metrics/stats")).data, {
    total_metrics: 0,
    last_24h_count: 0,
    earliest_metric_time: null,
    latest_metric_time: null,
    metrics_per_hour: 0,
  });
  await beat(node, { cpu_usage: 1 });
  await settle(bench);
  const metrics = (await get("/metrics/stats")).data;
  assert.deepEqual([metrics.total_metrics, metrics.last_24h_count, metrics.metrics_per_hour], [1, 1, 1 / 24]);
  assert.match(metrics.earliest_metric_time, /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/);
  assert.deepEqual((await get("/nodes/stats")).data, {
    total_nodes: 1,
    online_nodes: 1,
    offline_nodes: 0,
    connection_count: 1,
  });
  const system = (await get("/system/stats")).data;
  assert.deepEqual(Object.keys(system), [
    "total_nodes",
    "online_nodes",
    "total_commands",
    "pending_commands",
    "system_uptime",
  ]);
  assert.equal(system.system_uptime, 17);
});

test("the latest metrics of all nodes come as one list", async (t) => {
  const { get, node } = await openWithNode(t);
  assert.deepEqual((await get("/metrics/latest")).data, { metrics: [] });
  await beat(node, { cpu_usage: 7 });
  const { metrics } = (await get("/metrics/latest")).data;
  assert.deepEqual([metrics.length, metrics[0].node_id, metrics[0].cpu_usage], [1, "node-001", 7]);
});

test("cleaning up counts the nodes that were silent for half an hour; they come back with a heartbeat", async (t) => {
  const { bench, get, node } = await openWithNode(t);
  await beat(node, {});
  assert.equal((await get("/nodes/cleanup")).data, 0);
  await bench.pass(31 * 60_000);
  assert.equal((await get("/nodes/cleanup")).data, 1);
  assert.equal((await get("/nodes/node-001")).data.status, "offline");
  await beat(node, {});
  assert.equal((await get("/nodes/node-001")).data.status, "online");
});

test("deleting a node leaves its socket open, and its next heartbeat makes it anew", async (t) => {
  const { bench, get, node, token } = await openWithNode(t);
  const gone = await bench.request("/api/v1/nodes/node-001", { method: "DELETE", token });
  assert.deepEqual([gone.status, gone.json.success, gone.json.data], [200, true, null]);
  assert.equal((await get("/nodes/node-001")).success, false);
  await beat(node, { cpu_usage: 1 });
  const again = (await get("/nodes/node-001")).data;
  assert.deepEqual([again.hostname, again.ip_address, again.status], ["unknown", "0.0.0.0", "online"]);
  const repeated = await bench.request("/api/v1/nodes/nobody", { method: "DELETE", token });
  assert.equal(repeated.json.error_code, "NODE_NOT_FOUND");
});

test("a wrong method is 405, an unknown path 404, a query of the wrong type 400, each as text", async (t) => {
  const { bench, token } = await openWithNode(t);
  assert.equal((await bench.request("/api/v1/nodes", { method: "PUT", token })).status, 405);
  assert.equal((await bench.request("/api/v1/nodes/stats", { method: "DELETE", token })).status, 405);
  assert.equal((await bench.request("/api/v1/nothing", { token })).status, 404);
  assert.equal((await bench.request("/api/v1/nodes/%zz", { token })).status, 404);
  const bad = await bench.request("/api/v1/nodes?limit=abc", { token });
  assert.deepEqual([bad.status, bad.json], [400, undefined]);
});

test("a node id is percent-decoded in a path", async (t) => {
  const { bench, get } = await openWithNode(t);
  const peer = await bench.connect(t, { node_id: "a/b 汉" });
  peer.register("a/b 汉");
  await peer.nextOf("register_response");
  assert.equal((await get(`/nodes/${encodeURIComponent("a/b 汉")}`)).data.node_id, "a/b 汉");
});

test("a command is given, followed and listed in the shapes of the seed's design", async (t) => {
  const { bench, get, node, token } = await openWithNode(t);
  const body = JSON.stringify({ command_text: "ls", timeout: 10 });
  const created = (await bench.request("/api/v1/nodes/node-001/commands", { method: "POST", body, token })).json;
  assert.deepEqual(Object.keys(created.data), ["command_id", "status", "message"]);
  assert.equal(created.data.status, "pending");
  const id = created.data.command_id;
  const execute = await node.nextOf("execute_command");
  assert.deepEqual(execute.data, { command_id: id, command_text: "ls", timeout: 10 });
  const pending = (await get(`/commands/${id}`)).data;
  assert.deepEqual([pending.command.status, pending.result], ["pending", null]);
  node.send("command_started", { command_id: id });
  node.send("command_result", { command_id: id, exit_code: 0, stdout: "out", stderr: "err", execution_time_ms: 12 });
  await node.nextOf("command_received");
  const { command, result } = (await get(`/commands/${id}`)).data;
  assert.ok(Number.isSafeInteger(command.id));
  for (const field of ["created_at", "started_at", "completed_at"]) assert.match(command[field], INSTANT);
  assert.deepEqual(
    [command.command_id, command.command_text, command.target_node_id, command.status],
    [id, "ls", "node-001", "success"],
  );
  assert.deepEqual(
    [result.command_id, result.stdout, result.stderr, result.exit_code, result.execution_time_ms],
    [id, "out", "err", 0, 12],
  );
  assert.match(result.created_at, INSTANT);
  const ofNode = (await get("/nodes/node-001/commands?status=success")).data;
  assert.deepEqual(
    [ofNode.total, ofNode.commands[0].command.command_id, ofNode.commands[0].result.stdout],
    [1, id, "out"],
  );
  const all = (await get("/commands?node_id=node-001&limit=5")).data;
  assert.deepEqual([all.total, all.commands[0].command_id], [1, id]);
  assert.equal((await get("/commands?status=pending")).data.total, 0);
  assert.equal((await get("/commands?status=nonsense")).data.total, 0);
  assert.deepEqual((await get("/commands/unknown")).success, false);
});

test("a command that runs out of time is a timeout with the exit code 124 and COMMAND_TIMEOUT", async (t) => {
  const { bench, get, node, token } = await openWithNode(t);
  const body = JSON.stringify({ command_text: "sleep 99", timeout: 5 });
  const { json } = await bench.request("/api/v1/nodes/node-001/commands", { method: "POST", body, token });
  await node.nextOf("execute_command");
  await bench.pass(12_000);
  const { command, result, error } = (await get(`/commands/${json.data.command_id}`)).data;
  assert.deepEqual([command.status, result.exit_code, error.error_code], ["timeout", 124, "COMMAND_TIMEOUT"]);
});

test("a command that makes no sense is refused field by field", async (t) => {
  const { bench, token } = await openWithNode(t);
  const post = async (body: string) =>
    (await bench.request("/api/v1/nodes/node-001/commands", { method: "POST", body, token })).json;
  for (const body of ["", "[]", "{", "{}", '{"command_text":""}', '{"command_text":7}']) {
    assert.equal((await post(body)).error_code, "VALIDATION_ERROR", body);
  }
  const answer = await post('{"command_text":" ","timeout":0}');
  assert.deepEqual(Object.keys(answer.details), ["command_text", "timeout"]);
});

test("REST asks for an API token and for the role that the deed needs", async (t) => {
  const { bench } = await openWithNode(t);
  const viewer = await bench.createApiToken("viewer");
  const operator = await bench.createApiToken("operator");
  const status = async (method: string, path: string, token?: string) => {
    const body = method === "POST" ? '{"command_text":"id"}' : null;
    return (await bench.request(path, token === undefined ? { method, body } : { method, body, token })).status;
  };
  for (const path of ["/api/v1/health", "/api/v1/nodes", "/api/v1/metrics/latest", "/api/v1/system/stats"]) {
    assert.equal(await status("GET", path), 401);
    assert.equal(await status("GET", path, bench.token), 401, "an enrolment token reads nothing");
    assert.equal(await status("GET", path, "mst_wrong"), 401);
    assert.equal(await status("GET", path, viewer), 200);
    assert.equal(await status("GET", `${path}?token=${viewer}`), 200);
  }
  const refused = await bench.request("/api/v1/nodes");
  assert.equal(refused.json.data.error_code, "INVALID_TOKEN");
  assert.equal(await status("GET", "/api/v1/nodes/cleanup", viewer), 403);
  assert.equal(await status("GET", "/api/v1/nodes/cleanup", operator), 200);
  assert.equal(await status("POST", "/api/v1/nodes/node-001/commands", viewer), 403);
  assert.equal(await status("POST", "/api/v1/nodes/node-001/commands", operator), 200);
  assert.equal(await status("DELETE", "/api/v1/nodes/node-001", operator), 403);
  const entries = (await bench.access.audit.list({ limit: 100 })).items;
  assert.ok(entries.some((entry) => entry.action === "commands.create" && entry.outcome === "ok"));
  assert.ok(entries.some((entry) => entry.action === "agents.delete" && entry.outcome === "refused"));
});

test("an opened door reads and deletes without a token, and still gives no commands", async (t) => {
  const { bench } = await openWithNode(t, { restOpen: true });
  assert.equal((await bench.request("/api/v1/nodes")).json.data.total, 1);
  const body = '{"command_text":"id"}';
  assert.equal((await bench.request("/api/v1/nodes/node-001/commands", { method: "POST", body })).status, 401);
  const token = bench.token;
  assert.equal((await bench.request("/api/v1/nodes/node-001/commands", { method: "POST", body, token })).status, 401);
  assert.equal((await bench.request("/api/v1/nodes/node-001", { method: "DELETE" })).json.success, true);
});

test("when the store is away REST says DATABASE_ERROR with 503, and no word of the cause", async (t) => {
  const { bench, token } = await openWithNode(t);
  bench.fleet.agents.list = async () => {
    throw new Error("disk I/O error at /var/lib/secret.db");
  };
  const answer = await bench.request("/api/v1/nodes", { token });
  assert.deepEqual([answer.status, answer.json.error_code], [503, "DATABASE_ERROR"]);
  assert.ok(!answer.text.includes("secret"));
});
