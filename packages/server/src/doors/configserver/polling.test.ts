import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PollingAgent, PollingAgentG0, PollingAgentG1, PollingAgentG2, type TinyMessage } from "@muster/testing";
import { type ConfigServerBench, openConfigServerBench } from "./test-bench.ts";

const TEXTS = ['{"inputs":[1]}', '{"inputs":[2]}', '{"inputs":[3]}', "{}"];
const CONFIGS = ["c0", "c1", "c2", "c3"];
const GROUPS = ["default", "prod", "eu"];
const STEPS = 60;

/** What the server should make of a history, kept in the simplest way that there is. */
class Model {
  readonly texts = new Map<string, string>();
  readonly applied = new Map(GROUPS.map((group) => [group, new Set<string>()]));

  /** What an agent with these tags should have. */
  filesFor(tags: Readonly<Record<string, string>>): Map<string, string> {
    const files = new Map<string, string>();
    const groups = ["default", ...(tags.env === "prod" ? ["prod"] : []), ...(tags.zone === "eu" ? ["eu"] : [])];
    for (const group of groups)
      for (const name of this.applied.get(group) ?? []) files.set(name, this.texts.get(name) ?? "");
    return files;
  }
}

/** Numbers that look random and are the same in every run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function prepare(bench: ConfigServerBench): Promise<Model> {
  for (const [group_name, name, value] of [
    ["prod", "env", "prod"],
    ["eu", "zone", "eu"],
  ])
    await bench.g0.user("CreateAgentGroup", { agent_group: { group_name, tags: [{ name, value }] } });
  return new Model();
}

/** One step of users: whatever the model allows must succeed, everything else must be refused. */
async function step(bench: ConfigServerBench, model: Model, random: (below: number) => number): Promise<void> {
  const config_name = CONFIGS[random(CONFIGS.length)] ?? "";
  const group_name = GROUPS[random(GROUPS.length)] ?? "";
  const content = TEXTS[random(TEXTS.length)] ?? "";
  const isApplied = [...model.applied.values()].some((names) => names.has(config_name));
  const applied = model.applied.get(group_name) ?? new Set();
  const call = async (action: Parameters<typeof bench.g0.user>[0], message: TinyMessage, isAllowed: boolean) => {
    const { status, body } = await bench.g0.user(action, message);
    assert.equal(status === 200, isAllowed, `${action} ${config_name} ${group_name}: ${body.message}`);
    return isAllowed;
  };
  const isKnown = model.texts.has(config_name);
  const config_detail = { config_name, content };
  switch (random(6)) {
    case 0:
      if (await call("CreateConfig", { config_detail }, !isKnown)) model.texts.set(config_name, content);
      return;
    case 1:
    case 2:
      if (await call("UpdateConfig", { config_detail }, isKnown)) model.texts.set(config_name, content);
      return;
    case 3:
      if (await call("DeleteConfig", { config_name }, isKnown && !isApplied)) model.texts.delete(config_name);
      return;
    case 4: {
      const isAllowed = isKnown && !applied.has(config_name);
      if (await call("ApplyConfigToAgentGroup", { config_name, group_name }, isAllowed)) applied.add(config_name);
      return;
    }
    default: {
      const isAllowed = isKnown && applied.has(config_name);
      if (await call("RemoveConfigFromAgentGroup", { config_name, group_name }, isAllowed)) applied.delete(config_name);
    }
  }
}

const sorted = (files: ReadonlyMap<string, string>) => [...files].sort();

describe("agents that poll end with exactly the configs of their groups", () => {
  const TAGS: Readonly<Record<string, string>>[] = [
    {},
    { env: "prod" },
    { env: "dev", zone: "eu" },
    { env: "prod", zone: "eu" },
  ];
  const KINDS: Readonly<Record<string, (bench: ConfigServerBench, tags: Record<string, string>) => PollingAgent>> = {
    g0: (bench, tags) => new PollingAgentG0({ url: bench.listener("g0"), host: "h0", tags }),
    g1: (bench, tags) => new PollingAgentG1({ url: bench.listener("g1"), host: "h1", tags }),
    g2: (bench, tags) => new PollingAgentG2({ url: bench.listener("g2"), host: "h2", tags }),
  };

  for (const [kind, start] of Object.entries(KINDS))
    for (const seed of [1, 2])
      test(`${kind}: for any history, polls and restarts in between (${seed})`, async (t) => {
        const bench = await openConfigServerBench(t);
        const random = randomOf(seed * 7919);
        const model = await prepare(bench);
        const agents = TAGS.map((tags) => ({ agent: start(bench, tags), tags }));
        for (let count = 0; count < STEPS; count++) {
          await step(bench, model, random);
          const { agent } = agents[random(agents.length)] ?? assert.fail();
          if (random(10) === 0) agent.restart();
          if (random(2) === 0) await agent.poll();
        }
        for (const { agent, tags } of agents) {
          for (let polls = 0; polls < 3; polls++) await agent.poll();
          assert.deepEqual(sorted(agent.files), sorted(model.filesFor(tags)), JSON.stringify(tags));
          if (agent instanceof PollingAgentG1) assert.deepEqual(agent.ruined, []);
        }
      });

  test("what an agent has by the same text is not given to it again under another number", async (t) => {
    const bench = await openConfigServerBench(t);
    const agent = new PollingAgentG2({ url: bench.listener("g2"), host: "h" });
    const detail = { config_detail: { config_name: "c", content: '{"a":1}' } };
    await bench.g0.user("CreateConfig", detail);
    await bench.g0.user("ApplyConfigToAgentGroup", { config_name: "c", group_name: "default" });
    for (let polls = 0; polls < 3; polls++) await agent.poll();
    await bench.g0.user("UpdateConfig", {
      config_detail: { ...detail.config_detail, description: "only this is new" },
    });
    for (let polls = 0; polls < 3; polls++) await agent.poll();
    assert.equal(agent.received.get("c"), 1);
  });
});

describe("G2", () => {
  const beatOf = (id: string, sequence_num: number, more: TinyMessage = {}) => ({
    ...{ request_id: `r${sequence_num}`, sequence_num, capabilities: 7, instance_id: id },
    ...{ agent_type: "LoongCollector", attributes: { version: "3.0.5" }, ...more },
  });
  const give = async (
    bench: ConfigServerBench,
    name: string,
    text: string,
    kind = "pipeline",
    expiresAt: number | null = null,
  ) => {
    const write = { name, kind, text, expiresAt, format: text.startsWith("{") ? ("json" as const) : ("yaml" as const) };
    const { id } = await bench.fleet.configs.create(write, "tests");
    await bench.fleet.configs.assign(id, "default", undefined, "tests");
    return id;
  };
  const heartbeat = async (bench: ConfigServerBench, beat: TinyMessage) =>
    (await bench.g2.agent("Heartbeat", beat)).body;

  test("details come with the beat, YAML as JSON; what is removed goes with version -1", async (t) => {
    const bench = await openConfigServerBench(t);
    const id = await give(bench, "p", "inputs:\n  - Type: file\n");
    await give(bench, "s", '{"a":1}', "settings");
    const first = await heartbeat(bench, beatOf("a", 0));
    assert.equal(first.request_id, "r0");
    const [update] = first.continuous_pipeline_config_updates;
    assert.deepEqual([update.name, update.version, String(update.detail)], ["p", 1, '{"inputs":[{"Type":"file"}]}']);
    const [settings] = first.instance_config_updates;
    assert.deepEqual([settings.name, settings.version, String(settings.detail)], ["s", 1, '{"a":1}']);
    assert.equal(first.flags & 6, 0, "an agent that is asked to fetch one kind fetches the other, too");
    const held = {
      continuous_pipeline_configs: [{ name: "p", version: 1, status: 2 }],
      instance_configs: [{ name: "s", version: 1, status: 2 }],
    };
    const quiet = await heartbeat(bench, beatOf("a", 1, held));
    assert.deepEqual([quiet.continuous_pipeline_config_updates, quiet.instance_config_updates], [[], []]);
    await bench.fleet.configs.unassign(id, "default", "tests");
    const gone = await heartbeat(bench, beatOf("a", 2, held));
    assert.deepEqual(
      gone.continuous_pipeline_config_updates.map((one: TinyMessage) => [one.name, one.version]),
      [["p", -1]],
    );
  });

  test("a wrong number asks for everything; a short beat changes nothing", async (t) => {
    const bench = await openConfigServerBench(t);
    await give(bench, "p", "{}");
    const held = { continuous_pipeline_configs: [{ name: "p", version: 1, status: 2 }] };
    assert.equal((await heartbeat(bench, beatOf("a", 0, held))).flags, 1, "it was not known");
    assert.equal((await heartbeat(bench, beatOf("a", 1, held))).flags, 0);
    const short = { request_id: "s", instance_id: "a" };
    const quiet = await heartbeat(bench, { ...short, sequence_num: 2 });
    assert.deepEqual([quiet.flags, quiet.continuous_pipeline_config_updates], [0, []]);
    const late = await heartbeat(bench, { ...short, sequence_num: 9 });
    assert.deepEqual([late.flags, late.continuous_pipeline_config_updates], [1, []]);
    assert.equal((await heartbeat(bench, beatOf("a", 10, held))).flags, 0);
    const stranger = await heartbeat(bench, { ...short, instance_id: "unknown", sequence_num: 4 });
    assert.deepEqual([stranger.flags, stranger.continuous_pipeline_config_updates], [1, []]);
  });

  test("what failed is not sent again: the agent goes back to the last good one, and the fleet knows why", async (t) => {
    const bench = await openConfigServerBench(t);
    const agent = new PollingAgentG2({ url: bench.listener("g2"), host: "h", refuses: (text) => text.includes("bad") });
    const id = await give(bench, "p", '{"good":1}');
    for (let polls = 0; polls < 3; polls++) await agent.poll();
    await bench.fleet.configs.change(id, { text: '{"bad":1}' }, "tests", { give: true });
    for (let polls = 0; polls < 5; polls++) await agent.poll();
    assert.equal(agent.files.get("p"), '{"good":1}');
    const before = agent.received.get("p") ?? 0;
    for (let polls = 0; polls < 3; polls++) await agent.poll();
    assert.equal(agent.received.get("p"), before, "nothing is sent in a circle");
    const { id: agentId } = (await bench.fleet.agents.findByExternalId("configserver", agent.id)) ?? assert.fail();
    const [told] = await bench.fleet.configs.ofAgent(agentId);
    assert.deepEqual(
      [told?.status, told?.error, told?.wanted, told?.applied],
      ["failed", "a plugin does not know this", 2, 1],
    );
    await bench.fleet.configs.change(id, { text: '{"better":1}' }, "tests", { give: true });
    for (let polls = 0; polls < 3; polls++) await agent.poll();
    assert.equal(agent.files.get("p"), '{"better":1}');
  });

  test("a one-time config is sent until it is reported or over", async (t) => {
    const bench = await openConfigServerBench(t);
    const expiresAt = Math.floor(bench.clock.now()) + 60_000;
    await give(bench, "once", "{}", "onetime", expiresAt);
    const names = async (sequence: number, more: TinyMessage = {}) =>
      (await heartbeat(bench, beatOf("a", sequence, more))).onetime_pipeline_config_updates.map((one: TinyMessage) => [
        ...[one.name, one.expire_time],
      ]);
    const due = [["once", Math.floor(expiresAt / 1000)]];
    assert.deepEqual(await names(0), due);
    assert.deepEqual(await names(1), due);
    assert.deepEqual(await names(2, { onetime_pipeline_configs: [{ name: "once", status: 2 }] }), []);
    await bench.pass(20_000);
    assert.deepEqual(await names(3), due);
    await bench.pass(61_000);
    assert.deepEqual(await names(4), []);
  });

  test("all three ways to fetch answer, and a status between two beats is heard", async (t) => {
    const bench = await openConfigServerBench(t);
    await give(bench, "p", "{}");
    await give(bench, "s", "{}", "settings");
    const ask = { continuous_pipeline_configs: [{ name: "p" }], instance_configs: [{ name: "s" }, { name: "none" }] };
    const unknown = await bench.g2.agent("FetchConfig", { request_id: "f", instance_id: "a", ...ask });
    assert.deepEqual([unknown.status, unknown.body.common_response.errorMessage], [404, "AgentNotExist"]);
    await heartbeat(bench, beatOf("a", 0));
    for (const action of ["FetchConfig", "FetchPipelineConfig", "FetchInstanceConfig"]) {
      const { body } = await bench.g2.agent(action, { request_id: "f", instance_id: "a", ...ask });
      assert.deepEqual([body.request_id, body.common_response.status], ["f", 0]);
      assert.deepEqual([body.continuous_pipeline_config_updates.length, body.instance_config_updates.length], [1, 1]);
    }
    const continuous_pipeline_configs = [{ name: "p", version: 1, status: 3, message: "broken" }];
    await bench.g2.agent("ReportStatus", { request_id: "s", instance_id: "a", continuous_pipeline_configs });
    const { id } = (await bench.fleet.agents.findByExternalId("configserver", "a")) ?? assert.fail();
    const told = (await bench.fleet.configs.ofAgent(id)).find(({ configName }) => configName === "p");
    assert.deepEqual([told?.status, told?.error], ["failed", "broken"]);
  });

  test("an error has no updates; a request needs its id", async (t) => {
    const bench = await openConfigServerBench(t);
    await give(bench, "p", "{}");
    const { status, body } = await bench.g2.agent("Heartbeat", { instance_id: "a", agent_type: "x", capabilities: 3 });
    assert.deepEqual(
      [status, body.common_response.status, body.common_response.errorMessage],
      [400, 400, "InvalidParameter"],
    );
    assert.deepEqual(body.continuous_pipeline_config_updates, []);
  });
});
