import assert from "node:assert/strict";
import { test } from "node:test";
import { describeStores } from "../store/stores-for-test.ts";
import { Audit } from "./audit.ts";
import { openRolloutFleet } from "./rollout-fleet-for-test.ts";

const WAVES = [1, "10%", "50%", "100%"];

describeStores("rollouts", (stores) => {
  const open = async (agents: number) => openRolloutFleet({ store: await stores.open(), agents });

  test("go in waves, each held until its agents have applied the revision and been healthy for the time", async () => {
    const fleet = await open(20);
    const revision = await fleet.write("two");
    await fleet.seconds(2);
    assert.equal(fleet.running(1).length, 20, "a revision reaches nobody by itself");
    const { id } = await fleet.start(revision, { waves: WAVES });
    const begun: number[] = [];
    for (let second = 0; second < 40; second++) {
      await fleet.seconds(1);
      const count = fleet.running(revision).length;
      if (count !== begun.at(-1)) begun.push(count);
      if (second < 4) assert.equal(count, 1);
    }
    assert.deepEqual(begun, [1, 2, 10, 20]);
    const rollout = await fleet.rollouts.get(id);
    assert.deepEqual([rollout.state, rollout.wave], ["done", 4]);
    assert.deepEqual(
      rollout.waves.map(({ size, agents, applied }) => [size, agents, applied]),
      [
        ["1", 1, 1],
        ["10%", 1, 1],
        ["50%", 8, 8],
        ["100%", 10, 10],
      ],
    );
    const { groups } = await fleet.test.fleet.configs.get(fleet.config.id);
    assert.deepEqual(
      groups.map((group) => group.revision),
      [revision],
    );
    await fleet.close();
  });

  test("wait for an agent that takes its time", async () => {
    const fleet = await open(10);
    let isReady = false;
    for (const agent of fleet.agents) agent.taste = ({ text }) => (text === "one" || isReady ? "applies" : "ignores");
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: [1, "100%"] });
    await fleet.seconds(20);
    assert.deepEqual(await states(fleet, id), ["pending", ...Array(9).fill("waiting")]);
    isReady = true;
    await fleet.seconds(15);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    assert.equal(fleet.running(revision).length, 10);
    await fleet.close();
  });

  test("halt when more fail than the budget allows; nobody beyond the wave is touched, and who failed keeps its last good", async () => {
    const fleet = await open(20);
    for (const agent of fleet.agents) agent.taste = ({ text }) => (text === "one" ? "applies" : "refuses");
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: [3, "100%"], failureBudget: 1 });
    await fleet.seconds(30);
    const rollout = await fleet.rollouts.get(id);
    assert.deepEqual([rollout.state, rollout.wave], ["halted", 1]);
    assert.match(rollout.reason, /3 of 3 agents failed/);
    assert.deepEqual(await fleet.rollouts.errors(id), [{ error: "no such plugin in 2", agents: 3 }]);
    assert.equal(fleet.running(1).length, 20, "everybody still runs the first revision");
    const offered = fleet.agents.filter((agent) => agent.offers.includes(revision));
    assert.equal(offered.length, 3);
    for (const agent of offered) assert.deepEqual(agent.offers, [1, 2], "what failed is not offered in a loop");
    const { items } = await fleet.test.fleet.configs.agentsOf(fleet.config.id, { limit: 100, status: "failed" });
    assert.equal(items.length, 3);
    const audit = await new Audit(fleet.test).list({ limit: 10 });
    assert.deepEqual(
      audit.items.map(({ actor, action, target }) => [actor, action, target]),
      [["server", "rollouts.halted", id]],
    );
    await fleet.close();
  });

  test("go on from a halt when somebody says so, without counting those failures again", async () => {
    const fleet = await open(6);
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: [2, 4, "100%"] });
    const [first] = (await fleet.rollouts.agents(id, { wave: 1 })).items;
    const bad = fleet.agents.find((agent) => agent.name === first?.agentName);
    assert.ok(bad);
    bad.taste = () => "refuses";
    await fleet.seconds(10);
    assert.equal((await fleet.rollouts.get(id)).state, "halted");
    await assert.rejects(fleet.rollouts.pause(id, "tester"), { code: "failed_precondition" });
    await fleet.rollouts.resume(id, "tester");
    await fleet.seconds(30);
    const rollout = await fleet.rollouts.get(id);
    assert.equal(rollout.state, "done");
    assert.deepEqual([rollout.waves[0]?.failed, fleet.running(revision).length, bad.revision()], [1, 5, 1]);
    await fleet.close();
  });

  test("give nobody anything while they are paused, and go on when resumed", async () => {
    const fleet = await open(10);
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: [2, "100%"] });
    await fleet.seconds(2);
    await fleet.rollouts.pause(id, "tester");
    await fleet.seconds(30);
    assert.equal((await fleet.rollouts.get(id)).reason, "paused by tester");
    assert.equal(fleet.running(revision).length, 2);
    await assert.rejects(fleet.rollouts.pause(id, "tester"), { code: "failed_precondition" });
    await fleet.rollouts.resume(id, "tester");
    await fleet.seconds(15);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    assert.equal(fleet.running(revision).length, 10);
    await fleet.close();
  });

  test("are rolled back by a new revision with the old text, and agents that have this text are not touched", async () => {
    const fleet = await open(10);
    const { id } = await fleet.start(await fleet.write("two"), { waves: [3, "100%"] });
    await fleet.seconds(3);
    const rollout = await fleet.rollouts.rollBack(id, "tester");
    assert.deepEqual(
      [rollout.state, rollout.reason],
      ["rolled_back", "rolled back by tester: revision 3 has the text of 1"],
    );
    await fleet.seconds(20);
    assert.deepEqual([...new Set(fleet.agents.map((agent) => agent.runs.get("app")?.text))], ["one"]);
    const touched = fleet.agents.filter((agent) => agent.offers.length > 1);
    assert.equal(touched.length, 3);
    for (const agent of touched) assert.deepEqual(agent.offers, [1, 2, 3]);
    const stored = await fleet.test.fleet.configs.revision(fleet.config.id, 3);
    assert.deepEqual([stored.text, stored.message], ["one", "back to revision 1, from 2"]);
    const { items } = await fleet.test.fleet.configs.agentsOf(fleet.config.id, { limit: 100 });
    assert.deepEqual(new Set(items.map(({ wanted, status }) => `${wanted} ${status}`)), new Set(["3 applied"]));
    await assert.rejects(fleet.rollouts.rollBack(id, "tester"), { code: "failed_precondition" });
    await fleet.close();
  });

  test("are rolled back after they are done, but not over something newer", async () => {
    const fleet = await open(4);
    const { id } = await fleet.start(await fleet.write("two"));
    await fleet.seconds(10);
    const next = await fleet.start(await fleet.write("three"));
    await fleet.seconds(10);
    await assert.rejects(fleet.rollouts.rollBack(id, "tester"), { code: "failed_precondition" });
    assert.equal((await fleet.rollouts.rollBack(next.id, "tester")).state, "rolled_back");
    await fleet.seconds(3);
    assert.deepEqual([...new Set(fleet.agents.map((agent) => agent.runs.get("app")?.text))], ["two"]);
    await fleet.close();
  });

  test("do not wait for agents that are away; those catch up when they are back, unless the rollout is paused", async () => {
    const fleet = await open(6);
    const [away, later] = fleet.agents;
    assert.ok(away && later);
    away.disconnect();
    later.disconnect();
    await fleet.seconds(1);
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: ["100%"], healthyMs: 60_000 });
    await fleet.seconds(3);
    assert.equal(fleet.running(revision).length, 4);
    assert.deepEqual((await fleet.rollouts.get(id)).waves[0], {
      ...{ size: "100%", agents: 6, applied: 4, failed: 0, pending: 0, offline: 2 },
    });
    await away.connect();
    await fleet.seconds(3);
    assert.equal(away.revision(), revision);
    await fleet.rollouts.pause(id, "tester");
    await later.connect();
    await fleet.seconds(5);
    assert.equal(later.revision(), 1);
    await fleet.rollouts.resume(id, "tester");
    await fleet.seconds(3);
    assert.equal(later.revision(), revision);
    await fleet.close();
  });

  test("count an agent that went away with the revision as failed when it does not come back", async () => {
    const fleet = await open(4);
    const { id } = await fleet.start(await fleet.write("two"), { waves: [1, "100%"], applyTimeoutMs: 20_000 });
    await fleet.seconds(2);
    const [crashed] = fleet.running(2);
    assert.ok(crashed);
    crashed.disconnect();
    await fleet.seconds(15);
    assert.equal((await fleet.rollouts.get(id)).wave, 1);
    await fleet.seconds(10);
    const rollout = await fleet.rollouts.get(id);
    assert.deepEqual([rollout.state, rollout.wave], ["halted", 1]);
    assert.match((await fleet.rollouts.errors(id))[0]?.error ?? "", /went away/);
    await fleet.close();
  });

  test("go on where they were when the process ends in the middle", async () => {
    const fleet = await open(10);
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: [1, "50%", "100%"] });
    await fleet.seconds(8);
    assert.equal(fleet.running(revision).length, 5);
    await fleet.restart();
    await fleet.seconds(15);
    assert.equal((await fleet.rollouts.get(id)).wave, 2, "agents that are about to connect are not taken for away");
    for (const agent of fleet.agents) await agent.connect();
    await fleet.seconds(1);
    assert.equal(fleet.running(revision).length, 5, "those who had it have it, and nobody else");
    await fleet.seconds(30);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    assert.equal(fleet.running(revision).length, 10);
    await fleet.close();
  });

  test("are superseded by a new one; who was given the older revision keeps it until the newer one comes", async () => {
    const fleet = await open(10);
    const first = await fleet.start(await fleet.write("two"), { waves: [4, "100%"], healthyMs: 600_000 });
    await fleet.seconds(2);
    const second = await fleet.start(await fleet.write("three"), { waves: [1, "100%"] });
    const ended = await fleet.rollouts.get(first.id);
    assert.deepEqual([ended.state, ended.reason], ["superseded", "superseded by a rollout of revision 3"]);
    await fleet.seconds(2);
    assert.deepEqual([fleet.running(1).length, fleet.running(2).length, fleet.running(3).length], [6, 3, 1]);
    await fleet.seconds(20);
    assert.equal((await fleet.rollouts.get(second.id)).state, "done");
    assert.equal(fleet.running(3).length, 10);
    await assert.rejects(fleet.rollouts.rollBack(first.id, "tester"), { code: "failed_precondition" });
    await fleet.close();
  });

  test("are superseded by whoever gives the config at once", async () => {
    const fleet = await open(6);
    const { id } = await fleet.start(await fleet.write("two"), { waves: [2, "100%"], healthyMs: 600_000 });
    await fleet.seconds(2);
    await fleet.test.fleet.configs.change(fleet.config.id, { text: "three" }, "another", { give: true });
    await fleet.seconds(2);
    assert.equal((await fleet.rollouts.get(id)).state, "superseded");
    assert.equal(fleet.running(3).length, 6);
    await fleet.close();
  });

  test("end with their config, and give nothing of it when its name comes back", async () => {
    const fleet = await open(3);
    const { configs } = fleet.test.fleet;
    const { id } = await fleet.start(await fleet.write("two"), { healthyMs: 600_000 });
    await fleet.seconds(2);
    await configs.remove("app", "another");
    await fleet.seconds(2);
    assert.equal((await fleet.rollouts.get(id)).state, "superseded");
    await configs.create({ name: "app", kind: "file", text: "new" }, "another");
    await fleet.seconds(2);
    assert.equal(fleet.running(null).length, 3);
    await fleet.close();
  });

  test("leave alone what somebody has given to one of their groups, or taken from it, in the middle", async () => {
    const fleet = await open(2);
    const { configs, groups } = fleet.test.fleet;
    const [newer, without] = [await groups.create({ name: "newer" }), await groups.create({ name: "without" })];
    await configs.assign(fleet.config.id, without.id, 1, "tester");
    const { id } = await fleet.start(await fleet.write("two"), { groups: ["default", newer.id, without.id] });
    await fleet.write("three");
    await configs.assign(fleet.config.id, newer.id, 3, "another");
    await configs.unassign(fleet.config.id, without.id, "another");
    await fleet.seconds(10);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    const has = (await configs.get(fleet.config.id)).groups.map(({ name, revision }) => `${name} ${revision}`);
    assert.deepEqual(has.sort(), ["default 2", "newer 3"]);
    await fleet.close();
  });

  test("take nothing away when they are cancelled, and are not repeated for agents that have the text", async () => {
    const fleet = await open(6);
    const { id } = await fleet.start(await fleet.write("two"), { waves: [2, "100%"], healthyMs: 600_000 });
    await fleet.seconds(2);
    await fleet.rollouts.cancel(id, "tester");
    await fleet.seconds(5);
    assert.deepEqual([fleet.running(1).length, fleet.running(2).length], [4, 2]);
    const again = await fleet.start(1);
    assert.equal(again.revision, 3, "an older text is given as a new revision");
    await fleet.seconds(10);
    assert.equal((await fleet.rollouts.get(again.id)).state, "done");
    assert.deepEqual([fleet.running(1).length, fleet.running(3).length], [4, 2]);
    await fleet.close();
  });

  test("let an agent that joins a group in the middle wait for the last wave, and one that leaves go", async () => {
    const fleet = await open(0);
    const { groups } = fleet.test.fleet;
    const web = await groups.create({ name: "web", selector: "role=web" });
    for (let index = 0; index < 4; index++) await fleet.newAgent({ role: "web", place: `${index}` });
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { groups: ["web"], waves: [1, 2, "100%"], healthyMs: 12_000 });
    await fleet.seconds(2);
    const joined = await fleet.newAgent({ role: "web", place: "new" });
    await fleet.newAgent({ role: "db" });
    const last = (await fleet.rollouts.agents(id, { wave: 3 })).items[0];
    const left = fleet.agents.find((agent) => agent.name === last?.agentName);
    assert.ok(left);
    const place = fleet.agents.indexOf(left);
    await groups.replace(web.id, { name: "web", selector: `role=web,place!=${place}` });
    await fleet.seconds(20);
    const { items } = await fleet.rollouts.agents(id, {});
    assert.deepEqual(
      items.filter((agent) => agent.agentName === joined.name).map(({ wave, state }) => [wave, state]),
      [[3, "waiting"]],
    );
    assert.equal(items.filter((agent) => agent.agentName === left.name).length, 0);
    assert.equal(joined.revision(), 1);
    await fleet.seconds(30);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    assert.deepEqual([joined.revision(), left.revision()], [revision, 1]);
    assert.equal(fleet.running(revision).length, 4);
    await fleet.close();
  });

  test("bring a config to a group that did not have it, and take it away again when rolled back", async () => {
    const fleet = await open(3);
    const other = await fleet.test.fleet.configs.create({ name: "other", kind: "file", text: "x" }, "tester");
    const { id } = await fleet.start(1, { configId: other.id, waves: [1, "100%"] });
    await fleet.seconds(2);
    assert.equal(fleet.agents.filter((agent) => agent.revision("other") === 1).length, 1);
    await fleet.seconds(15);
    assert.equal(fleet.agents.filter((agent) => agent.revision("other") === 1).length, 3);
    await fleet.rollouts.rollBack(id, "tester");
    await fleet.seconds(2);
    assert.equal(fleet.agents.filter((agent) => agent.revision("other") === null).length, 3);
    assert.equal(fleet.running(1).length, 3);
    await fleet.close();
  });

  test("do no harm when two engines are at work at once", async () => {
    const fleet = await open(20);
    const revision = await fleet.write("two");
    const { id } = await fleet.start(revision, { waves: WAVES });
    const twin = fleet.twin();
    const begun: number[] = [];
    for (let second = 0; second < 40; second++) {
      await Promise.all([fleet.seconds(1), twin.run(fleet.test.clock.now()), twin.run(fleet.test.clock.now())]);
      const count = fleet.running(revision).length;
      if (count !== begun.at(-1)) begun.push(count);
    }
    assert.deepEqual(begun, [1, 2, 10, 20]);
    assert.equal((await fleet.rollouts.get(id)).state, "done");
    await fleet.close();
  });

  test("are forgotten when they are old, unless their agents have nothing else", async () => {
    const fleet = await open(3);
    const done = await fleet.start(await fleet.write("two"));
    await fleet.seconds(10);
    const cancelled = await fleet.start(await fleet.write("three"), { waves: [1, "100%"] });
    await fleet.seconds(2);
    await fleet.rollouts.cancel(cancelled.id, "tester");
    await fleet.rollouts.prune(fleet.test.clock.now() + 1);
    const ids = async () => (await fleet.rollouts.list({})).items.map((rollout) => rollout.id);
    assert.deepEqual(await ids(), [cancelled.id]);
    await assert.rejects(fleet.rollouts.get(done.id), { code: "not_found" });
    await fleet.start(await fleet.write("four"));
    await fleet.seconds(10);
    await fleet.rollouts.prune(fleet.test.clock.now() + 1);
    assert.deepEqual(await ids(), []);
    assert.equal(fleet.running(4).length, 3);
    await fleet.close();
  });

  test("are refused when they make no sense, and listed with the newest first", async () => {
    const fleet = await open(1);
    for (const [how, code] of [
      [{ waves: [1, 2] }, "invalid_argument"],
      [{ waves: ["50%", "50%", "100%"] }, "invalid_argument"],
      [{ waves: [0, "100%"] }, "invalid_argument"],
      [{ groups: ["nobody"] }, "not_found"],
      [{ configId: "none" }, "not_found"],
      [{ revision: 9 }, "not_found"],
    ] as const)
      await assert.rejects(fleet.start(1, how as object), { code });
    const ids: string[] = [];
    for (const text of ["two", "three", "four"]) ids.unshift((await fleet.start(await fleet.write(text))).id);
    const page = await fleet.rollouts.list({ limit: 2, configId: fleet.config.id });
    const rest = await fleet.rollouts.list({ limit: 2, cursor: page.nextCursor ?? "" });
    assert.deepEqual(
      [...page.items, ...rest.items].map((rollout) => rollout.id),
      ids,
    );
    assert.equal(rest.nextCursor, null);
    assert.equal((await fleet.test.fleet.configs.get(fleet.config.id)).rolloutId, ids[0]);
    await assert.rejects(fleet.rollouts.get("none"), { code: "not_found" });
    await fleet.close();
  });
});

type Opened = Awaited<ReturnType<typeof openRolloutFleet>>;

async function states(fleet: Opened, id: string): Promise<string[]> {
  return (await fleet.rollouts.agents(id, { limit: 1000 })).items.map((agent) => agent.state);
}
