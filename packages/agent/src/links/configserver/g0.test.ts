import assert from "node:assert/strict";
import { test } from "node:test";
import { G0, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { writeHook } from "../../configs/configs-for-test.ts";
import { FakeConfigServer } from "./fake-configserver.ts";
import { startLink } from "./link-for-test.ts";

const [SAME, NEW, DELETED, MODIFIED] = [0, 1, 2, 3];
const ok = { message: { code: "Accept" } };

async function startServer(scope: Scope, updates: () => unknown[]): Promise<FakeConfigServer> {
  const server = await FakeConfigServer.start(scope, G0);
  server.answers.HeartBeat = () => ok;
  server.answers.RunningStatistics = () => ok;
  server.answers.Alarm = () => ok;
  server.answers.GetConfigList = () => ({ message: { code: "Accept", config_update_infos: updates() } });
  return server;
}

const update = (config_name: string, update_status: number | undefined, config_version = 0, content = "") => ({
  ...{ config_name, update_status, config_version, content },
});

test("it says who it is, and follows new, modified, same and deleted configs", async (t) => {
  let updates = [update("a", NEW, 0, "inputs: []"), update("b", NEW, 3, '{"inputs":[]}')];
  const server = await startServer(t, () => updates);
  const agent = await startLink(t, { generation: "g0", servers: [server.url], link: { token: "tkn_x" } });
  const beat = await server.waitFor("HeartBeat");
  assert.deepEqual(
    [beat.agent_id, beat.agent_type, beat.tags, beat.running_status],
    ["agent-1", "Muster", { role: "web", region: "eu" }, "running"],
  );
  assert.equal(server.requests[0]?.authorization, "Bearer tkn_x");
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 0 && held.b === 3);
  assert.deepEqual(agent.files(), { "a.yaml": "inputs: []", "b.json": '{"inputs":[]}' });
  const statistics = await server.waitFor("RunningStatistics");
  assert.ok(statistics.running_details.memory > 1_000_000);

  updates = [update("a", SAME), update("b", MODIFIED, 4, "{}")];
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 0 && held.b === 4);
  updates = [update("a", DELETED), update("b", SAME)];
  await server.waitFor("GetConfigList", ({ config_versions: held }) => !("a" in held) && held.b === 4);
  assert.deepEqual(agent.files(), { "b.json": "{}" });
});

test("versions outlive a restart, and what another protocol gave is told as older than everything", async (t) => {
  const folder = await makeTempDir(t);
  const server = await startServer(t, () => [update("a", NEW, 5, "one: 1")]);
  const first = await startLink(t, { generation: "g0", servers: [server.url], folder });
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 5);
  await first.stop();
  const asked = server.list("GetConfigList").length;
  const second = await startLink(t, { generation: "g0", servers: [server.url], folder });
  const again = await server.waitFor("GetConfigList", () => true, asked);
  assert.deepEqual(again.config_versions, { a: 5 });
  await second.stop();
  const other = await FakeConfigServer.start(t, G0);
  other.answers.HeartBeat = () => ok;
  other.answers.RunningStatistics = () => ok;
  other.answers.GetConfigList = () => ok;
  const configs = { origin: "native" };
  await startLink(t, { generation: "g0", servers: [other.url], folder, configs });
  assert.deepEqual((await other.waitFor("GetConfigList")).config_versions, { a: -1 });
});

test("nothing is written for what came without a text, goes back, escapes, or comes twice", async (t) => {
  let updates = [update("a", NEW, 5, "good: 1")];
  const server = await startServer(t, () => updates);
  const agent = await startLink(t, { generation: "g0", servers: [server.url] });
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 5);
  updates = [
    update("a", MODIFIED, 4, "older: 1"),
    update("a", MODIFIED, 9, "second of a name"),
    update("b", NEW, 1, ""),
    update("c", NEW, -1, "negative: 1"),
    update("../escaped", NEW, 1, "x: 1"),
    update("d/../../e", DELETED),
    update("ok", NEW, 1, "fine: 1"),
    update("ok", NEW, 2, "not looked at"),
  ];
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.ok === 1);
  await server.waitForMore("GetConfigList", 2);
  assert.deepEqual(agent.files(), { "a.yaml": "good: 1", "ok.yaml": "fine: 1" });
  assert.deepEqual(agent.files("."), {}, "and nothing beside the folder");
  assert.match(agent.lines.join(""), /goes back.*"name":"a"/);
  assert.match(agent.lines.join(""), /without a text.*"name":"b"/);
});

test("an error's updates are not applied, whatever they are", async (t) => {
  const bad = [update("a", NEW, 1, "bad: 1")];
  const server = await startServer(t, () => bad);
  const message = { code: "InternalServerError", message: "no", config_update_infos: bad };
  const kinds = [
    { status: 500, message },
    { status: 200, message },
    { status: 500, message: { ...message, code: "Accept" } },
    { status: 200, message: { ...message, code: "Accept", response_id: "somebody else's" } },
  ];
  server.answers.GetConfigList = () => kinds[server.list("GetConfigList").length % kinds.length] ?? {};
  const agent = await startLink(t, { generation: "g0", servers: [server.url] });
  await server.waitForMore("GetConfigList", 2 * kinds.length);
  assert.deepEqual(agent.files(), {});
});

test("an agent that the server does not know yet asks again soon, and is no reason to leave the server", async (t) => {
  const server = await startServer(t, () => []);
  server.answers.GetConfigList = () => ({ status: 404, message: { code: "AgentNotExist", message: "no" } });
  const other = await startServer(t, () => []);
  await startLink(t, { generation: "g0", servers: [server.url, other.url], link: { intervalMs: 600_000 } });
  await server.waitForMore("GetConfigList", 2);
  assert.equal(other.requests.length, 0);
});

test("a text that the hook refuses is told in an alarm once, and the last good one stays", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, 'echo "$1" >> "$0.calls"; ! grep -q bad "$2" || { echo "line 1 is bad"; exit 1; }');
  let updates = [update("a", NEW, 0, "good: 1")];
  const server = await startServer(t, () => updates);
  const agent = await startLink(t, { generation: "g0", servers: [server.url], folder, configs: { hook } });
  await server.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 0);
  updates = [update("a", MODIFIED, 1, "bad: 1")];
  const alarm = await server.waitFor("Alarm");
  assert.deepEqual([alarm.agent_id, alarm.type], ["agent-1", "CONFIG_FAILED"]);
  assert.match(alarm.detail, /config a, version 1: .*line 1 is bad/);
  await server.waitForMore("GetConfigList", 4);
  assert.equal(server.list("Alarm").length, 1, "a server that offers it again and again is not told again");
  assert.deepEqual(agent.files(), { "a.yaml": "good: 1" });
  assert.equal(server.list("GetConfigList").at(-1)?.config_versions.a, 0);
  const calls = agent.files(".")["hook.sh.calls"];
  assert.equal(calls, "a\na\n", "nor is the hook asked again");
  updates = [update("a", MODIFIED, 2, "better: 1")];
  await waitUntil("the next version is taken", () => agent.files()["a.yaml"] === "better: 1");
});

test("a server that fails is left for the next, with growing waits once all have failed", async (t) => {
  const broken = await startServer(t, () => []);
  broken.answers.HeartBeat = () => ({ status: 503, message: { code: "ServerBusy" } });
  const wrong = await FakeConfigServer.start(t, G0); // answers 404 to everything
  const good = await startServer(t, () => [update("a", NEW, 0, "a: 1")]);
  const servers = ["http://127.0.0.1:1", wrong.url, broken.url, good.url];
  const agent = await startLink(t, { generation: "g0", servers });
  await good.waitFor("GetConfigList", ({ config_versions: held }) => held.a === 0);
  assert.match(agent.lines.join(""), /does the server speak this generation/);
  const count = broken.requests.length;
  await good.waitForMore("HeartBeat", 3);
  assert.equal(broken.requests.length, count, "the one that answers is kept");
  await good.stop();
  await broken.waitForMore("HeartBeat", 2);
});

test("hostile answers: garbage, an endless body, and silence end the attempt and harm nothing", async (t) => {
  const hostile = await startServer(t, () => []);
  let sent = 0;
  const kinds = [
    { raw: Buffer.alloc(5000, 0xff) },
    { status: 302, headers: { location: "http://127.0.0.1:1/elsewhere" }, raw: "" },
    {
      hijack: (response: import("node:http").ServerResponse) => {
        response.writeHead(200);
        const piece = Buffer.alloc(1024 * 1024);
        const pour = () => {
          while (!response.destroyed && response.write(piece)) sent += 1;
          sent += 1;
          if (!response.destroyed) response.once("drain", pour);
        };
        pour();
      },
    },
    { hijack: () => {} },
  ];
  let turn = 0;
  hostile.answers.HeartBeat = () => kinds[turn++ % kinds.length] ?? {};
  const agent = await startLink(t, { generation: "g0", servers: [hostile.url], link: { answerWithinMs: 1500 } });
  await hostile.waitForMore("HeartBeat", 5);
  assert.ok(sent < 64, `an endless answer is cut off, after ${sent} MiB`);
  assert.deepEqual(agent.files(), {});
});
