import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HOST_METRICS, systemClock } from "@muster/core";
import type { NodeFrame } from "@muster/protocols/node";
import { makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { type RunningAgent, startAgent } from "../../agent.ts";
import { loadAgentConfig } from "../../config.ts";
import { createLogger } from "../../log.ts";
import { FakeCore } from "./fake-core.ts";

interface TestAgent extends RunningAgent {
  readonly folder: string;
  readonly lines: string[];
}

async function start(scope: Scope, servers: readonly string[], options: { argv?: string[]; folder?: string } = {}) {
  const folder = options.folder ?? (await makeTempDir(scope));
  const argv = servers.flatMap((server) => ["--server", server]);
  const fast = ["--reconnect-min", "100ms", "--reconnect-max", "200ms"];
  const { config, mistakes } = await loadAgentConfig({
    argv: [
      ...argv,
      "--token",
      "tkn_secret",
      "--id",
      "agent-1",
      "--data-dir",
      folder,
      "--log-level",
      "debug",
      ...fast,
      ...(options.argv ?? []),
    ],
    environment: {},
  });
  assert.deepEqual(mistakes, []);
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    clock: systemClock,
    write: (line) => lines.push(line),
    secrets: ["tkn_secret"],
  });
  const agent = await startAgent({ config, clock: systemClock, log, random: () => 0.5, environment: process.env });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= agent.stop());
  scope.after(stop);
  return { id: agent.id, stop, folder, lines } satisfies TestAgent;
}

const command = (id: string, text: string, muster: object = {}) => ({
  command_id: id,
  command_text: text,
  timeout: 30,
  muster: {
    timeout_ms: 30_000,
    grace_ms: 200,
    output_limit_bytes: 1_048_576,
    expires_at: 60_000,
    sent_at: 0,
    ...muster,
  },
});

test("it brings its token in a header, registers, and beats with a reading at once", async (scope) => {
  const core = await FakeCore.start(scope);
  const agent = await start(scope, [core.url], { argv: ["--label", "role=web", "--name", "front"] });
  const beat = await core.waitForFrame("heartbeat");
  assert.equal(core.requests[0]?.url, "/api/v1/ws?node_id=agent-1");
  assert.equal(core.requests[0]?.headers.authorization, "Bearer tkn_secret");
  assert.equal(core.requests[0]?.headers["sec-websocket-extensions"], undefined);
  const [register] = core.listFrames("node_register");
  assert.equal(core.frames[0], register);
  assert.deepEqual(
    [register?.data.node_id, register?.data.muster?.labels, register?.data.muster?.name],
    ["agent-1", { role: "web" }, "front"],
  );
  assert.equal(beat.data.muster?.values.length, HOST_METRICS.length);
  assert.equal(beat.data.metrics, undefined);
  assert.doesNotMatch(agent.lines.join(""), /tkn_secret/);
});

test("beats carry the detail of the host while somebody looks at it: at once, and no longer than that", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  const first = await core.waitForFrame("heartbeat");
  assert.equal(first.data.muster?.detail, undefined);
  core.send("watch", { detail: true });
  const watched = await core.waitForFrame("heartbeat", (beat) => beat.data.muster?.detail !== undefined);
  assert.ok((watched.data.muster?.detail?.cores.length ?? 0) > 0);
  core.send("watch", { detail: false });
  const index = core.listFrames("heartbeat").length;
  core.send("heartbeat_ack", { received: true, node_id: "agent-1", metrics_saved: true, muster: { beat_ms: 100 } });
  await core.waitForFrame("heartbeat", (beat) => core.listFrames("heartbeat").indexOf(beat) > index);
  assert.equal(core.listFrames("heartbeat").at(-1)?.data.muster?.detail, undefined);
});

test("an original core gets the seed's frames and nothing else: numbers, complete envelopes, no extension", async (scope) => {
  const core = await FakeCore.start(scope, { welcome: () => null });
  await start(scope, [core.url]);
  const beat = await core.waitForFrame("heartbeat");
  assert.deepEqual(Object.keys(beat).sort(), ["data", "id", "timestamp", "type"]);
  assert.deepEqual(Object.keys(beat.data).sort(), ["metrics", "node_id", "status"]);
  for (const [name, value] of Object.entries(beat.data.metrics ?? {})) {
    assert.ok(value === null || typeof value === "number", name);
  }
  core.send(
    "execute_command",
    { command_id: "c1", command_text: "echo out; echo err >&2; exit 4", timeout: 30 },
    "envelope-1",
  );
  const result = await core.waitForFrame("command_result");
  assert.deepEqual(
    core.listFrames("command_started").map((frame) => [frame.id, frame.data]),
    [["envelope-1", { command_id: "c1" }]],
  );
  assert.notEqual(result.id, "envelope-1");
  const { execution_time_ms, ...rest } = result.data;
  assert.deepEqual(rest, { command_id: "c1", exit_code: 4, stdout: "out\n", stderr: "err\n" });
  assert.ok(Number.isInteger(execution_time_ms));
  assert.deepEqual([...new Set(core.frames.map((frame) => frame.type))].sort(), [
    "command_result",
    "command_started",
    "heartbeat",
    "node_register",
  ]);
});

test("a command's output is streamed before its result, numbered, while it runs", async (scope) => {
  const core = await FakeCore.start(scope);
  const agent = await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  const gate = join(agent.folder, "gate");
  core.send("execute_command", command("c1", `echo first; while [ ! -e ${gate} ]; do sleep 0.02; done; echo second`));
  const first = await core.waitForFrame("command_output");
  assert.equal(first.data.chunks[0]?.text, "first\n");
  assert.equal(core.listFrames("command_result").length, 0);
  await writeFile(gate, "");
  const result = await core.waitForFrame("command_result");
  const chunks = core.listFrames("command_output").flatMap((frame) => frame.data.chunks);
  assert.deepEqual(
    chunks.map((chunk) => [chunk.seq, chunk.text]),
    [
      [0, "first\n"],
      [1, "second\n"],
    ],
  );
  assert.deepEqual([result.data.muster?.state, result.data.muster?.last_seq, result.data.stdout], ["succeeded", 1, ""]);
});

test("results that one server cannot store twice in a row are taken to the next, and no run starts again", async (scope) => {
  const refuseResults = (frame: NodeFrame, socket: { send(text: string): void }) => {
    if (frame.type !== "command_result") return;
    const data = { error_code: "DATABASE_ERROR", message: "", details: "" };
    socket.send(JSON.stringify({ type: "error", id: frame.id, timestamp: new Date().toISOString(), data }));
    return true;
  };
  const cutOff = await FakeCore.start(scope, { onFrame: refuseResults });
  const healthy = await FakeCore.start(scope);
  const agent = await start(scope, [cutOff.url, healthy.url]);
  await cutOff.waitForFrame("heartbeat");
  const witness = join(agent.folder, "witness");
  for (const id of ["c1", "c2"]) cutOff.send("execute_command", command(id, `echo ${id} >> ${witness}`));
  for (const id of ["c1", "c2"]) await healthy.waitForFrame("command_result", (frame) => frame.data.command_id === id);
  const told = healthy.listFrames("node_register")[0]?.data.muster?.runs?.map((run) => [run.command_id, run.state]);
  assert.deepEqual(told?.sort(), [
    ["c1", "finished"],
    ["c2", "finished"],
  ]);
  assert.deepEqual((await readFile(witness, "utf8")).trim().split("\n").sort(), ["c1", "c2"]);
  assert.equal(cutOff.requests.length, 1);
});

test("a server that restarted is found again, told what ran meanwhile, and gets output from where it was", async (scope) => {
  const core = await FakeCore.start(scope, { onFrame: (frame) => frame.type === "command_output" || undefined });
  const agent = await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  const gate = join(agent.folder, "gate");
  core.send("execute_command", command("c1", `echo first; while [ ! -e ${gate} ]; do sleep 0.02; done; echo second`));
  await core.waitForFrame("command_output");
  const { port } = core;
  await core.stop();
  await writeFile(gate, "");
  // it ends while nobody is there
  const journal = join(agent.folder, "agent", "journal.jsonl");
  await waitUntil("its end is journaled", async () => (await readFile(journal, "utf8")).includes('"finished"'));
  const again = await FakeCore.start(scope, { port, welcome: () => ({ output_through: { c1: 0 } }) });
  const register = await again.waitForFrame("node_register");
  assert.deepEqual(register.data.muster?.runs, [{ command_id: "c1", state: "finished", seq: 1 }]);
  assert.equal(again.frames[0], register, "it registers first");
  const result = await again.waitForFrame("command_result");
  assert.equal(result.data.exit_code, 0);
  const chunks = again.listFrames("command_output").flatMap((frame) => frame.data.chunks);
  assert.deepEqual(
    chunks.map((chunk) => chunk.seq),
    [1],
  );
});

test("what the server cancelled or forgot meanwhile is stopped or dropped when it is back", async (scope) => {
  const core = await FakeCore.start(scope);
  const agent = await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  core.send("execute_command", command("cancelled", "sleep 60"));
  await core.waitForFrame("command_started");
  core.send("execute_command", command("forgotten", "true"));
  const { port } = core;
  await core.waitForFrame("command_started", (frame) => frame.data.command_id === "forgotten");
  await core.stop();
  const again = await FakeCore.start(scope, {
    port,
    welcome: () => ({ cancel: ["cancelled"], forget: ["forgotten"] }),
  });
  const result = await again.waitForFrame("command_result");
  assert.deepEqual([result.data.command_id, result.data.muster?.state], ["cancelled", "cancelled"]);
  await agent.stop();
  assert.equal(again.listFrames("command_result").length, 1);
});

test("a cancel stops a running command", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  core.send("execute_command", command("c1", "sleep 60"));
  await core.waitForFrame("command_started");
  core.send("cancel_command", { command_id: "c1", grace_ms: 500 });
  const result = await core.waitForFrame("command_result");
  assert.equal(result.data.muster?.state, "cancelled");
});

test("HTTP 200 on upgrade means that the core wants the token in the URL; refused again, it is retried slowly", async (scope) => {
  const picky = await FakeCore.start(scope, {
    welcome: () => null,
    refuse: (request) =>
      request.url?.includes("token=tkn_secret") ? undefined : { status: 200, body: "Token required" },
  });
  const agent = await start(scope, [picky.url]);
  await picky.waitForFrame("heartbeat");
  assert.equal(picky.requests.length, 2);
  assert.equal(picky.requests[1]?.headers.authorization, undefined);
  assert.doesNotMatch(agent.lines.join(""), /tkn_secret/);

  const never = await FakeCore.start(scope, { refuse: () => ({ status: 200, body: "Invalid token" }) });
  const other = await start(scope, [never.url]);
  await waitUntil("the refusal is logged", () => other.lines.some((line) => line.includes("token was refused")));
  assert.match(other.lines.join(""), /"after":"unauthorized"/);
});

test("401 is logged in so many words and retried slowly, without the token in the URL", async (scope) => {
  const core = await FakeCore.start(scope, {
    refuse: () => ({ status: 401, body: '{"data":{"error_code":"INVALID_TOKEN"}}' }),
  });
  const agent = await start(scope, [core.url]);
  await waitUntil("the refusal is logged", () => agent.lines.find((line) => line.includes("token was refused")));
  assert.match(agent.lines.join(""), /"waitMs":200,"after":"unauthorized"/);
  assert.ok(core.requests.every((request) => !request.url?.includes("token")));
});

test("503 and silence make way for the next server, and Retry-After is obeyed", async (scope) => {
  const busy = await FakeCore.start(scope, {
    refuse: () => ({ status: 503, body: "", headers: "Retry-After: 1\r\n" }),
  });
  const good = await FakeCore.start(scope);
  const agent = await start(scope, [busy.url, "http://127.0.0.1:1", good.url]);
  await good.waitForFrame("heartbeat");
  assert.match(agent.lines.join(""), /"waitMs":1500,"after":"unreachable"/);
  assert.equal(busy.requests.length, 1);
});

test("an agent that came too early comes back when it was told, not before and not much later", async (scope) => {
  const asked: number[] = [];
  const core = await FakeCore.start(scope, {
    refuse: () => {
      asked.push(performance.now());
      return asked.length > 1 ? undefined : { status: 503, body: "", headers: "Retry-After: 1\r\n" };
    },
  });
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  assert.equal(asked.length, 2);
  const waited = Number(asked[1]) - Number(asked[0]);
  assert.ok(waited >= 1000 && waited < 4000, `${waited} ms`);
});

test("a connection that breaks without a Close frame is made anew", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  core.sockets[0]?.terminate();
  await waitUntil("a second registration", () => core.listFrames("node_register").length === 2);
});

test("a drain is obeyed: it leaves and comes back after the time it was told", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  const since = performance.now();
  core.send("reconnect", { after_ms: 400, reason: "restart" });
  await waitUntil("a second registration", () => core.listFrames("node_register").length === 2);
  assert.ok(performance.now() - since >= 390);
});

test("rubbish, unknown frames, errors and binary do not end the connection", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  for (const text of [
    "",
    "not json",
    "[]",
    "null",
    '{"type":1}',
    '{"type":"later_version","id":"1","timestamp":"","data":{}}',
  ])
    core.sendText(text);
  core.send("execute_command", { command_id: 5 });
  core.send("error", { error_code: "UNKNOWN_MESSAGE_TYPE", message: "m", details: "d" });
  core.send("error", { error_code: "PARSE_ERROR", message: "m", details: "d" });
  core.sockets[0]?.send(Buffer.from([1, 2, 3]));
  core.sockets[0]?.ping();
  core.send("execute_command", command("c1", "echo alive"));
  await core.waitForFrame("command_result");
  assert.equal(core.sockets.length, 1);
});

test("NODE_NOT_FOUND is answered by registering on the same connection", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, [core.url]);
  await core.waitForFrame("heartbeat");
  core.send("error", { error_code: "NODE_NOT_FOUND", message: "m", details: "d" });
  await waitUntil("a second registration", () => core.listFrames("node_register").length === 2);
  assert.equal(core.sockets.length, 1);
});

test("a policy without metrics leaves beats without a reading, and a command is rejected with the reason", async (scope) => {
  const folder = await makeTempDir(scope);
  await writeFile(join(folder, "policy.yaml"), "allow: [config]\n");
  const core = await FakeCore.start(scope);
  await start(scope, [core.url], { folder });
  const beat = await core.waitForFrame("heartbeat");
  assert.deepEqual(Object.keys(beat.data).sort(), ["node_id", "status"]);
  core.send("execute_command", command("c1", "true"));
  const result = await core.waitForFrame("command_result");
  assert.equal(result.data.muster?.state, "rejected");
  assert.match(result.data.muster?.reason ?? "", /does not allow exec/);
  assert.equal(core.listFrames("command_started").length, 0);
});

test("samples kept while the server was away are sent first, and beats say so until then", async (scope) => {
  const folder = await makeTempDir(scope);
  const core = await FakeCore.start(scope, { welcome: () => ({ beat_ms: 500 }) });
  const agent = await start(scope, [core.url], { folder });
  await core.waitForFrame("heartbeat");
  await agent.stop(); // what was being averaged is kept
  const again = await FakeCore.start(scope, { welcome: () => ({ beat_ms: 500 }) });
  await start(scope, [again.url], { folder });
  const samples = await again.waitForFrame("samples");
  assert.equal(samples.data.rows[0]?.length, HOST_METRICS.length + 1);
  const first = await again.waitForFrame("heartbeat");
  assert.equal(first.data.muster?.backlog, true);
  await again.waitForFrame("heartbeat", (frame) => frame.data.muster?.backlog === undefined);
});
