import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConfigServerAnswer, TinyMessage } from "@muster/testing";
import { type ConfigServerBench, openConfigServerBench } from "./test-bench.ts";

/** The wire's word and text, or G1's number and text. */
function told({ status, body }: ConfigServerAnswer) {
  return [status, body.code, body.message];
}

function group(group_name: string, description = "", tags: { name: string; value: string }[] = []) {
  return { agent_group: { group_name, description, tags } };
}

function config(config_name: string, content = "A") {
  return { config_detail: { config_name, agent_type: "ilogtail", description: "d", content } };
}

async function beat(bench: ConfigServerBench, agent_id: string, tags: Record<string, string> = {}) {
  const { status } = await bench.g0.agent("HeartBeat", { agent_id, agent_type: "other", tags, running_status: "ok" });
  assert.equal(status, 200);
}

async function listFor(bench: ConfigServerBench, agent_id: string, config_versions: Record<string, number> = {}) {
  const { body } = await bench.g0.agent("GetConfigList", { agent_id, config_versions });
  return body.config_update_infos as TinyMessage[];
}

describe("ConfigServer beyond the originals' own suite", () => {
  test("groups are created, changed, listed in the order of their names, and deleted", async (t) => {
    const { g0 } = await openConfigServerBench(t);
    const tags = [{ name: "env", value: "prod" }];
    assert.deepEqual(told(await g0.user("CreateAgentGroup", group("web", "first", tags))), [
      200,
      "Accept",
      "Add agent group success",
    ]);
    const exists = [400, "AgentGroupAlreadyExist", "Agent group web already exists."];
    assert.deepEqual(told(await g0.user("CreateAgentGroup", group("web"))), exists);
    assert.equal((await g0.user("CreateAgentGroup", group("default"))).body.code, "AgentGroupAlreadyExist");
    await g0.user("CreateAgentGroup", group("Zoo"));
    const listed = (await g0.user("ListAgentGroups")).body.agent_groups;
    assert.deepEqual(
      listed.map((one: TinyMessage) => one.group_name),
      ["Zoo", "default", "web"],
    );
    assert.equal(listed[1].description, "Default agent group, include all Agents.");
    await g0.user("UpdateAgentGroup", group("web", "second"));
    const read = await g0.user("GetAgentGroup", { group_name: "web" });
    assert.deepEqual(read.body.agent_group, { group_name: "web", description: "second", tags: [] });
    const missing = [404, "AgentGroupNotExist", "Agent group none doesn't exist."];
    assert.deepEqual(told(await g0.user("UpdateAgentGroup", group("none"))), missing);
    assert.deepEqual(told(await g0.user("DeleteAgentGroup", { group_name: "none" })), missing);
    assert.deepEqual(told(await g0.user("GetAgentGroup", { group_name: "none" })), missing);
    assert.equal((await g0.user("UpdateAgentGroup", group("default", "ours"))).status, 200);
    assert.equal((await g0.user("DeleteAgentGroup", { group_name: "web" })).status, 200);
  });

  test("what is changed in a group here keeps what only we know of it, and its configs", async (t) => {
    const bench = await openConfigServerBench(t);
    const { g0, fleet } = bench;
    const made = await fleet.groups.create({ name: "web", selector: "role=web" });
    await g0.user("CreateConfig", config("c1"));
    await g0.user("ApplyConfigToAgentGroup", { group_name: "web", config_name: "c1" });
    await g0.user("UpdateAgentGroup", group("web", "told", [{ name: "a", value: "b" }]));
    const { selector, description } = await fleet.groups.get(made.id);
    assert.deepEqual([selector, description], ["role=web", "told"]);
    const inUse = [500, "InternalServerError", "Agent group web was applied to some configs, cannot be deleted."];
    assert.deepEqual(told(await g0.user("DeleteAgentGroup", { group_name: "web" })), inUse);
  });

  test("applying and removing is refused where it makes no sense, the group first", async (t) => {
    const { g0 } = await openConfigServerBench(t);
    await g0.user("CreateConfig", config("c1"));
    const apply = (group_name: string, config_name: string) =>
      g0.user("ApplyConfigToAgentGroup", { group_name, config_name });
    const remove = (group_name: string, config_name: string) =>
      g0.user("RemoveConfigFromAgentGroup", { group_name, config_name });
    assert.equal((await apply("none", "none")).body.code, "AgentGroupNotExist");
    assert.equal((await apply("default", "none")).body.code, "ConfigNotExist");
    assert.equal((await apply("default", "")).body.message, "Need parameter configName.");
    const absent = [404, "ConfigNotExist", "Agent group default doesn't have config c1."];
    assert.deepEqual(told(await remove("default", "c1")), absent);
    await apply("default", "c1");
    const twice = [400, "ConfigAlreadyExist", "Agent group default already has config c1."];
    assert.deepEqual(told(await apply("default", "c1")), twice);
    await remove("default", "c1");
    await g0.user("DeleteConfig", { config_name: "c1" });
    const gone = [404, "ConfigNotExist", "Config c1 doesn't exist."];
    for (const action of ["DeleteConfig", "GetConfig", "GetAppliedAgentGroups"] as const)
      assert.deepEqual(told(await g0.user(action, { config_name: "c1" })), gone, action);
    assert.deepEqual(told(await g0.user("UpdateConfig", config("c1"))), gone);
    assert.deepEqual(told(await apply("default", "c1")), gone);
  });

  test("versions go 0, 1, and on over a removal; what changes nothing makes none", async (t) => {
    const bench = await openConfigServerBench(t);
    const { g0 } = bench;
    await beat(bench, "a1");
    const apply = { group_name: "default", config_name: "c1" };
    const version = async () => (await listFor(bench, "a1"))[0].config_version;
    await g0.user("CreateConfig", config("c1"));
    await g0.user("ApplyConfigToAgentGroup", apply);
    assert.equal(await version(), 0);
    await g0.user("UpdateConfig", config("c1", "B"));
    assert.equal(await version(), 1);
    await g0.user("UpdateConfig", config("c1", "B"));
    assert.equal(await version(), 1, "agents read their files from the start for every version");
    await g0.user("RemoveConfigFromAgentGroup", apply);
    await g0.user("DeleteConfig", { config_name: "c1" });
    await g0.user("CreateConfig", config("c1", "B"));
    await g0.user("ApplyConfigToAgentGroup", apply);
    assert.equal(await version(), 3);
  });

  test("an agent is told of each config what its version asks for", async (t) => {
    const bench = await openConfigServerBench(t);
    const { g0 } = bench;
    const unknown = await g0.agent("GetConfigList", { request_id: "1", agent_id: "a1" });
    assert.deepEqual(told(unknown), [404, "AgentNotExist", "Agent a1 doesn't exist."]);
    assert.equal(unknown.body.response_id, "1");
    await beat(bench, "a1");
    await g0.user("CreateConfig", config("c1"));
    await g0.user("ApplyConfigToAgentGroup", { group_name: "default", config_name: "c1" });
    const bytes = async (config_versions: Record<string, number>) =>
      (await g0.agent("GetConfigList", { agent_id: "a1", config_versions })).bytes.toString("hex");
    const item = (hex: string) => new RegExp(`6363657373${hex}$`); // behind "…success"
    assert.match(await bytes({}), item("22090a0263311001220141"));
    assert.match(await bytes({ c1: 0 }), item("22040a026331"));
    assert.match(await bytes({ c1: 7 }), item("22040a026331"));
    await g0.user("UpdateConfig", config("c1", "B"));
    assert.match(await bytes({ c1: 0 }), item("220b0a02633110031801220142"));
    assert.deepEqual(
      (await listFor(bench, "a1", { zz: 4, c1: 1 })).map(({ config_name, update_status, config_version }) => [
        ...[config_name, update_status, config_version],
      ]),
      [
        ["zz", 2, 0],
        ["c1", 0, 0],
      ],
    );
  });

  test("any tag of a group is enough; G0 and G2 compare names, G1 values only", async (t) => {
    const bench = await openConfigServerBench(t);
    const { g0, g1, g2 } = bench;
    const tags = [
      { name: "env", value: "prod" },
      { name: "zone", value: "eu" },
    ];
    await g0.user("CreateAgentGroup", group("g", "", tags));
    await g0.user("CreateAgentGroup", group("untagged"));
    await g0.user("CreateConfig", config("c1", "{}"));
    await g0.user("ApplyConfigToAgentGroup", { group_name: "g", config_name: "c1" });
    const names = async (agent: string, carried: Record<string, string>) => {
      await beat(bench, agent, carried);
      return (await listFor(bench, agent)).length;
    };
    assert.equal(await names("a1", { env: "prod" }), 1);
    assert.equal(await names("a2", { zone: "eu", env: "dev" }), 1);
    assert.equal(await names("a3", { zone: "prod", prod: "env" }), 0);
    assert.equal(await names("a3", { env: "prod" }), 1, "the last beat counts at once");
    const beat1 = async (carried: string[]) => {
      const said = { agent_id: `g1-${carried}`, attributes: {}, tags: carried };
      return (await g1.agent("HeartBeat", said)).body.pipeline_check_results.length;
    };
    assert.deepEqual([await beat1(["prod"]), await beat1(["env"]), await beat1([])], [1, 0, 0]);
    const beat2 = async (name: string, value: string) => {
      const said = { request_id: "1", instance_id: `g2-${name}${value}`, capabilities: 3, agent_type: "x" };
      const { body } = await g2.agent("Heartbeat", { ...said, tags: [{ name, value }] });
      return body.continuous_pipeline_config_updates.length;
    };
    assert.deepEqual([await beat2("env", "prod"), await beat2("prod", "env")], [1, 0]);
    const listed = (await g0.user("ListAgents", { group_name: "g" })).body.agents;
    assert.deepEqual(listed.map((one: TinyMessage) => one.agent_id).sort(), [
      "a1",
      "a2",
      "a3",
      "g1-prod",
      "g2-envprod",
    ]);
    assert.deepEqual((await g0.user("ListAgents", { group_name: "untagged" })).body.agents, []);
  });

  test("G1 echoes the version of what is gone, and the example's bytes", async (t) => {
    const { g1 } = await openConfigServerBench(t);
    const detail = (text: string) => ({ config_detail: { name: "p1", context: "ctx", detail: text } });
    await g1.user("CreateConfig", detail("A"));
    await g1.user("ApplyConfigToAgentGroup", { group_name: "default", config_name: "p1" });
    const beat1 = async (pipeline_configs: TinyMessage[]) =>
      (await g1.agent("HeartBeat", { agent_id: "a", attributes: {}, pipeline_configs })).bytes.toString("hex");
    const field = (hex: string) => `22${(hex.length / 2).toString(16).padStart(2, "0")}${hex}`;
    assert.ok((await beat1([])).endsWith(field("120270312a03637478")));
    const gone = field("1204676f6e65180320033001");
    assert.ok((await beat1([{ name: "gone", version: 3 }])).includes(gone));
    await g1.user("UpdateConfig", detail("B"));
    assert.ok((await beat1([{ name: "p1", version: 0 }])).endsWith(field("1202703120012a036374783002")));
  });

  test("G1 keeps settings apart, and takes a number of a type that there is none of", async (t) => {
    const { g1 } = await openConfigServerBench(t);
    await g1.user("CreateConfig", { config_detail: { type: 1, name: "s", detail: "{}" } });
    await g1.user("CreateConfig", { config_detail: { type: 7, name: "odd", detail: "x" } });
    assert.equal((await g1.user("GetConfig", { config_name: "odd" })).body.config_detail.type, 0);
    await g1.user("ApplyConfigToAgentGroup", { group_name: "default", config_name: "s" });
    const { body } = await g1.agent("HeartBeat", { agent_id: "a", attributes: {} });
    assert.deepEqual([body.pipeline_check_results.length, body.agent_check_results.length], [0, 1]);
    const ask = async (type: number) => {
      const request = { agent_id: "a", req_configs: [{ type, name: "s" }] };
      return (await g1.agent("FetchAgentConfig", request)).body.config_details.length;
    };
    assert.deepEqual([await ask(1), await ask(0), await ask(7)], [1, 0, 0]);
    const stranger = { agent_id: "", req_configs: [{ type: 1, name: "s" }, { name: "none" }, { type: 1, name: "s" }] };
    assert.equal((await g1.agent("FetchPipelineConfig", stranger)).body.config_details.length, 2);
  });

  test("a name that would leave its folder on a real agent is refused, with the rule", async (t) => {
    const { g0, g1 } = await openConfigServerBench(t);
    for (const name of ["a/b", "a\\b", "..", "a@1", "a\nb", "a\0b", "x".repeat(201)]) {
      const old = await g0.user("CreateConfig", { request_id: "9", ...config(name) });
      assert.deepEqual(
        [old.status, old.body.code, old.body.response_id],
        [400, "BadRequest", "9"],
        JSON.stringify(name),
      );
      assert.match(old.body.message, /file name/);
      const released = await g1.user("CreateConfig", { config_detail: { name, detail: "x" } });
      assert.deepEqual([released.status, released.body.code], [400, 1]);
    }
  });

  test("large configs and any text of a request id come back whole", async (t) => {
    const { g0 } = await openConfigServerBench(t);
    const text = "ж".repeat(256 * 1024);
    const request_id = "π \u0001 \u{1f600}";
    assert.equal((await g0.user("CreateConfig", { request_id, ...config("big", text) })).body.response_id, request_id);
    assert.equal((await g0.user("GetConfig", { config_name: "big" })).body.config_detail.content, text);
    const tooLarge = await g0.user("CreateConfig", config("larger", "x".repeat(1024 * 1024 + 1)));
    assert.deepEqual([tooLarge.status, tooLarge.body.code], [400, "BadRequest"]);
  });

  test("parallel calls lose nothing", async (t) => {
    const bench = await openConfigServerBench(t);
    const { g0 } = bench;
    const names = Array.from({ length: 50 }, (_, index) => `c${String(index).padStart(2, "0")}`);
    const all = async (call: (name: string) => Promise<ConfigServerAnswer>) => {
      for (const answer of await Promise.all(names.map(call))) assert.equal(answer.status, 200, answer.body?.message);
    };
    await all((name) => g0.user("CreateConfig", config(name)));
    await all((config_name) => g0.user("ApplyConfigToAgentGroup", { group_name: "default", config_name }));
    const applied = async () =>
      (await g0.user("GetAppliedConfigsForAgentGroup", { group_name: "default" })).body.config_names.sort();
    assert.deepEqual(await applied(), names);
    const [kept, removed] = [names.slice(0, 25), names.slice(25)];
    await Promise.all([
      ...removed.map((config_name) => g0.user("RemoveConfigFromAgentGroup", { group_name: "default", config_name })),
      ...kept.map((_, index) => g0.user("UpdateAgentGroup", group("default", `d${index}`))),
    ]);
    assert.deepEqual(await applied(), kept);
    const statuses = await Promise.all(
      Array.from({ length: 16 }, async () => (await g0.user("CreateConfig", config("once"))).status),
    );
    assert.equal(statuses.filter((status) => status === 200).length, 1);
    await Promise.all(Array.from({ length: 80 }, (_, index) => g0.user("UpdateConfig", config("once", `t${index}`))));
    await g0.user("ApplyConfigToAgentGroup", { group_name: "default", config_name: "once" });
    await beat(bench, "a1");
    const info = (await listFor(bench, "a1")).find(({ config_name }) => config_name === "once");
    assert.equal(info.config_version, 80);
  });
});
