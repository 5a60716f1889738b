import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { ConfigServerAnswer, ConfigServerClient, ConfigServerUserAction, TinyMessage } from "@muster/testing";
import { type ConfigServerBench, openConfigServerBench } from "./test-bench.ts";

/** One generation, in the words of the originals' own test suite. */
interface Dialect {
  readonly name: "g0" | "g1";
  client(bench: ConfigServerBench): ConfigServerClient;
  config(name: string, updated?: boolean): TinyMessage;
  nameOf(config: TinyMessage): string;
  /** The number or the word of a code. */
  code(word: string): string | number;
  readonly missingBody: string;
}

const G0_DIALECT: Dialect = {
  name: "g0",
  client: (bench) => bench.g0,
  config: (config_name, updated = false) => ({
    ...{ config_name, agent_type: "ilogtail" },
    content: `Content for test${updated ? "-updated" : ""}`,
    description: `Description for test${updated ? "-updated" : ""}`,
  }),
  nameOf: (config) => config.config_name,
  code: (word) => word,
  missingBody: "Need parameter Content.",
};

const G1_CODES: Readonly<Record<string, number>> = { Accept: 0, InternalServerError: 2 };

const G1_DIALECT: Dialect = {
  name: "g1",
  client: (bench) => bench.g1,
  config: (name, updated = false) => ({
    ...{ type: 0, name },
    detail: `Detail for test${updated ? "-updated" : ""}`,
    context: `Description for test${updated ? "-updated" : ""}`,
  }),
  nameOf: (config) => config.name,
  code: (word) => G1_CODES[word] ?? 1,
  missingBody: "Need parameter Detail.",
};

/** Each call has its number for an id, and must get it back. */
function stepsOf(dialect: Dialect, bench: ConfigServerBench) {
  const client = dialect.client(bench);
  let step = 0;
  const check = (answer: ConfigServerAnswer, status: number, code: string, message: string) => {
    const { response_id, code: answered, message: said } = answer.body;
    assert.deepEqual([answer.status, response_id, answered, said], [status, String(step), dialect.code(code), message]);
    assert.equal(answer.contentType, "application/x-protobuf");
    return answer.body;
  };
  return {
    async ok(message: string, action: ConfigServerUserAction, request: TinyMessage = {}) {
      return check(await client.user(action, { request_id: String(++step), ...request }), 200, "Accept", message);
    },
    async refused(expected: [number, string, string], action: ConfigServerUserAction, request: TinyMessage = {}) {
      return check(await client.user(action, { request_id: String(++step), ...request }), ...expected);
    },
    async agent(message: string, action: string, request: TinyMessage) {
      return check(await client.agent(action, { request_id: String(++step), ...request }), 200, "Accept", message);
    },
  };
}

const missing = (name: string): [number, string, string] => [404, "ConfigNotExist", `Config ${name} doesn't exist.`];
const apply = (group_name: string, config_name: string) => ({ group_name, config_name });

for (const dialect of [G0_DIALECT, G1_DIALECT]) {
  describe(`the originals' own suite, ${dialect.name}`, () => {
    const open = async (t: TestContext) => {
      const bench = await openConfigServerBench(t);
      return { bench, ...stepsOf(dialect, bench) };
    };
    const fields = (config: TinyMessage, expected: TinyMessage) => {
      for (const [name, value] of Object.entries(expected)) assert.equal(config[name], value, name);
    };

    test("T1: the default group stays", async (t) => {
      const { refused } = await open(t);
      const expected: [number, string, string] = [400, "BadRequest", "Cannot delete agent group 'default'"];
      await refused(expected, "DeleteAgentGroup", { group_name: "default" });
    });

    test("T2: configs come, change, go and come again", async (t) => {
      const { ok, refused } = await open(t);
      const create = (name: string, updated = false) => ({ config_detail: dialect.config(name, updated) });
      const get = async (name: string) =>
        (await ok("Get config success", "GetConfig", { config_name: name })).config_detail;
      await ok("Add config success", "CreateConfig", create("config-1"));
      fields(await get("config-1"), dialect.config("config-1"));
      const exists: [number, string, string] = [400, "ConfigAlreadyExist", "Config config-1 already exists."];
      await refused(exists, "CreateConfig", create("config-1"));
      const { config_details: first } = await ok("Get config list success", "ListConfigs");
      assert.equal(first.length, 1);
      fields(first[0], dialect.config("config-1"));
      const { content: _content, detail: _detail, ...without } = dialect.config("config-2");
      await refused([400, "BadRequest", dialect.missingBody], "CreateConfig", { config_detail: without });
      await ok("Add config success", "CreateConfig", create("config-2"));
      fields(await get("config-2"), dialect.config("config-2"));
      for (const name of ["config-1", "config-2"]) {
        await ok("Update config success", "UpdateConfig", create(name, true));
        fields(await get(name), dialect.config(name, true));
      }
      await refused(missing("config-3"), "UpdateConfig", create("config-3", true));
      const { config_details: both } = await ok("Get config list success", "ListConfigs");
      assert.deepEqual(both.map(dialect.nameOf), ["config-1", "config-2"]);
      for (const config of both) fields(config, dialect.config(dialect.nameOf(config), true));
      const remove = (name: string) => ok("Delete config success", "DeleteConfig", { config_name: name });
      await remove("config-1");
      await refused(missing("config-1"), "GetConfig", { config_name: "config-1" });
      await ok("Add config success", "CreateConfig", create("config-1"));
      fields(await get("config-1"), dialect.config("config-1"));
      for (const name of ["config-1", "config-2"]) {
        await remove(name);
        await refused(missing(name), "GetConfig", { config_name: name });
      }
      assert.deepEqual((await ok("Get config list success", "ListConfigs")).config_details, []);
    });

    test("T3: configs are applied to groups, and cannot go while they are", async (t) => {
      const { ok, refused } = await open(t);
      for (const name of ["config-1", "config-2"])
        await ok("Add config success", "CreateConfig", { config_detail: dialect.config(name) });
      const add = "Add config to agent group success";
      const applied = async () => {
        const message = "Get agent group's applied configs success";
        const body = await ok(message, "GetAppliedConfigsForAgentGroup", { group_name: "default" });
        return [...body.config_names].sort();
      };
      await ok(add, "ApplyConfigToAgentGroup", apply("default", "config-1"));
      assert.deepEqual(await applied(), ["config-1"]);
      const groups = await ok("Get group list success", "GetAppliedAgentGroups", { config_name: "config-1" });
      assert.deepEqual(groups.agent_group_names, ["default"]);
      await refused(missing("config-3"), "GetAppliedAgentGroups", { config_name: "config-3" });
      await ok(add, "ApplyConfigToAgentGroup", apply("default", "config-2"));
      assert.deepEqual(await applied(), ["config-1", "config-2"]);
      for (const name of ["config-1", "config-2"]) {
        const message = `Config ${name} was applied to some agent groups, cannot be deleted.`;
        await refused([500, "InternalServerError", message], "DeleteConfig", { config_name: name });
      }
      const removed = "Remove config from agent group success";
      await ok(removed, "RemoveConfigFromAgentGroup", apply("default", "config-2"));
      assert.deepEqual(await applied(), ["config-1"]);
      await ok("Delete config success", "DeleteConfig", { config_name: "config-2" });
      await ok(removed, "RemoveConfigFromAgentGroup", apply("default", "config-1"));
      assert.deepEqual(await applied(), []);
      await ok("Delete config success", "DeleteConfig", { config_name: "config-1" });
    });

    test("T4: agents beat, and are listed", async (t) => {
      const { bench, ok, agent } = await open(t);
      const beat = async (id: string, version: string, startup_time: number) => {
        if (dialect.name === "g1") {
          const message = "Send heartbeat successGet config update infos success";
          const request = { agent_id: id, attributes: {}, running_status: "good", startup_time };
          return agent(message, "HeartBeat", { agent_type: "ilogtail", ...request });
        }
        const said = { agent_version: version, ip: "127.0.0.1", running_status: "good", startup_time, tags: {} };
        await agent("Send heartbeat success", "HeartBeat", { agent_id: id, agent_type: "ilogtail", ...said });
      };
      const tell = async (agent_id: string, value: number) => {
        if (dialect.name === "g1") return;
        const running_details = { cpu: value, memory: value, extras: {} };
        await agent("Send running statistics success", "RunningStatistics", { agent_id, running_details });
        await agent("Alarm success", "Alarm", { agent_id, type: "test", detail: "test" });
      };
      await beat("ilogtail-1", "1.1.1", 100);
      await tell("ilogtail-1", 0);
      await bench.pass(1000);
      await beat("ilogtail-2", "1.1.0", 200);
      await tell("ilogtail-2", 100);
      await bench.pass(1000);
      await beat("ilogtail-1", "1.1.1", 100);
      const { agents } = await ok("Get agent list success", "ListAgents", { group_name: "default" });
      assert.deepEqual(
        agents.map((one: TinyMessage) => one.agent_id),
        ["ilogtail-1", "ilogtail-2"],
      );
      const [first, second] = agents;
      assert.deepEqual([first.running_status, first.startup_time, second.startup_time], ["good", 100, 200]);
      if (dialect.name === "g0") {
        assert.ok(first.latest_heartbeat_time > second.latest_heartbeat_time);
        assert.deepEqual(second.running_details, { CPU: "100.000000", Memory: "100" });
        assert.deepEqual([second.version, second.ip], ["1.1.0", "127.0.0.1"]);
      } else for (const one of agents) assert.notEqual(one.attributes, undefined, "the UI reads it without asking");
    });

    test("T5: agents are told what is new, changed and gone", async (t) => {
      const { ok, agent } = await open(t);
      const names = ["config-1", "config-2", "config-3", "config-4"];
      const poll = dialect.name === "g0" ? pollG0(agent) : pollG1(agent);
      await poll.greet();
      for (const name of names) await ok("Add config success", "CreateConfig", { config_detail: dialect.config(name) });
      const add = (name: string) =>
        ok("Add config to agent group success", "ApplyConfigToAgentGroup", apply("default", name));
      const remove = (name: string) =>
        ok("Remove config from agent group success", "RemoveConfigFromAgentGroup", apply("default", name));
      for (const name of names.slice(0, 3)) await add(name);
      assert.deepEqual(await poll.ask(), { "config-1": "NEW", "config-2": "NEW", "config-3": "NEW" });
      await add("config-4");
      await remove("config-1");
      await ok("Update config success", "UpdateConfig", { config_detail: dialect.config("config-2", true) });
      assert.deepEqual(await poll.ask(), {
        ...{ "config-1": "DELETED", "config-2": "MODIFIED", "config-4": "NEW" },
        ...(dialect.name === "g0" && { "config-3": "SAME" }),
      });
      for (const name of names.slice(1)) await remove(name);
      for (const name of names) await ok("Delete config success", "DeleteConfig", { config_name: name });
    });
  });
}

type AskAgent = (message: string, action: string, request: TinyMessage) => Promise<TinyMessage>;

/** Asks for a list with the versions that the last one had, those of SAME and DELETED too, as the originals' suite does. */
function pollG0(agent: AskAgent) {
  const words = ["SAME", "NEW", "DELETED", "MODIFIED"];
  let config_versions: Record<string, number> = {};
  const agent_id = "ilogtail-1";
  return {
    greet: () => agent("Send heartbeat success", "HeartBeat", { agent_id, agent_type: "ilogtail", tags: {} }),
    async ask() {
      const body = await agent("Get config update infos success", "GetConfigList", { agent_id, config_versions });
      const infos: TinyMessage[] = body.config_update_infos;
      config_versions = Object.fromEntries(infos.map((info) => [info.config_name, info.config_version]));
      return Object.fromEntries(infos.map((info) => [info.config_name, words[info.update_status]]));
    },
  };
}

/** Reports each config with the version that it had before, and fetches whatever was named, deleted ones included. */
function pollG1(agent: AskAgent) {
  const words = ["NEW", "DELETED", "MODIFIED"];
  let pipeline_configs: TinyMessage[] = [];
  const beat = () =>
    agent("Send heartbeat successGet config update infos success", "HeartBeat", {
      ...{ agent_id: "ilogtail-1", agent_type: "ilogtail", attributes: {}, pipeline_configs },
    });
  return {
    greet: beat,
    async ask() {
      const results: TinyMessage[] = (await beat()).pipeline_check_results;
      const req_configs = results.map(({ type, name, new_version, context }) => {
        return { type, name, version: new_version, context };
      });
      const request = { agent_id: "ilogtail-1", req_configs };
      const { config_details } = await agent("Get Agent Config details success", "FetchPipelineConfig", request);
      assert.equal(config_details.length, 3);
      pipeline_configs = results.map(({ type, name, old_version, context }) => {
        return { type, name, version: old_version, context };
      });
      return Object.fromEntries(results.map(({ name, check_status }) => [name, words[check_status]]));
    },
  };
}
