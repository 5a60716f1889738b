import assert from "node:assert/strict";
import { test } from "node:test";
import { G1, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { writeHook } from "../../configs/configs-for-test.ts";
import { FakeConfigServer } from "./fake-configserver.ts";
import { startLink } from "./link-for-test.ts";

const [NEW, DELETED, MODIFIED] = [0, 1, 2];
const AGENT_CONFIG = 1;

interface Held {
  readonly name: string;
  readonly version: number;
}

const versionOf = (held: readonly Held[], name: string) => held.find((each) => each.name === name)?.version;
const result = (name: string, check_status: number | undefined, new_version: number, more: object = {}) => ({
  ...{ name, check_status, new_version, context: `about ${name}` },
  ...more,
});
const detail = (name: string, version: number, text: string, more: object = {}) => ({
  ...{ name, version, detail: text, context: "" },
  ...more,
});

interface Script {
  pipelines: object[];
  settings: object[];
  details: object[];
}

async function startServer(scope: Scope, script: Script): Promise<FakeConfigServer> {
  const server = await FakeConfigServer.start(scope, G1);
  server.answers.HeartBeat = () => ({
    message: { pipeline_check_results: script.pipelines, agent_check_results: script.settings },
  });
  server.answers.FetchPipelineConfig = () => ({ message: { config_details: script.details } });
  server.answers.FetchAgentConfig = () => ({ message: { config_details: script.details } });
  return server;
}

test("it tells what it has, and fetches what the heartbeat announces, pipelines and settings apart", async (t) => {
  const script: Script = {
    pipelines: [result("p", NEW, 0)],
    settings: [result("s", NEW, 2, { type: AGENT_CONFIG })],
    details: [detail("p", 0, "inputs: []"), detail("s", 2, '{"max":1}', { type: AGENT_CONFIG })],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g1", servers: [server.url] });
  const beat = await server.waitFor("HeartBeat");
  assert.deepEqual([beat.agent_id, beat.tags, beat.interval], ["agent-1", ["web", "eu"], 1]);
  assert.equal(beat.attributes.version, "0.1.0");
  const fetched = await server.waitFor("FetchPipelineConfig");
  assert.deepEqual(fetched.req_configs, [{ type: 0, name: "p", version: 0, context: "about p" }]);
  const taken = await server.waitFor(
    "HeartBeat",
    ({ pipeline_configs: p, agent_configs: s }) => p.length + s.length === 2,
  );
  assert.deepEqual([versionOf(taken.pipeline_configs, "p"), versionOf(taken.agent_configs, "s")], [0, 2]);
  assert.deepEqual([agent.files(), agent.files("settings")], [{ "p.yaml": "inputs: []" }, { "s.json": '{"max":1}' }]);

  Object.assign(script, { pipelines: [result("p", MODIFIED, 1)], settings: [], details: [detail("p", 3, "newer: 1")] });
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "p") === 3);
  assert.deepEqual(agent.files(), { "p.yaml": "newer: 1" }, "a fetch may give a later version than was announced");
  script.pipelines = [result("p", DELETED, 3)];
  const fetches = server.list("FetchPipelineConfig").length;
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => p.length === 0, server.list("HeartBeat").length);
  assert.deepEqual(agent.files(), {});
  assert.equal(server.list("FetchPipelineConfig").length, fetches, "nothing is fetched to delete");
});

test("what was announced and not given is never written, neither empty nor with another one's text", async (t) => {
  const script: Script = {
    pipelines: [
      result("a", NEW, 1),
      result("b", NEW, 1),
      result("c", NEW, 4),
      result("d", NEW, 1),
      result("e", NEW, 1),
    ],
    settings: [],
    details: [
      detail("a", 1, "a: 1"),
      detail("c", 3, "older than announced"),
      detail("d", 1, ""),
      detail("e", 1, "of another kind", { type: AGENT_CONFIG }),
      detail("uninvited", 1, "x: 1"),
    ],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g1", servers: [server.url] });
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "a") === 1);
  await server.waitForMore("HeartBeat", 3);
  assert.deepEqual(agent.files(), { "a.yaml": "a: 1" });
  assert.deepEqual(
    server
      .list("HeartBeat")
      .at(-1)
      ?.pipeline_configs.map(({ name }: Held) => name),
    ["a"],
  );
  assert.match(agent.lines.join(""), /announced and not given.*"name":"b"/);
});

test("a failed fetch leaves everything as it was, and an error's results are not followed", async (t) => {
  const script: Script = { pipelines: [result("a", NEW, 1)], settings: [], details: [detail("a", 1, "a: 1")] };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g1", servers: [server.url] });
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "a") === 1);
  script.pipelines = [result("a", MODIFIED, 2)];
  script.details = [detail("a", 2, "bad: 1")];
  const kinds = [{ status: 500 }, { message: { response_id: "no", config_details: script.details } }, { raw: "x" }];
  server.answers.FetchPipelineConfig = () => kinds[server.list("FetchPipelineConfig").length % kinds.length] ?? {};
  await server.waitForMore("FetchPipelineConfig", 4);
  server.answers.HeartBeat = () => ({
    status: 400,
    message: { code: 1, pipeline_check_results: [result("a", DELETED, 2)] },
  });
  await server.waitForMore("HeartBeat", 3);
  assert.deepEqual(agent.files(), { "a.yaml": "a: 1" });
});

test("versions that jump forwards are followed, those that go back or are none are not", async (t) => {
  const script: Script = {
    pipelines: [result("a", NEW, 2 ** 40)],
    settings: [],
    details: [detail("a", 2 ** 40, "a: 1")],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g1", servers: [server.url] });
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "a") === 2 ** 40);
  script.pipelines = [result("a", MODIFIED, 7), result("b", NEW, -1), result("../up", NEW, 1), result("c", NEW, 1)];
  script.details = [
    detail("a", 7, "back: 1"),
    detail("b", -1, "b: 1"),
    detail("../up", 1, "up: 1"),
    detail("c", 1, "c: 1"),
  ];
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "c") === 1);
  assert.deepEqual(agent.files(), { "a.yaml": "a: 1", "c.yaml": "c: 1" });
  assert.deepEqual(agent.files("."), {});
});

test("what the hook refused is not fetched again until there is another version", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, '! grep -q bad "$2"');
  const script: Script = { pipelines: [result("a", NEW, 1)], settings: [], details: [detail("a", 1, "bad: 1")] };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g1", servers: [server.url], folder, configs: { hook } });
  await waitUntil("it is refused", () => agent.configs.held()[0]?.status === "failed");
  const fetches = server.list("FetchPipelineConfig").length;
  await server.waitForMore("HeartBeat", 3);
  assert.equal(server.list("FetchPipelineConfig").length, fetches);
  assert.deepEqual(server.list("HeartBeat").at(-1)?.pipeline_configs, [], "what failed is not told as held");
  Object.assign(script, { pipelines: [result("a", NEW, 2)], details: [detail("a", 2, "good: 1")] });
  await server.waitFor("HeartBeat", ({ pipeline_configs: p }) => versionOf(p, "a") === 2);
});
