import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { G2, makeTempDir, type Scope, type TinyMessage, waitUntil } from "@muster/testing";
import { writeHook } from "../../configs/configs-for-test.ts";
import { FakeConfigServer } from "./fake-configserver.ts";
import { startLink } from "./link-for-test.ts";

const [APPLIED, FAILED] = [2, 3];
const REMEMBERS_ALL = 15;
const FULL_STATE = 1;

interface Script {
  pipelines?: object[];
  settings?: object[];
  onetime?: object[];
  flags?: number;
  capabilities?: number;
  status?: number;
}

async function startServer(scope: Scope, script: Script): Promise<FakeConfigServer> {
  const server = await FakeConfigServer.start(scope, G2);
  server.answers.Heartbeat = () => ({
    message: {
      ...(script.status ? { common_response: { status: script.status, errorMessage: "no" } } : {}),
      capabilities: script.capabilities ?? 0,
      continuous_pipeline_config_updates: script.pipelines ?? [],
      instance_config_updates: script.settings ?? [],
      onetime_pipeline_config_updates: script.onetime ?? [],
      flags: script.flags ?? 0,
    },
  });
  return server;
}

const find = (list: readonly TinyMessage[], name: string) => list.find((each) => each.name === name);

test("it tells everything, takes details inline, reports a verdict with each version, and deletes by -1", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, '! grep -q bad "$2" || { echo "no such plugin"; exit 1; }');
  const script: Script = {
    pipelines: [{ name: "p", version: 3, detail: '{"inputs":[]}' }],
    settings: [{ name: "s", version: 1, detail: "{}" }],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g2", servers: [server.url], folder, configs: { hook } });
  const first = await server.waitFor("Heartbeat");
  assert.deepEqual(
    [first.sequence_num, first.capabilities, first.instance_id, first.flags, first.agent_type],
    [0, 7, "agent-1", FULL_STATE, "Muster"],
  );
  assert.deepEqual(first.tags, [
    { name: "role", value: "web" },
    { name: "region", value: "eu" },
  ]);
  const isApplied = (beat: TinyMessage) =>
    find(beat.continuous_pipeline_configs, "p")?.status === APPLIED &&
    find(beat.instance_configs, "s")?.status === APPLIED;
  const applied = await server.waitFor("Heartbeat", isApplied);
  assert.equal(find(applied.continuous_pipeline_configs, "p").version, 3);
  assert.deepEqual([agent.files(), agent.files("settings")], [{ "p.json": '{"inputs":[]}' }, { "s.json": "{}" }]);

  script.pipelines = [{ name: "p", version: 4, detail: '{"bad":1}' }];
  const failed = await server.waitFor(
    "Heartbeat",
    (beat) => find(beat.continuous_pipeline_configs, "p")?.status === FAILED,
  );
  const report = find(failed.continuous_pipeline_configs, "p");
  assert.equal(report.version, 4);
  assert.match(report.message, /no such plugin/);
  assert.deepEqual(agent.files(), { "p.json": '{"inputs":[]}' }, "the last good one stays");

  script.pipelines = [{ name: "p", version: 2, detail: '{"other":1}' }];
  await waitUntil("any other version is an update", () => agent.files()["p.json"] === '{"other":1}');
  script.pipelines = [{ name: "p", version: -1 }];
  await waitUntil("it is deleted", () => agent.configs.find("pipeline", "p") === undefined);
  assert.deepEqual(agent.files(), {});
  const numbers = server.list("Heartbeat").map(({ sequence_num }) => sequence_num);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index),
  );
});

test("a server that remembers is told only what is new, until it asks for everything or is another one", async (t) => {
  const script: Script = { capabilities: REMEMBERS_ALL };
  const server = await startServer(t, script);
  await startLink(t, { generation: "g2", servers: [server.url] });
  const short = await server.waitFor("Heartbeat", ({ flags }) => flags === 0);
  assert.deepEqual([short.instance_id, short.agent_type, short.tags, short.attributes], ["agent-1", "", [], undefined]);
  script.flags = 1;
  const asked = server.list("Heartbeat").length;
  await server.waitFor("Heartbeat", ({ flags, tags }) => flags === FULL_STATE && tags.length === 2, asked);
  script.flags = 0;
  await server.waitFor("Heartbeat", ({ flags }) => flags === 0, server.list("Heartbeat").length);
  script.pipelines = [{ name: "p", version: 1, detail: "{}" }];
  await server.waitFor("Heartbeat", (beat) => find(beat.continuous_pipeline_configs, "p")?.status === APPLIED);

  const forgetful = await startServer(t, { capabilities: 7 });
  await startLink(t, { generation: "g2", servers: [forgetful.url] });
  await forgetful.waitForMore("Heartbeat", 3);
  assert.ok(forgetful.list("Heartbeat").every(({ flags }) => flags === FULL_STATE));
});

test("details are fetched where the answer says so, by the path of the original or of the specification", async (t) => {
  const script: Script = { pipelines: [{ name: "p", version: 2 }], settings: [{ name: "s", version: 3 }], flags: 6 };
  const server = await startServer(t, script);
  server.answers.FetchPipelineConfig = () => ({
    message: { continuous_pipeline_config_updates: [{ name: "p", version: 2, detail: "a: 1" }] },
  });
  server.answers.FetchConfig = ({ instance_configs }) => ({
    message: {
      instance_config_updates: instance_configs.map(({ name, version }: TinyMessage) => ({
        name,
        version,
        detail: "{}",
      })),
    },
  });
  const agent = await startLink(t, { generation: "g2", servers: [server.url] });
  await waitUntil("both are there", () => agent.configs.held().length === 2);
  assert.deepEqual([agent.files(), agent.files("settings")], [{ "p.yaml": "a: 1" }, { "s.json": "{}" }]);
  assert.deepEqual(find((await server.waitFor("FetchPipelineConfig")).continuous_pipeline_configs, "p")?.version, 2);
});

test("nothing is written without a text, for version 0, from an error, or for a text that is none", async (t) => {
  const good = { name: "good", version: 1, detail: "a: 1" };
  const script: Script = {
    pipelines: [
      { name: "zero", version: 0, detail: "x: 1" },
      { name: "empty", version: 1 },
      { name: "latin", version: 1, detail: Buffer.from([0x61, 0xe9, 0x62]) },
      { name: "../../up", version: 1, detail: "x: 1" },
      { name: "low", version: -2, detail: "x: 1" },
      good,
    ],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g2", servers: [server.url] });
  await waitUntil("the good one is there", () => agent.files()["good.yaml"] === "a: 1");
  script.status = 500;
  script.pipelines = [
    { name: "good", version: -1 },
    { name: "other", version: 1, detail: "x: 1" },
  ];
  await server.waitForMore("Heartbeat", 3);
  assert.deepEqual(agent.files(), { "good.yaml": "a: 1" });
  assert.deepEqual(agent.files("."), {});
  const escaping = agent.configs.held().find(({ name }) => name === "../../up");
  assert.match(escaping?.error ?? "", /name cannot be a file's/, "and the server is told why");
});

test("a one-time config is kept and told until it expires, and not taken when it came too late", async (t) => {
  let now = 1_700_000_000_000;
  const clock = { ...systemClock, now: () => now };
  const script: Script = {
    onetime: [
      { name: "once", detail: "{}", expire_time: 1_700_000_060 },
      { name: "late", detail: "{}", expire_time: 1_699_999_999 },
    ],
  };
  const server = await startServer(t, script);
  const agent = await startLink(t, { generation: "g2", servers: [server.url], clock });
  await server.waitFor("Heartbeat", (beat) => find(beat.onetime_pipeline_configs, "once")?.status === APPLIED);
  assert.deepEqual(agent.files("onetime"), { "once.json": "{}" });
  now += 60_000;
  await waitUntil("its time is over", () => agent.configs.held().length === 0);
  await server.waitFor(
    "Heartbeat",
    (beat) => beat.onetime_pipeline_configs.length === 0,
    server.list("Heartbeat").length,
  );
  assert.deepEqual(agent.files("onetime"), {});
});
