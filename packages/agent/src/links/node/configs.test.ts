import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import type { WireConfig, WireHeldConfig } from "@muster/protocols/node";
import { makeTempDir, onEnd, type Scope, waitUntil } from "@muster/testing";
import { startAgent } from "../../agent.ts";
import { loadAgentConfig } from "../../config.ts";
import { writeHook } from "../../configs/configs-for-test.ts";
import { digestOf } from "../../configs/places.ts";
import { createLogger } from "../../log.ts";
import { FakeCore } from "./fake-core.ts";

async function start(scope: Scope, server: string, { folder, flags = [] }: { folder?: string; flags?: string[] } = {}) {
  const dataDir = folder ?? (await makeTempDir(scope));
  const usual = ["--reconnect-min", "100ms", "--reconnect-max", "200ms", "--log-level", "error"];
  const { config, mistakes } = await loadAgentConfig({
    argv: ["--server", server, "--token", "tkn_secret", "--id", "agent-1", "--data-dir", dataDir, ...usual, ...flags],
    environment: {},
  });
  assert.deepEqual(mistakes, []);
  const log = createLogger({ level: "error", clock: systemClock, write: () => {} });
  const environment = { PATH: "/usr/bin:/bin" };
  const agent = await startAgent({ config, clock: systemClock, log, random: Math.random, environment });
  onEnd(scope, () => agent.stop());
  return dataDir;
}

const wanted = (name: string, revision: number, text: string, more: Partial<WireConfig> = {}): WireConfig => ({
  ...{ name, kind: "file", format: "text", revision, digest: digestOf(text), text },
  ...more,
});

const withoutText = ({ text: _text, ...config }: WireConfig): WireConfig => config;

const waitForHeld = (core: FakeCore, accept: (held: readonly WireHeldConfig[]) => boolean, from = 0) =>
  core.waitForFrame("config_report", (frame) => {
    const isNew = core.listFrames("config_report").indexOf(frame) >= from;
    return isNew && accept(frame.data.held);
  });

test("an agent says what it has after it has registered, follows what it is told, and says what became of it", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, '! grep -q bad "$2" || { echo "line 1 is bad"; exit 1; }');
  const core = await FakeCore.start(t);
  await start(t, core.url, { folder, flags: ["--config-hook", hook.program] });
  const register = await core.waitForFrame("node_register");
  for (const word of ["configs", "verdict"] as const) assert.ok(register.data.muster?.capabilities.includes(word));
  assert.deepEqual((await core.waitForFrame("config_report")).data, { node_id: "agent-1", held: [] });

  core.send("configs", {
    configs: [wanted("a", 1, "good"), wanted("b", 4, "other"), wanted("p", 1, "{}", { kind: "pipeline" })],
  });
  await waitForHeld(core, (held) => held.length === 2 && held.every(({ status }) => status === "applied"));
  assert.equal(readFileSync(join(folder, "configs/a"), "utf8"), "good");
  assert.equal(existsSync(join(folder, "pipelines")), false, "other kinds are not this protocol's");

  core.send("configs", { configs: [wanted("a", 2, "bad"), withoutText(wanted("b", 5, "other"))] });
  const report = await waitForHeld(core, (held) => held.some(({ status }) => status === "failed"));
  const [a] = report.data.held;
  assert.deepEqual([a?.revision, a?.given, a?.digest], [2, digestOf("good"), digestOf("good")]);
  assert.match(a?.error ?? "", /line 1 is bad/);
  assert.equal(readFileSync(join(folder, "configs/a"), "utf8"), "good");
  await waitForHeld(core, (held) => held.some(({ name, revision }) => name === "b" && revision === 5));

  core.send("configs", { configs: [withoutText(wanted("c", 1, "later"))] });
  await waitForHeld(core, (held) => held.length === 0, core.listFrames("config_report").length);
  assert.equal(existsSync(join(folder, "configs/c")), false, "a text that is not sent is waited for");
});

test("what was given is told after every connection; what was removed by hand is not", async (t) => {
  const folder = await makeTempDir(t);
  const core = await FakeCore.start(t);
  await start(t, core.url, { folder });
  await core.waitForFrame("config_report");
  core.send("configs", { configs: [wanted("a", 1, "one"), wanted("b", 1, "two")] });
  await waitForHeld(core, (held) => held.length === 2);
  rmSync(join(folder, "configs/b"));
  const before = core.listFrames("config_report").length;
  core.sockets.at(-1)?.terminate();
  const { data } = await waitForHeld(core, () => true, before);
  assert.deepEqual(
    data.held.map(({ name, revision }) => [name, revision]),
    [["a", 1]],
  );
});

test("a text that comes again while its hook still runs is tried once", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, 'echo "$1" >> "$0.calls"; while [ ! -e "$0.go" ]; do sleep 0.05; done; exit 1');
  const core = await FakeCore.start(t);
  await start(t, core.url, { folder, flags: ["--config-hook", hook.program] });
  await core.waitForFrame("config_report");
  core.send("configs", { configs: [wanted("a", 1, "one")] });
  await waitForHeld(core, ([a]) => a?.status === "applying");
  core.send("configs", { configs: [wanted("a", 1, "one"), wanted("b", 1, "two")] });
  await waitUntil("the hook began", () => existsSync(`${hook.program}.calls`));
  writeFileSync(`${hook.program}.go`, "");
  await waitForHeld(core, (held) => held.length === 2 && held.every(({ status }) => status === "failed"));
  assert.equal(readFileSync(`${hook.program}.calls`, "utf8"), "a\nb\n");
});

test("a core without configs is told nothing of them", async (t) => {
  const core = await FakeCore.start(t, { welcome: () => ({ capabilities: ["command"] }) });
  await start(t, core.url);
  await core.waitForFrame("heartbeat");
  await core.waitForFrame("heartbeat", (frame) => core.listFrames("heartbeat").indexOf(frame) >= 1);
  assert.deepEqual(core.listFrames("config_report"), []);
});
