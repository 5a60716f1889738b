import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandSpec } from "@muster/core/resources";
import { OriginalNode, waitUntil } from "@muster/testing";
import { NodeBench, type Peer } from "./test-bench.ts";

// B11.13 of the protocol's test list, with a peer that is not ours

async function order(bench: NodeBench, nodeId: string, more: Partial<CommandSpec> = {}): Promise<string> {
  const agent = await bench.fleet.agents.findByExternalId("node", nodeId);
  const spec: CommandSpec = {
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
  };
  const { command } = await bench.fleet.commands.create(spec, { actor: "test" });
  const runs = await bench.fleet.commands.listRuns(command.id, {});
  return runs.items[0]?.id ?? "";
}

async function connectNode(t: Parameters<NodeBench["connect"]>[0], bench: NodeBench, nodeId: string): Promise<Peer> {
  const peer = await bench.connect(t, { node_id: nodeId });
  peer.register(nodeId);
  await peer.nextOf("register_response");
  return peer;
}

async function finish(peer: Peer, runId: string, result: object, id = "result-1"): Promise<void> {
  peer.send("command_result", { command_id: runId, stdout: "", stderr: "", execution_time_ms: 125, ...result }, id);
  assert.equal((await peer.nextOf("command_received")).id, id);
}

async function readOutput(bench: NodeBench, runId: string) {
  const { chunks } = await bench.fleet.commands.readOutput(runId, -1, 1000);
  const of = (stream: string) =>
    chunks
      .filter((chunk) => chunk.stream === stream)
      .map((chunk) => chunk.text)
      .join("");
  return { stdout: of("stdout"), stderr: of("stderr"), chunks };
}

test("a command goes out in the seed's shape, and its result is stored", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const runId = await order(bench, "n", { text: "ls -la /home", timeoutMs: 30_000 });
  const execute = await peer.nextOf("execute_command");
  assert.deepEqual(execute.data, { command_id: runId, command_text: "ls -la /home", timeout: 30 });
  peer.send("command_started", { command_id: runId }, execute.id);
  await peer.sync();
  await waitUntil("the run has started", async () => (await bench.fleet.commands.getRun(runId)).status === "started");
  await finish(peer, runId, { exit_code: 0, stdout: "total 24\n" });
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.exitCode, run.executionMs], ["succeeded", 0, 125]);
  assert.equal((await readOutput(bench, runId)).stdout, "total 24\n");
});

test("an exit code other than 0 is a failure, and standard error is kept apart", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const runId = await order(bench, "n");
  await finish(peer, runId, { exit_code: 3, stderr: "no such file\n" });
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.exitCode], ["failed", 3]);
  const output = await readOutput(bench, runId);
  assert.deepEqual([output.stdout, output.stderr], ["", "no such file\n"]);
});

test("124 after the whole time is a timeout, 124 at once is the command's own exit code", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const slow = await order(bench, "n", { timeoutMs: 2000 });
  await peer.nextOf("execute_command");
  await finish(peer, slow, { exit_code: 124, execution_time_ms: 2003 });
  assert.equal((await bench.fleet.commands.getRun(slow)).status, "timed_out");
  const quick = await order(bench, "n", { timeoutMs: 2000 });
  await peer.nextOf("execute_command");
  await finish(peer, quick, { exit_code: 124, execution_time_ms: 5 }, "result-2");
  assert.equal((await bench.fleet.commands.getRun(quick)).status, "failed");
});

test("huge output is kept within its limit and says what is missing", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const runId = await order(bench, "n");
  await finish(peer, runId, { exit_code: 0, stdout: "y\n".repeat(2_000_000) });
  const run = await bench.fleet.commands.getRun(runId);
  assert.equal(run.status, "succeeded");
  assert.ok(run.cutBytes > 0, "it says how much was cut");
  assert.ok((await readOutput(bench, runId)).stdout.length <= 1024 * 1024 + 1000);
});

test("arguments become words of a shell for an agent that only knows texts", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  await order(bench, "n", { text: undefined, argv: ["echo", "it's", "a b", "$HOME", "", "plain-1.0"] });
  const { data } = await peer.nextOf("execute_command");
  assert.equal(data.command_text, `echo 'it'\\''s' 'a b' '$HOME' '' plain-1.0`);
});

test("what the seed's protocol cannot carry is rejected with the reason, and nothing is sent", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  for (const more of [{ user: "deploy" }, { cwd: "/tmp" }, { env: { A: "1" } }]) {
    const runId = await order(bench, "n", more);
    const run = await waitUntil("the run has ended", async () => {
      const found = await bench.fleet.commands.getRun(runId);
      return found.finishedAt === null ? undefined : found;
    });
    assert.equal(run.status, "rejected");
    assert.match(run.reason ?? "", /this agent cannot/);
  }
  await peer.sync();
  assert.ok(!peer.frames.some((frame) => frame.type === "execute_command"));
});

test("commands behind many that are rejected are still sent", async (t) => {
  const bench = await NodeBench.open(t);
  await (await connectNode(t, bench, "n")).close();
  for (let count = 0; count < 20; count++) await order(bench, "n", { user: "deploy" });
  const runId = await order(bench, "n");
  const peer = await connectNode(t, bench, "n");
  assert.equal((await peer.nextOf("execute_command")).data.command_id, runId);
});

test("a command for a node that is away is delivered when it connects, even when it only beats", async (t) => {
  const bench = await NodeBench.open(t);
  await (await connectNode(t, bench, "n")).close();
  const runId = await order(bench, "n");
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("heartbeat", {});
  assert.equal((await peer.nextOf("execute_command")).data.command_id, runId);
});

test("a connection that is lost after the command was written ends it as unknown, and a late result corrects that", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const runId = await order(bench, "n");
  await peer.nextOf("execute_command");
  await peer.close();
  await waitUntil("the run is unknown", async () => (await bench.fleet.commands.getRun(runId)).status === "unknown");
  const again = await connectNode(t, bench, "n");
  await again.sync();
  assert.ok(!again.frames.some((frame) => frame.type === "execute_command"), "it is written once");
  await finish(again, runId, { exit_code: 0, stdout: "late" });
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.late], ["succeeded", true]);
});

test("a connection that is lost while a command runs leaves it running until its deadline; its result is still welcome", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const [kept, given] = [
    await order(bench, "n", { timeoutMs: 60_000 }),
    await order(bench, "n", { timeoutMs: 10_000 }),
  ];
  for (const runId of [kept, given]) peer.send("command_started", { command_id: runId });
  await peer.sync();
  await peer.close();
  await bench.pass(1000);
  for (const runId of [kept, given]) assert.equal((await bench.fleet.commands.getRun(runId)).status, "started");
  await bench.pass(20_000);
  assert.equal((await bench.fleet.commands.getRun(given)).status, "timed_out");
  const again = await connectNode(t, bench, "n");
  await finish(again, kept, { exit_code: 0 });
  const run = await bench.fleet.commands.getRun(kept);
  assert.deepEqual([run.status, run.late], ["succeeded", false]);
});

test("of two results for a command the first counts, and both are acknowledged", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const runId = await order(bench, "n");
  await finish(peer, runId, { exit_code: 0, stdout: "first" }, "r1");
  await finish(peer, runId, { exit_code: 1, stdout: "second" }, "r2");
  const run = await bench.fleet.commands.getRun(runId);
  assert.deepEqual([run.status, run.exitCode], ["succeeded", 0]);
  assert.equal((await readOutput(bench, runId)).stdout, "first");
});

test("a result from a node that the command was not sent to is acknowledged and ignored", async (t) => {
  const bench = await NodeBench.open(t);
  const target = await connectNode(t, bench, "n");
  const stranger = await connectNode(t, bench, "stranger");
  const runId = await order(bench, "n");
  await target.nextOf("execute_command");
  await finish(stranger, runId, { exit_code: 0, stdout: "forged" });
  assert.equal((await bench.fleet.commands.getRun(runId)).status, "delivered");
  await finish(target, runId, { exit_code: 7 });
  assert.equal((await bench.fleet.commands.getRun(runId)).exitCode, 7);
});

test("two commands at once are told apart by their ids", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await connectNode(t, bench, "n");
  const first = await order(bench, "n");
  const second = await order(bench, "n");
  const sent = [await peer.nextOf("execute_command"), await peer.nextOf("execute_command")];
  assert.deepEqual(sent.map((frame) => frame.data.command_id).sort(), [first, second].sort());
  await finish(peer, second, { exit_code: 2 }, "r2");
  await finish(peer, first, { exit_code: 1 }, "r1");
  assert.equal((await bench.fleet.commands.getRun(first)).exitCode, 1);
  assert.equal((await bench.fleet.commands.getRun(second)).exitCode, 2);
});

test("of two sockets with one id the newest gets the work", async (t) => {
  const bench = await NodeBench.open(t);
  const old = await connectNode(t, bench, "n");
  const young = await connectNode(t, bench, "n");
  const runId = await order(bench, "n");
  assert.equal((await young.nextOf("execute_command")).data.command_id, runId);
  await old.sync();
  assert.ok(!old.frames.some((frame) => frame.type === "execute_command"));
});

test("an original agent never answers: its command times out, and the agent stays online", async (t) => {
  const bench = await NodeBench.open(t);
  const node = await OriginalNode.start({
    coreUrl: bench.wsUrl,
    token: bench.token,
    nodeId: "orig",
    clock: bench.clock,
  });
  t.after(() => node.stop());
  await waitUntil("it is known", () => bench.fleet.agents.findByExternalId("node", "orig"));
  const runId = await order(bench, "orig", { timeoutMs: 30_000 });
  for (let tick = 0; tick < 8; tick++) {
    await bench.pass(10_000);
    await waitUntil("its beat", () => node.beats > tick);
  }
  const run = await bench.fleet.commands.getRun(runId);
  assert.equal(run.status, "timed_out");
  assert.equal((await bench.fleet.agents.findByExternalId("node", "orig"))?.status, "online");
  assert.equal(node.isDead, false);
});
