import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Capability } from "@muster/core";
import { waitUntil } from "@muster/testing";
import { describeStores } from "../store/stores-for-test.ts";
import type { WantedConfig } from "./config-delivery.ts";
import { openTestFleet, type TestAgent, type TestFleet } from "./fleet-for-test.ts";
import type { AgentFacts } from "./session.ts";

const KINDS = ["pipeline"];

describeStores("configs", (stores) => {
  let bench: TestFleet;

  beforeEach(async () => {
    bench = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => bench.close());

  /** An agent that reports verdicts, unless told otherwise. */
  const join = (name: string, facts: AgentFacts = {}, capabilities: Capability[] = ["pipelines", "verdict"]) =>
    bench.connect(name, { facts: { hostname: name, ...facts }, capabilities: new Set(capabilities) });
  const create = (name: string, text = `${name}: 1\n`) =>
    bench.fleet.configs.create({ name, kind: "pipeline", text }, "eve");
  const wantedBy = (agent: TestAgent) => bench.fleet.configs.wantedFor(agent.session.state);
  const shown = (agent: TestAgent) =>
    wantedBy(agent).map(({ name, revision, text }) => `${name}@${revision} ${text.trim()}`);
  const say = (agent: TestAgent, ...held: { config: WantedConfig; failed?: string; digest?: string }[]) =>
    bench.fleet.configs.report(
      agent.session.state,
      KINDS,
      held.map(({ config, failed, digest }) => ({
        name: config.name,
        kind: config.kind,
        revision: config.revision,
        status: failed === undefined ? "applied" : "failed",
        error: failed ?? null,
        digest: digest ?? null,
      })),
    );
  const first = (agent: TestAgent): WantedConfig => {
    const [config] = wantedBy(agent);
    assert(config);
    return config;
  };
  const truthOf = async (agent: TestAgent) => {
    const [truth] = await bench.fleet.configs.ofAgent(agent.session.agentId);
    return truth && { wanted: truth.wanted, applied: truth.applied, status: truth.status, error: truth.error };
  };

  test("a config reaches those whose group it is given to, and leaves them when it is taken away", async () => {
    const { configs, groups } = bench.fleet;
    const web = await join("web", { labels: { role: "web" } });
    const db = await join("db", { labels: { role: "db" } });
    const config = await create("nginx");
    assert.deepEqual(shown(web), []);
    const group = await groups.create({ name: "webs", selector: "role=web" });
    assert.deepEqual(await configs.assign(config.id, group.id, undefined, "eve"), { isNew: true, revision: 1 });
    assert.deepEqual(await configs.assign(config.id, group.id, 1, "eve"), { isNew: false, revision: 1 });
    assert.deepEqual([shown(web), shown(db)], [["nginx@1 nginx: 1"], []]);
    assert.equal(configs.fetch(web.session.state, "pipeline", "nginx"), first(web));
    assert.equal(configs.fetch(web.session.state, "settings", "nginx"), undefined);
    assert.equal(wantedBy(web), wantedBy(web));
    assert.equal((await configs.get("nginx")).groups[0]?.name, "webs");

    await configs.assign(config.id, "default", undefined, "eve");
    assert.deepEqual(shown(db), ["nginx@1 nginx: 1"]);
    assert.equal(wantedBy(db), wantedBy(web));
    assert.equal(await configs.unassign(config.id, "default", "eve"), true);
    assert.equal(await configs.unassign(config.id, "default", "eve"), false);
    assert.deepEqual(shown(db), []);
    await groups.remove(group.id);
    assert.deepEqual(shown(web), []);
  });

  test("a revision reaches nobody until it is given, and an equal one is none", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    assert.equal((await configs.change(id, { text: "one" }, "eve")).revision, 1);
    assert.equal((await configs.change(id, { text: "two", message: "why", baseRevision: 1 }, "eve")).revision, 2);
    assert.deepEqual(shown(agent), ["c@1 one"]);
    await assert.rejects(configs.change(id, { text: "x", baseRevision: 1 }, "eve"), { code: "conflict" });
    assert.equal((await configs.change(id, { text: "three" }, "eve", { give: true })).revision, 3);
    assert.deepEqual(shown(agent), ["c@3 three"]);
    assert.deepEqual(
      (await configs.revisions(id)).map(({ revision, message, createdBy }) => [revision, message, createdBy]),
      [
        [3, "", "eve"],
        [2, "why", "eve"],
        [1, "", "eve"],
      ],
    );
  });

  test("a name that comes back goes on counting, and its old copies are replaced", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    const old = first(agent);
    say(agent, { config: old });
    await configs.remove("c", "eve");
    assert.deepEqual(shown(agent), []);
    await assert.rejects(configs.get("c"), { code: "not_found" });
    assert.equal((await create("c", "two")).revision, 3);
    await assert.rejects(create("c"), { code: "already_exists" });
    assert.deepEqual(shown(agent), []);
    await configs.assign(id, "default", undefined, "eve");
    say(agent, { config: old });
    assert.deepEqual(shown(agent), ["c@3 two"]);
  });

  test("names that could leave a folder, and formats that a kind cannot have, are refused", async () => {
    for (const name of ["", "a/b", "a\\b", "a@1", "..", "a\u0000", "a\nb", " a", "x".repeat(201), "."])
      await assert.rejects(create(name), { code: "invalid_argument" }, JSON.stringify(name));
    const { configs } = bench.fleet;
    await assert.rejects(configs.create({ name: "a", kind: "none", text: "" }, "eve"), { code: "invalid_argument" });
    const toml = { name: "a", kind: "pipeline", format: "toml", text: "" } as const;
    await assert.rejects(configs.create(toml, "eve"), { code: "invalid_argument" });
    await assert.rejects(create("big", "x".repeat(1024 * 1024 + 1)), { code: "invalid_argument" });
  });

  test("of two groups with the same config the later one decides, in the order in which all merge", async () => {
    const { configs, groups } = bench.fleet;
    const agent = await join("a", { labels: { role: "web" } });
    const { id } = await create("shared", "one");
    await configs.assign(id, "default", 1, "eve");
    await configs.assign((await create("own")).id, "default", 1, "eve");
    await configs.change(id, { text: "two" }, "eve");
    const later = await groups.create({ name: "webs", selector: "role=web" });
    await configs.assign(id, later.id, 2, "eve");
    assert.deepEqual(shown(agent), ["own@1 own: 1", "shared@2 two"]);
    await groups.replace(later.id, { name: "webs", selector: "role=db" });
    assert.deepEqual(shown(agent).toSorted(), ["own@1 own: 1", "shared@1 one"]);
  });

  test("only agents that can take a kind, and are of the type that is meant, get a config", async () => {
    const { configs } = bench.fleet;
    const able = await join("able", { agentType: "iLogtail" });
    const other = await join("other", { agentType: "LoongCollector" });
    const unable = await join("unable", { agentType: "ilogtail" }, ["command"]);
    const write = { name: "c", kind: "pipeline", text: "x", agentType: "ilogtail" };
    await configs.assign((await configs.create(write, "eve")).id, "default", undefined, "eve");
    assert.deepEqual(
      [able, other, unable].map((agent) => wantedBy(agent).length),
      [1, 0, 0],
    );
  });

  test("agents join by tags: by name and value, or by value alone where their protocol has no names", async () => {
    const { configs, groups } = bench.fleet;
    const named = await join("named", { tags: [{ name: "zone", value: "b1" }] });
    const nameless = await join("nameless", { tags: [{ name: null, value: "b1" }] });
    const other = await join("other", { tags: [{ name: "rack", value: "b1" }] });
    const labelled = await join("labelled", { labels: { zone: "b1" } });
    const group = await groups.create({ name: "b1", tags: [{ name: "zone", value: "b1" }] });
    await configs.assign((await create("c")).id, group.id, undefined, "eve");
    assert.deepEqual(
      [named, nameless, other, labelled].map((agent) => wantedBy(agent).length),
      [1, 1, 0, 1],
    );
    assert.equal((await groups.get(group.id)).agents, 3);
    await other.session.describe({ tags: [{ name: "zone", value: "b1" }] });
    assert.equal(wantedBy(other).length, 1);
    assert.deepEqual((await bench.fleet.agents.get(other.session.agentId)).labels, { zone: "b1" });
  });

  test("truth: pending, applied, failed with the reason; a failed revision is not offered again before a retry", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    wantedBy(agent);
    assert.deepEqual(await truthOf(agent), { wanted: 1, applied: null, status: "pending", error: null });
    say(agent, { config: first(agent) });
    assert.deepEqual(await truthOf(agent), { wanted: 1, applied: 1, status: "applied", error: null });

    await configs.change(id, { text: "two" }, "eve", { give: true });
    say(agent, { config: first(agent), failed: "no such plugin" });
    const failed = { wanted: 2, applied: 1, status: "failed", error: "no such plugin" };
    assert.deepEqual(await truthOf(agent), failed);
    assert.deepEqual(shown(agent), ["c@1 one"]);
    say(agent, { config: first(agent) });
    assert.deepEqual(await truthOf(agent), failed);
    assert.deepEqual((await configs.agentsOf(id, { limit: 10, status: "failed" })).items.length, 1);

    await configs.retry(agent.session.agentId, id, "eve");
    assert.deepEqual(shown(agent), ["c@2 two"]);
    await assert.rejects(configs.retry(agent.session.agentId, id, "eve"), { code: "failed_precondition" });
    say(agent, { config: first(agent) });
    assert.deepEqual(await truthOf(agent), { wanted: 2, applied: 2, status: "applied", error: null });
  });

  test("an agent that never had a good revision is offered nothing until there is another one", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "bad");
    await configs.assign(id, "default", undefined, "eve");
    say(agent, { config: first(agent), failed: "broken" });
    assert.deepEqual(shown(agent), []);
    say(agent);
    assert.equal((await truthOf(agent))?.status, "failed");
    await configs.change(id, { text: "good" }, "eve", { give: true });
    assert.deepEqual(shown(agent), ["c@2 good"]);
  });

  test("who has the same text already is not bothered with another number", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a", {}, ["pipelines"]);
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    say(agent, { config: first(agent) });
    await configs.change(id, { text: "two" }, "eve");
    await configs.change(id, { text: "one", message: "back" }, "eve", { give: true });
    assert.deepEqual(shown(agent), ["c@1 one"]);
    say(agent, { config: first(agent) });
    assert.deepEqual(await truthOf(agent), { wanted: 3, applied: 3, status: "applied", error: null });
  });

  test("what an agent runs instead of what it was given is drift", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    say(agent, { config: first(agent), digest: "0".repeat(64) });
    assert.equal((await configs.ofAgent(agent.session.agentId))[0]?.drifted, true);
    say(agent, { config: first(agent), digest: first(agent).digest });
    assert.equal((await configs.ofAgent(agent.session.agentId))[0]?.drifted, false);
  });

  test("connected agents are told of changes, once, and not of what they knew", async () => {
    const { configs } = bench.fleet;
    const told: string[][] = [];
    const peer = { onConfigs: (wanted: readonly WantedConfig[]) => told.push(wanted.map(({ name }) => name)) };
    const agent = await join("a");
    Object.assign((agent.session as unknown as { peer: object }).peer, peer);
    assert.deepEqual(shown(agent), []);
    const { id } = await create("c");
    await configs.assign(id, "default", undefined, "eve");
    await waitUntil("it is told", () => told.length > 0);
    await configs.create({ name: "elsewhere", kind: "pipeline", text: "" }, "eve");
    await configs.unassign(id, "default", "eve");
    await waitUntil("it is told again", () => told.length > 1);
    assert.deepEqual(told, [["c"], []]);
  });

  test("what is known of an agent outlives the process: what failed, and the text that it falls back to", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a");
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    say(agent, { config: first(agent) });
    await configs.change(id, { text: "two" }, "eve", { give: true });
    say(agent, { config: first(agent), failed: "broken" });
    await bench.fleet.stop();
    bench = await openTestFleet({ store: bench.store, clock: bench.clock });
    assert.deepEqual(shown(await join("a")), ["c@1 one"]);
  });

  test("what a revision would change is told before it is given", async () => {
    const { configs } = bench.fleet;
    const [a, , unable] = [await join("a"), await join("b"), await join("c", {}, ["command"])];
    const { id } = await create("c", "one");
    await configs.assign(id, "default", undefined, "eve");
    say(a, { config: first(a) });
    await configs.change(id, { text: "two" }, "eve");
    const plan = await configs.plan({ configId: id, revision: 2, groups: ["default"] });
    assert.deepEqual([plan.changed, plan.unchanged, plan.unable], [2, 0, 1]);
    assert.equal(plan.items.find(({ agentId }) => agentId === unable.session.agentId)?.outcome, "unable");
    const same = await configs.plan({ configId: id, revision: 1, groups: ["default"] });
    assert.equal(same.changed, 0);
    assert.deepEqual(shown(a), ["c@1 one"]);
  });
});
