import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import type { InputAnswer, InputCall } from "@muster/core/resources";
import { makeTempDir, onEnd, type Scope, waitUntil } from "@muster/testing";
import { startAgent } from "../../agent.ts";
import { loadAgentConfig } from "../../config.ts";
import { createLogger } from "../../log.ts";
import { FakeCore } from "./fake-core.ts";

const ID = "dkinput_bt6um9bksvvesmk79370";
const TEXT = '[[inputs.system]]\n  interval = "1s"\n';

async function start(scope: Scope, server: string, folder?: string): Promise<string> {
  const dataDir = folder ?? (await makeTempDir(scope));
  const flags = ["--reconnect-min", "100ms", "--reconnect-max", "200ms", "--log-level", "error"];
  const { config, mistakes } = await loadAgentConfig({
    argv: ["--server", server, "--token", "tkn_secret", "--id", "agent-1", "--data-dir", dataDir, ...flags],
    environment: {},
  });
  assert.deepEqual(mistakes, []);
  const log = createLogger({ level: "error", clock: systemClock, write: () => {} });
  const agent = await startAgent({ config, clock: systemClock, log, random: Math.random, environment: {} });
  onEnd(scope, () => agent.stop());
  return dataDir;
}

let serial = 0;
async function ask(core: FakeCore, call: InputCall): Promise<InputAnswer> {
  serial += 1;
  const callId = `call-${serial}`;
  core.send("call", { call_id: callId, call });
  return (await core.waitForFrame("call_result", (frame) => frame.data.call_id === callId)).data.answer;
}

test("an agent says that it has inputs, tells them after it has registered, and answers what it is asked", async (scope) => {
  const core = await FakeCore.start(scope);
  await start(scope, core.url);
  const register = await core.waitForFrame("node_register");
  assert.ok(register.data.muster?.capabilities.includes("inputs"));
  const first = await core.waitForFrame("inputs");
  assert.deepEqual([first.data.node_id, first.data.inventory.inputs], ["agent-1", []]);
  assert.ok(first.data.inventory.available.some(({ input }) => input === "system"));

  const answer = await ask(core, { method: "inputs.set", id: ID, input: "system", inputType: "datakit", toml: TEXT });
  assert.ok(answer.ok, JSON.stringify(answer));
  assert.deepEqual(answer.content.inventory?.inputs[0]?.status, "running");
  await core.waitForFrame("inputs", (frame) => frame.data.inventory.inputs[0]?.status === "running");
  const refused = await ask(core, { method: "inputs.enable", ids: [ID] });
  assert.equal(refused.ok ? "" : refused.failure.code, "datakit.inputAlreadyEnabled");
});

test("what is configured is told after every connection, and a file that comes by hand is told when it runs", async (scope) => {
  const folder = await makeTempDir(scope);
  mkdirSync(join(folder, "conf.d"));
  writeFileSync(join(folder, "conf.d/mine.conf"), TEXT);
  const core = await FakeCore.start(scope);
  await start(scope, core.url, folder);
  await core.waitForFrame("inputs", (frame) => frame.data.inventory.inputs[0]?.id === "mine.conf");
  const before = core.listFrames("inputs").length;
  core.sockets.at(-1)?.terminate();
  await core.waitForFrame("inputs", (frame) => core.listFrames("inputs").indexOf(frame) >= before);
  writeFileSync(join(folder, "conf.d/more.conf"), '[[inputs.mem]]\n  interval = "1s"\n');
  await core.waitForFrame("inputs", (frame) =>
    frame.data.inventory.inputs.some(
      ({ id, status, points }) => id === "more.conf" && status === "running" && points > 0,
    ),
  );
});

test("a core without inputs is told nothing of them", async (scope) => {
  const core = await FakeCore.start(scope, { welcome: () => ({ capabilities: ["command"] }) });
  await start(scope, core.url);
  await core.waitForFrame("heartbeat");
  core.send("heartbeat_ack", { received: true, node_id: "agent-1", metrics_saved: true, muster: { beat_ms: 100 } });
  await waitUntil("another heartbeat", () => core.listFrames("heartbeat").length > 1);
  assert.deepEqual(core.listFrames("inputs"), []);
});
