import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type LaunchedProcess, launchProcess, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { listTree } from "./commands/process-tree.ts";
import { FakeCore } from "./links/node/fake-core.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** A real agent in a process of its own. */
function launchAgent(scope: Scope, server: string, folder: string): LaunchedProcess {
  const flags = [
    "--server",
    server,
    "--data-dir",
    folder,
    "--id",
    "agent-1",
    "--reconnect-min",
    "100ms",
    "--reconnect-max",
    "200ms",
  ];
  return launchProcess(scope, {
    args: [MAIN, ...flags],
    env: { MUSTER_TOKEN: "tkn_secret" },
  });
}

const command = (id: string, text: string) => ({
  command_id: id,
  command_text: text,
  timeout: 30,
  muster: { timeout_ms: 30_000, grace_ms: 200, output_limit_bytes: 65_536, expires_at: 60_000, sent_at: 0 },
});

test("kill -9 while a command runs: its processes are ended, it is told as unknown with its output, and never started again", {
  skip: process.platform !== "linux",
}, async (scope) => {
  const folder = await makeTempDir(scope);
  const core = await FakeCore.start(scope, { onFrame: (frame) => frame.type === "command_output" || undefined });
  const first = launchAgent(scope, core.url, folder);
  await core.waitForFrame("heartbeat");
  const file = join(folder, "count");
  const text = `echo x >> ${file}; echo before; sleep 60 & (setsid sleep 60 &); sleep 60`;
  core.send("execute_command", command("crash-run", text));
  await core.waitForFrame("command_output");
  await first.stop("SIGKILL");
  assert.ok(listTree({ runId: "crash-run" }).length >= 2, "the command outlives a killed agent");
  await core.stop();

  const again = await FakeCore.start(scope);
  launchAgent(scope, again.url, folder);
  const register = await again.waitForFrame("node_register");
  assert.equal(register.data.muster?.runs.length, 1);
  assert.equal(register.data.muster?.runs[0]?.seq, 0);
  again.send("execute_command", command("crash-run", text)); // a server that never heard of the start sends it again
  const result = await again.waitForFrame("command_result");
  assert.equal(result.data.muster?.state, "unknown");
  assert.match(
    result.data.muster?.reason ?? "",
    /agent restarted while it ran; its \d+ remaining processes were ended/,
  );
  assert.equal(again.listFrames("command_output")[0]?.data.chunks[0]?.text, "before\n");
  assert.equal(listTree({ runId: "crash-run" }).length, 0);
  assert.equal(await readFile(file, "utf8"), "x\n");
});

test("kill -9 at any moment of many commands: each is started at most once and told exactly one end", {
  skip: process.platform !== "linux",
  timeout: 60_000,
}, async (scope) => {
  const folder = await makeTempDir(scope);
  const ends = new Map<string, Set<string>>();
  const core = await FakeCore.start(scope, {
    onFrame(frame) {
      if (frame.type !== "command_result") return undefined;
      const states = ends.get(frame.data.command_id) ?? new Set();
      ends.set(frame.data.command_id, states.add(frame.data.muster?.state ?? "none"));
      return undefined;
    },
  });
  const listStarted = () => {
    const path = join(folder, "started");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };
  const ids = Array.from({ length: 24 }, (_, index) => `run-${index}`);
  for (const moment of ["at once", "after an end", "after a start", "after an end"]) {
    const before = ends.size;
    const startedBefore = listStarted().length;
    const registered = core.listFrames("node_register").length;
    const agent = launchAgent(scope, core.url, folder);
    const isBack = () => core.listFrames("node_register").length > registered;
    await waitUntil("a registration", isBack, { timeoutMs: 20_000, explain: () => agent.describe() });
    // as a server does: everything without an end is sent again
    for (const id of ids)
      if (!ends.has(id)) core.send("execute_command", command(id, `echo ${id} >> ${folder}/started; sleep 0.05`));
    if (moment === "after a start") await waitUntil("a start", () => listStarted().length > startedBefore);
    else if (moment === "after an end")
      await waitUntil("an end", () => ends.size > Math.min(before + 8, ids.length - 1), { timeoutMs: 20_000 });
    await agent.stop("SIGKILL");
  }
  launchAgent(scope, core.url, folder);
  await waitUntil("an end of every command", () => ends.size === ids.length, {
    timeoutMs: 30_000,
    explain: () => [...ends].map(([id, states]) => `${id}: ${[...states]}`).join("\n"),
  });
  const started = listStarted();
  const told = [...ends.values()].map((states) => [...states].join());
  assert.ok(told.includes("unknown") && told.includes("succeeded"), `the kills hit some and missed some: ${told}`);
  assert.equal(new Set(started).size, started.length, "nothing was started twice");
  for (const [id, states] of ends) {
    assert.equal(states.size, 1, `${id}: ${[...states]}`);
    if (states.has("succeeded")) assert.ok(started.includes(id), `${id} was told as succeeded and never ran`);
  }
});

test("SIGTERM stops in order with exit code 0, and a second agent in the same folder is refused with 1", async (scope) => {
  const folder = await makeTempDir(scope);
  const core = await FakeCore.start(scope);
  const agent = launchAgent(scope, core.url, folder);
  await core.waitForFrame("heartbeat");
  const second = launchAgent(scope, core.url, folder);
  assert.deepEqual(await second.exited, { code: 1, signal: null });
  assert.match(second.stderr, /another agent is using the data folder/);
  core.send("execute_command", command("c1", "echo hello; sleep 60"));
  await core.waitForFrame("command_output");
  assert.deepEqual(await agent.stop("SIGTERM"), { code: 0, signal: null });
  const result = await core.waitForFrame("command_result");
  assert.match(result.data.muster?.reason ?? "", /agent was stopped while it ran/);
  assert.doesNotMatch(agent.output, /tkn_secret/);
});

test("an agent without a server stays, waits and says so", async (scope) => {
  const folder = await makeTempDir(scope);
  const agent = launchAgent(scope, "http://127.0.0.1:1", folder);
  await agent.waitForOutput(/server was not reached/);
  assert.equal(agent.exit, undefined);
  assert.deepEqual(await agent.stop("SIGTERM"), { code: 0, signal: null });
});
