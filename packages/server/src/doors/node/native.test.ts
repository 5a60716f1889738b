import assert from "node:assert/strict";
import { test } from "node:test";
import { type AgentId, CAPABILITIES, HOST_METRICS } from "@muster/core";
import { waitUntil } from "@muster/testing";
import { NodeBench, type Peer } from "./test-bench.ts";

// our own extension: docs/protocols/node.md, "Our extension"

type Scope = Parameters<NodeBench["connect"]>[0];

async function connectNative(t: Scope, bench: NodeBench, hello: object = {}): Promise<Peer> {
  const peer = await bench.connect(t, { node_id: "m-1" });
  const now = bench.clock.now();
  const muster = { protocol: 1, version: "0.1.0", capabilities: CAPABILITIES, now, runs: [], ...hello };
  peer.register("m-1", { muster });
  return peer;
}

async function order(bench: NodeBench, more: object = {}): Promise<string> {
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  const { command } = await bench.fleet.commands.create(
    {
      text: "uptime",
      targets: { ids: [agent?.id ?? ""], groups: [], all: false },
      timeoutMs: 30_000,
      expiresInMs: 3_600_000,
      concurrency: null,
      failureBudget: null,
      env: {},
      cwd: null,
      user: null,
      ...more,
    },
    { actor: "test" },
  );
  return (await bench.fleet.commands.listRuns(command.id, {})).items[0]?.id ?? "";
}

test("our agent is told its interval, its capabilities and what is stored", async (t) => {
  const bench = await NodeBench.open(t);
  const labels = { role: "web" };
  const hello = { name: "web-1", os: "Debian", arch: "x64", addresses: ["10.0.0.1", "fe80::1"], labels };
  const peer = await connectNative(t, bench, { ...hello, capabilities: ["command", "journal", "teleport"] });
  const { data } = await peer.nextOf("register_response");
  assert.deepEqual(data.muster, {
    protocol: 1,
    capabilities: ["command", "journal"],
    beat_ms: 3000,
    stored_through: null,
    cancel: [],
    forget: [],
    output_through: {},
  });
  const agent = await waitUntil("its facts are stored", async () => {
    const found = await bench.fleet.agents.findByExternalId("node", "m-1");
    return found?.labels.role === "web" ? found : undefined;
  });
  assert.deepEqual(
    [agent.name, agent.os, agent.version, agent.labels, agent.addresses, agent.capabilities],
    ["web-1", "Debian", "0.1.0", labels, ["10.0.0.1", "fe80::1"], ["command", "journal"]],
  );
});

test("a sample of ours is shown with its detail, and its clock's skew with it", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench, { now: bench.clock.now() - 90_000 });
  await peer.nextOf("register_response");
  const values = HOST_METRICS.map((_, index) => (index === 0 ? 0.25 : null));
  peer.send("heartbeat", { muster: { at: bench.clock.now() - 90_000, values }, metrics: { cpu_usage: 99 } });
  await peer.nextOf("heartbeat_ack");
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  assert.equal(bench.fleet.metrics.latest(agent?.id as never)?.values["system.cpu.utilization"], 0.25);
  assert.equal(agent?.clockSkewMs, -90_000);
});

test("a command carries everything that our agent understands", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const spec = { text: undefined, argv: ["printf", "%s", "x y"], env: { A: "1" }, cwd: "/tmp", user: "deploy" };
  const runId = await order(bench, { ...spec, timeoutMs: 1500 });
  const { data } = await peer.nextOf("execute_command");
  const now = bench.clock.now();
  assert.deepEqual(data, {
    command_id: runId,
    command_text: "printf %s 'x y'",
    timeout: 2,
    muster: {
      argv: ["printf", "%s", "x y"],
      env: { A: "1" },
      cwd: "/tmp",
      user: "deploy",
      timeout_ms: 1500,
      grace_ms: 5000,
      output_limit_bytes: 1024 * 1024,
      expires_at: now + 3_600_000,
      sent_at: now,
    },
  });
});

test("streamed output is acknowledged once it is stored, and the result closes the run", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const runId = await order(bench);
  const { id } = await peer.nextOf("execute_command");
  const at = bench.clock.now();
  peer.send("command_started", { command_id: runId, at }, id);
  const chunks = [
    { seq: 0, stream: "stdout", at, text: "héllo\n" },
    { seq: 1, stream: "stderr", at, base64: "/wA=" },
    { seq: 2, stream: "stdout", at, cut: 4096 },
  ];
  peer.send("command_output", { command_id: runId, chunks }, "o1");
  const received = await peer.nextOf("output_received");
  assert.deepEqual([received.id, received.data], ["o1", { command_id: runId, through: 2 }]);
  const sizes = { stdout_bytes: 7, stderr_bytes: 2, cut_bytes: 4096, last_seq: 2 };
  const muster = { state: "succeeded", started_at: at, finished_at: at + 5, ...sizes, digest: "ab".repeat(32) };
  peer.send(
    "command_result",
    { command_id: runId, exit_code: 0, stdout: "", stderr: "", execution_time_ms: 5, muster },
    "r1",
  );
  const ack = await peer.nextOf("command_received");
  assert.deepEqual([ack.id, ack.data], ["r1", { received: true, node_id: "m-1", command_id: runId }]);
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.exitCode, run.outputDigest], ["succeeded", 0, "ab".repeat(32)]);
  const output = await bench.fleet.commands.readOutput(runId, -1, 10);
  assert.deepEqual(
    output.chunks.map((chunk) => chunk.text ?? chunk.base64 ?? chunk.cutBytes),
    ["héllo\n", "/wA=", 4096],
  );
  assert.ok(output.ended);
});

test("a refused command ends as rejected with the agent's reason", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const runId = await order(bench);
  await peer.nextOf("execute_command");
  const sizes = { stdout_bytes: 0, stderr_bytes: 0, cut_bytes: 0, last_seq: -1 };
  const muster = { state: "rejected", reason: "the policy allows no commands", finished_at: 1, ...sizes };
  peer.send("command_result", {
    command_id: runId,
    exit_code: null,
    stdout: "",
    stderr: "",
    execution_time_ms: 0,
    muster,
  });
  await peer.nextOf("command_received");
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.reason], ["rejected", "the policy allows no commands"]);
});

test("at most eight unfinished runs are with the agent; each result makes room for one", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  for (let count = 0; count < 12; count++) await order(bench);
  const sent: string[] = [];
  for (let count = 0; count < 8; count++) sent.push((await peer.nextOf("execute_command")).data.command_id);
  await peer.sync();
  assert.equal(peer.frames.filter((frame) => frame.type === "execute_command").length, 8);
  const sizes = { stdout_bytes: 0, stderr_bytes: 0, cut_bytes: 0, last_seq: -1 };
  for (const [index, runId] of sent.slice(0, 4).entries()) {
    const muster = { state: "succeeded", finished_at: 1, ...sizes };
    peer.send("command_result", { command_id: runId, exit_code: 0, stdout: "", stderr: "", muster }, `r${index}`);
  }
  const more: string[] = [];
  for (let count = 0; count < 4; count++) more.push((await peer.nextOf("execute_command")).data.command_id);
  assert.equal(new Set([...sent, ...more]).size, 12);
});

test("a reconnecting agent learns what to forget, what to stop, and where its output goes on", async (t) => {
  const bench = await NodeBench.open(t);
  const first = await connectNative(t, bench);
  await first.nextOf("register_response");
  const [done, running, lost] = [await order(bench), await order(bench), await order(bench)];
  for (let count = 0; count < 3; count++) await first.nextOf("execute_command");
  const sizes = { stdout_bytes: 0, stderr_bytes: 0, cut_bytes: 0, last_seq: -1 };
  const muster = { state: "succeeded", finished_at: 1, ...sizes };
  first.send("command_result", { command_id: done, exit_code: 0, stdout: "", stderr: "", muster });
  await first.nextOf("command_received");
  first.send("command_started", { command_id: running });
  const at = bench.clock.now();
  first.send("command_output", { command_id: running, chunks: [{ seq: 0, stream: "stdout", at, text: "a" }] });
  await first.nextOf("output_received");
  await first.close();

  const runs = [
    { command_id: done, state: "finished", seq: -1 },
    { command_id: running, state: "started", seq: 3 },
  ];
  const second = await connectNative(t, bench, { runs });
  const { data } = await second.nextOf("register_response");
  assert.deepEqual(data.muster.forget, [done]);
  assert.deepEqual(data.muster.cancel, []);
  assert.equal(data.muster.output_through[running], 0);
  // it has no memory of this one, so it never started: it may be sent again
  assert.equal((await second.nextOf("execute_command")).data.command_id, lost);
});

test("a cancelled run is stopped on the agent", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const runId = await order(bench);
  await peer.nextOf("execute_command");
  await bench.fleet.commands.cancelRun(runId);
  const cancel = await peer.nextOf("cancel_command");
  assert.deepEqual(cancel.data, { command_id: runId, grace_ms: 5000 });
});

test("samples that were kept while the server was away are confirmed once they are stored", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const now = bench.clock.now();
  const rows = Array.from({ length: 20 }, (_, index) => [now - 300_000 + index * 3000, 0.5]);
  peer.send("samples", { rows });
  await peer.sync();
  const stored = await (async () => {
    for (let tries = 0; tries < 20; tries++) {
      await bench.pass(2000);
      const frame = peer.frames.find((candidate) => candidate.type === "samples_stored");
      if (frame) return frame;
      await peer.sync();
    }
    return undefined;
  })();
  assert.ok(stored, "it was confirmed");
  assert.ok(stored.data.through >= now - 300_000 && stored.data.through <= now);
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  const { total } = await bench.fleet.metrics.listSamples({ agentId: agent?.id ?? "", limit: 100, offset: 0 });
  assert.ok(total >= 5, `${total} steps are in the store`);
});

test("a new interval is told with the next acknowledgement, once, and only to ours", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  const state = bench.fleet.registry.get(agent?.id as never);
  for (const session of state?.sessions ?? []) session.peer.onBeatInterval(9000);
  peer.send("heartbeat", {});
  assert.deepEqual((await peer.nextOf("heartbeat_ack")).data.muster, { beat_ms: 9000 });
  peer.send("heartbeat", {});
  assert.equal((await peer.nextOf("heartbeat_ack")).data.muster, undefined);
});

test("our agent is asked for its inputs and answers in any order, and tells of them unasked", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const id = (await bench.fleet.agents.findByExternalId("node", "m-1"))?.id as AgentId;
  const sample = (input: string) => bench.fleet.inputs.sample(id, input);
  const [first, second] = [sample("cpu"), sample("mem")];
  const [call, next] = [(await peer.nextOf("call")).data, (await peer.nextOf("call")).data];
  assert.deepEqual([call.call, next.call.input], [{ method: "inputs.sample", input: "cpu" }, "mem"]);
  peer.send("call_result", { call_id: next.call_id, answer: { ok: true, content: { toml: "of mem" } } });
  const failure = { code: "datakit.inputNotFound", status: 404, message: "there is no input cpu" };
  peer.send("call_result", { call_id: call.call_id, answer: { ok: false, failure } });
  assert.equal(await second, "of mem");
  await assert.rejects(first, { code: "not_found", message: "there is no input cpu" });
  const available = [{ input: "cpu", catalog: "host", inputType: "datakit", summary: "" }];
  peer.send("inputs", { inventory: { available, inputs: [] } });
  await peer.sync();
  await waitUntil("the inventory is stored", async () => (await bench.fleet.inputs.available(id)).length === 1);
});

test("a call that comes while an agent registers waits for the answer to its registration", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const id = (await bench.fleet.agents.findByExternalId("node", "m-1"))?.id as AgentId;
  const { resume } = bench.fleet.ledger;
  bench.fleet.ledger.resume = async (...told) => {
    void bench.fleet.inputs.sample(id, "cpu").catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    return resume.apply(bench.fleet.ledger, told);
  };
  const before = peer.frames.length;
  const muster = { protocol: 1, version: "0.1.0", capabilities: CAPABILITIES, now: bench.clock.now(), runs: [] };
  peer.register("m-1", { muster });
  await peer.nextOf("call");
  assert.deepEqual(
    peer.frames.slice(before).map(({ type }) => type),
    ["register_response", "call"],
  );
});

test("what concerns inputs is refused from an agent that is not ours", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "foreign" });
  peer.register();
  await peer.nextOf("register_response");
  peer.send("inputs", { inventory: { available: [], inputs: [] } });
  assert.equal((await peer.nextOf("error")).data.error_code, "UNKNOWN_MESSAGE_TYPE");
  peer.send("call_result", { call_id: "x", answer: { ok: true, content: {} } });
  assert.equal((await peer.nextOf("error")).data.error_code, "UNKNOWN_MESSAGE_TYPE");
});

test("a drain tells our agent when to come back, and tells the original nothing", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const foreign = await bench.connect(t, { node_id: "foreign" });
  foreign.register();
  await foreign.nextOf("register_response");
  bench.fleet.sessions.drain(10_000);
  const hint = await peer.nextOf("reconnect");
  assert.ok(hint.data.after_ms > 0 && hint.data.after_ms <= 11_000);
  await foreign.sync();
  assert.deepEqual([...new Set(foreign.frames.map((frame) => frame.type))], ["welcome", "register_response", "error"]);
});

test("our agent is told while somebody looks at its host, the original is not", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const foreign = await bench.connect(t, { node_id: "foreign" });
  foreign.register();
  await foreign.nextOf("register_response");
  const agents = await Promise.all(["m-1", "foreign"].map((id) => bench.fleet.agents.findByExternalId("node", id)));
  const agentIds = agents.map((agent) => agent?.id ?? "");
  const unwant = bench.fleet.feed.wantSamples(() => ({ all: false, agentIds }));
  await bench.clock.advanceAndSettle(300);
  assert.deepEqual((await peer.nextOf("watch")).data, { detail: true });
  unwant();
  await bench.clock.advanceAndSettle(300);
  assert.deepEqual((await peer.nextOf("watch")).data, { detail: false });
  await foreign.sync();
  assert.ok(!foreign.frames.some((frame) => frame.type === "watch"));
});

test("an agent that connects while the server drains is told at once", async (t) => {
  const bench = await NodeBench.open(t);
  bench.fleet.sessions.drain(10_000);
  const peer = await connectNative(t, bench);
  assert.ok((await peer.nextOf("reconnect")).data.after_ms > 0);
});

test("a deleted agent of ours is told to start over", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  await bench.fleet.agents.remove(agent?.id ?? "");
  assert.equal((await peer.waitClosed()).code, 4001);
});

test("silence of three announced beats shows", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNative(t, bench);
  await peer.nextOf("register_response");
  await bench.pass(9500);
  assert.equal((await bench.fleet.agents.findByExternalId("node", "m-1"))?.status, "stale");
  assert.equal(peer.closed, undefined);
});
