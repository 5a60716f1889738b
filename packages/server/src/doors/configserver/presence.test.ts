import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recordListQuerySchema } from "@muster/core/resources";
import { type TinyMessage, waitUntil } from "@muster/testing";
import { agentExpiry } from "../../jobs/agent-expiry.ts";
import { PROTOCOL } from "./parts.ts";
import { type ConfigServerBench, openConfigServerBench } from "./test-bench.ts";

async function find(bench: ConfigServerBench, id: string) {
  return (await bench.fleet.agents.findByExternalId(PROTOCOL, id)) ?? assert.fail(`there is no agent ${id}`);
}

const beat = (bench: ConfigServerBench, agent_id: string, more: TinyMessage = {}) =>
  bench.g0.agent("HeartBeat", { agent_id, agent_type: "ilogtail", agent_version: "1.1.1", ip: "10.0.0.7", ...more });

describe("agents of ConfigServer in the fleet", () => {
  test("a beat makes an agent known, with its generation and what that can do", async (t) => {
    const bench = await openConfigServerBench(t);
    await beat(bench, "zero", { tags: { env: "prod", "not a label!": "x" }, running_status: "good", startup_time: 7 });
    const attributes = { version: "1.8.8", ip: "10.0.0.8", hostname: "web-1", extras: { os: "x" } };
    await bench.g1.agent("HeartBeat", { agent_id: "one", agent_type: "iLogtail", attributes, interval: 10 });
    const said = { request_id: "1", instance_id: "two", agent_type: "LoongCollector", capabilities: 7 };
    await bench.g2.agent("Heartbeat", { ...said, attributes: { version: "3.0.5", hostname: "web-2" } });
    const zero = await find(bench, "zero");
    assert.deepEqual([zero.status, zero.version, zero.addresses], ["online", "1.1.1", ["10.0.0.7"]]);
    assert.deepEqual(zero.labels, { configserver: "g0", env: "prod" });
    assert.deepEqual(zero.capabilities, ["pipelines"]);
    assert.deepEqual(
      [zero.details.generation, zero.details.runningStatus, zero.details.startupTime],
      ["g0", "good", "7"],
    );
    const one = await find(bench, "one");
    assert.deepEqual([one.hostname, one.labels.configserver], ["web-1", "g1"]);
    assert.deepEqual(one.capabilities.sort(), ["pipelines", "settings"]);
    const two = await find(bench, "two");
    assert.deepEqual([two.version, two.labels.configserver], ["3.0.5", "g2"]);
    assert.deepEqual(two.capabilities.sort(), ["onetime", "pipelines", "settings", "verdict"]);
  });

  test("three missed beats and it is offline; the next one brings it back", async (t) => {
    const bench = await openConfigServerBench(t);
    await bench.g1.agent("HeartBeat", { agent_id: "a", attributes: {}, interval: 20 });
    await bench.pass(30_000);
    assert.equal((await find(bench, "a")).status, "online");
    await bench.pass(20_000);
    assert.equal((await find(bench, "a")).status, "stale");
    await bench.pass(12_000);
    const gone = await find(bench, "a");
    assert.deepEqual([gone.status, gone.statusReason], ["offline", "silent for more than 60 s"]);
    assert.equal(bench.fleet.sessions.connectionCount(PROTOCOL), 0);
    await bench.g1.agent("HeartBeat", { agent_id: "a", attributes: {}, interval: 20 });
    assert.equal((await find(bench, "a")).status, "online");
  });

  test("one that beats slower than its kind is given the time that it takes", async (t) => {
    const bench = await openConfigServerBench(t);
    for (let count = 0; count < 4; count++) {
      await beat(bench, "a");
      await bench.pass(14_000);
      assert.equal((await find(bench, "a")).status, "online");
    }
  });

  test("many first beats of one agent at once are one agent", async (t) => {
    const bench = await openConfigServerBench(t);
    const answers = await Promise.all(Array.from({ length: 16 }, () => beat(bench, "a")));
    for (const { status } of answers) assert.equal(status, 200);
    assert.equal(bench.fleet.sessions.connectionCount(PROTOCOL), 1);
    assert.equal((await find(bench, "a")).connections, 1);
  });

  test("a deleted agent is a new one with its next beat", async (t) => {
    const bench = await openConfigServerBench(t);
    await beat(bench, "a");
    const { id } = await find(bench, "a");
    await bench.fleet.agents.remove(id);
    assert.equal(bench.fleet.sessions.connectionCount(PROTOCOL), 0);
    await beat(bench, "a");
    assert.notEqual((await find(bench, "a")).id, id);
  });

  test("where it is asked for, agents that stay away are forgotten, and no others", async (t) => {
    const bench = await openConfigServerBench(t);
    await beat(bench, "gone");
    await bench.pass(40_000);
    await bench.pass(3_600_000);
    await beat(bench, "here");
    await bench.fleet.registry.flush();
    const job = agentExpiry(bench.fleet.agents, { protocol: PROTOCOL, olderThanMs: 3_000_000 });
    await job.run(bench.clock.now());
    assert.equal(await bench.fleet.agents.findByExternalId(PROTOCOL, "gone"), undefined);
    assert.equal((await find(bench, "here")).status, "online");
  });

  test("what an agent tells of how it runs is shown with it and becomes a measurement", async (t) => {
    const bench = await openConfigServerBench(t);
    const running_details = { cpu: 1.5, memory: 4096, extras: { offset: "12", state: "ok" } };
    const tell = () => bench.g0.agent("RunningStatistics", { agent_id: "a", running_details });
    assert.equal((await tell()).status, 200, "unknown agents are heard, too");
    await beat(bench, "a");
    const shown = async () => {
      const { body } = await bench.g0.user("ListAgents", { group_name: "default" });
      return body.agents[0]?.running_details;
    };
    const expected = { CPU: "1.500000", Memory: "4096", offset: "12", state: "ok" };
    await waitUntil("the early words to be shown", async () => (await shown())?.CPU !== undefined);
    assert.deepEqual(await shown(), expected);
    await tell();
    await beat(bench, "a", { running_status: "other" });
    assert.deepEqual(await shown(), expected);
    await bench.fleet.points.checkpoint();
    assert.ok((bench.fleet.points.received.metric ?? 0) > 0);
  });

  test("every alarm is kept as an event of its agent, also two of the same second", async (t) => {
    const bench = await openConfigServerBench(t);
    await beat(bench, "a");
    for (const detail of ["first", "second"])
      assert.equal((await bench.g0.agent("Alarm", { agent_id: "a", type: "DISCARD", detail })).status, 200);
    assert.equal((await bench.g0.agent("Alarm", { agent_id: "never met", type: "t", detail: "d" })).status, 200);
    const { id } = await find(bench, "a");
    const { items } = await bench.fleet.records.list(
      recordListQuerySchema.parse({ agentId: id, category: "keyevent" }),
    );
    assert.deepEqual(items.map(({ message }) => message).sort(), ["DISCARD\nfirst", "DISCARD\nsecond"]);
    const { body } = await bench.g0.user("ListAgents", { group_name: "default" });
    assert.equal(body.agents.length, 1, "one that only sent an alarm has not beaten");
    const unknown = await bench.g0.agent("GetConfigList", { agent_id: "never met" });
    assert.equal(unknown.status, 404);
  });

  test("ids that a database or a terminal would not take are refused", async (t) => {
    const bench = await openConfigServerBench(t);
    for (const id of ["a\0b", "a\u202eb", "x".repeat(201)]) {
      const { status, body } = await beat(bench, id, { request_id: "5" });
      assert.deepEqual([status, body.code, body.response_id], [400, "BadRequest", "5"]);
    }
  });
});
