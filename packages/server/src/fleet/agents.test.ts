import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { hasCode } from "@muster/core";
import { agentListQuerySchema } from "@muster/core/resources";
import { describeStores } from "../store/stores-for-test.ts";
import { openTestFleet, type TestFleet } from "./fleet-for-test.ts";
import { beatIntervalFor } from "./sessions.ts";

describeStores("agents", (stores) => {
  let fleet$: TestFleet;

  beforeEach(async () => {
    fleet$ = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => fleet$.close());

  const list = (query: Record<string, unknown>) => fleet$.fleet.agents.list(agentListQuerySchema.parse(query));
  const names = async (query: Record<string, unknown>) => (await list(query)).items.map((agent) => agent.name);

  test("a silent agent is stale after three beats and online again with the next word", async () => {
    const agent = await fleet$.connect("a");
    const status = async () => (await fleet$.fleet.agents.get(agent.session.agentId)).status;
    await fleet$.pass(7_000);
    assert.equal(await status(), "online");
    await fleet$.pass(2_000);
    assert.equal(await status(), "stale");
    agent.session.touch();
    assert.equal(await status(), "online");
  });

  test("a closed connection shows at once, with the reason", async () => {
    const agent = await fleet$.connect("a");
    agent.session.close("closed by the agent");
    const seen = await fleet$.fleet.agents.get(agent.session.agentId);
    assert.deepEqual([seen.status, seen.statusReason], ["offline", "closed by the agent"]);
  });

  test("the same identity is the same agent, another protocol's is not", async () => {
    const first = await fleet$.connect("a");
    const again = await fleet$.connect("a");
    const other = await fleet$.connect("a", { protocol: "other" });
    assert.equal(again.session.agentId, first.session.agentId);
    assert.notEqual(other.session.agentId, first.session.agentId);
    assert.deepEqual([first.session.isNew, again.session.isNew], [true, false]);
  });

  test("whatever else an agent tells of itself is kept until it tells something else, within bounds", async () => {
    const agent = await fleet$.connect("a", { facts: { details: { kind: "LoongCollector" } } });
    const details = async () => (await fleet$.fleet.agents.get(agent.session.agentId)).details;
    await agent.session.describe({ hostname: "web" });
    assert.deepEqual(await details(), { kind: "LoongCollector" });
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`d${index}`, `${"x".repeat(300)}\u0000`]),
    );
    await agent.session.describe({ details: many });
    assert.equal(Object.keys(await details()).length, 64);
    assert.equal((await details()).d0, "x".repeat(255));
  });

  test("many new agents at once are stored, each once", async () => {
    const ids = await Promise.all(
      Array.from({ length: 600 }, (_, index) =>
        fleet$.connect(`host-${index % 300}`).then((agent) => agent.session.agentId),
      ),
    );
    assert.equal(new Set(ids).size, 300);
    assert.equal((await fleet$.fleet.agents.counts()).total, 300);
  });

  test("pages follow each other without gaps or repeats, in both directions", async () => {
    for (let index = 0; index < 25; index++) await fleet$.connect(`host-${String(index).padStart(2, "0")}`);
    for (const sort of ["name", "-name", "status", "firstSeenAt", "-lastSeenAt"]) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ limit: 7, sort, ...(cursor ? { cursor } : {}) });
        assert.equal(page.total, 25);
        seen.push(...page.items.map((agent) => agent.name));
        cursor = page.nextCursor ?? undefined;
      } while (cursor);
      assert.equal(new Set(seen).size, 25, sort);
      assert.equal(seen.length, 25, sort);
    }
  });

  test("a cursor that is none is a clear error", async () => {
    for (const cursor of ["x", "bm9uZQ", Buffer.from("[{},1]").toString("base64url")]) {
      await assert.rejects(list({ cursor }), (error) => hasCode(error, "invalid_argument"));
    }
  });

  test("selectors read labels as the agent reports and operators set them", async () => {
    const web = await fleet$.connect("web", { facts: { hostname: "web", labels: { role: "web", env: "prod" } } });
    await fleet$.connect("db", { facts: { hostname: "db", labels: { role: "db" } } });
    await web.session.describe({ labels: { role: "web", env: "prod" } });
    await fleet$.settle();
    assert.deepEqual(await names({ selector: "role=web" }), ["web"]);
    assert.deepEqual(await names({ selector: "env!=prod" }), ["db"]);
    assert.deepEqual(await names({ selector: "role in (web,db),!env" }), ["db"]);
    await fleet$.fleet.agents.update(web.session.agentId, { labels: { role: "cache" } });
    assert.deepEqual(await names({ selector: "role=cache" }), ["web"]);
    assert.deepEqual((await fleet$.fleet.agents.get(web.session.agentId)).labels, { role: "cache" });
    assert.deepEqual(await names({ selector: "env" }), []);
  });

  test("searching takes wildcards literally", async () => {
    await fleet$.connect("a%b");
    await fleet$.connect("axb");
    assert.deepEqual(await names({ filter: "A%B" }), ["a%b"]);
  });

  test("a deleted agent loses its connections, and comes back as a new one", async () => {
    const agent = await fleet$.connect("a");
    await fleet$.fleet.agents.remove(agent.session.agentId);
    assert.equal(agent.evicted.length, 1);
    agent.session.close("evicted");
    const back = await fleet$.connect("a");
    assert.notEqual(back.session.agentId, agent.session.agentId);
    await fleet$.pass(1000);
    assert.deepEqual((await names({})).length, 1);
  });

  test("control characters and overlong texts of agents do not get in", async () => {
    const agent = await fleet$.connect("a", { facts: { hostname: `evil\u001b[31m\u0000${"x".repeat(5000)}` } });
    const { hostname } = await fleet$.fleet.agents.get(agent.session.agentId);
    assert.ok(hostname.length <= 255);
    assert.ok(!/\p{Cc}/u.test(hostname));
  });

  test("groups hold who the selector meets and who was added by hand", async () => {
    const web = await fleet$.connect("web", { facts: { hostname: "web", labels: { role: "web" } } });
    const db = await fleet$.connect("db");
    await fleet$.settle();
    const group = await fleet$.fleet.groups.create({
      name: "mixed",
      selector: "role=web",
      agentIds: [db.session.agentId],
    });
    assert.equal(group.agents, 2);
    assert.deepEqual(
      (await fleet$.fleet.groups.members(group.id)).map((row) => row.id).sort(),
      [web.session.agentId, db.session.agentId].sort(),
    );
    await assert.rejects(fleet$.fleet.groups.create({ name: "mixed" }), (error) => hasCode(error, "already_exists"));
    assert.deepEqual(await names({ group: group.id }), ["db", "web"]);
    const empty = await fleet$.fleet.groups.create({ name: "empty" });
    assert.equal(empty.agents, 0);
  });

  test("the beat widens with the fleet and stays within 3 and 30 seconds", () => {
    assert.equal(beatIntervalFor(0), 3000);
    assert.equal(beatIntervalFor(1000), 3000);
    assert.ok(beatIntervalFor(5000) > 3000 && beatIntervalFor(5000) < 30_000);
    assert.equal(beatIntervalFor(10_001), 30_000);
    assert.equal(beatIntervalFor(100_000), 30_000);
  });
});
