import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCluster, eventually } from "./cluster-for-test.ts";
import type { WantedConfig } from "./config-delivery.ts";
import { connectTo } from "./fleet-for-test.ts";

const CAPABILITIES = new Set(["pipelines", "verdict"] as const);

describeCluster("configs in several processes", (cluster) => {
  test("a change through one process reaches the agents of another, and what they say is seen everywhere", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "a", { capabilities: CAPABILITIES });
    const { state } = agent.session;
    const shown = (wanted: readonly WantedConfig[]) => wanted.map(({ revision, text }) => `${revision} ${text}`);
    const wants = () => shown(right.fleet.configs.wantedFor(state));
    const say = (revision: number, error: string | null = null) => {
      const status = error === null ? ("applied" as const) : ("failed" as const);
      const held = { name: "c", kind: "pipeline", revision, status, error, digest: null };
      right.fleet.configs.report(state, ["pipeline"], [held]);
    };

    const { id } = await left.fleet.configs.create({ name: "c", kind: "pipeline", text: "one" }, "eve");
    const group = await left.fleet.groups.create({ name: "eu", selector: "region=eu" });
    await left.fleet.configs.assign(id, group.id, undefined, "eve");
    assert.deepEqual(wants(), []);
    await left.fleet.agents.update(agent.session.agentId, { labels: { region: "eu" } });
    await eventually("the other process to see the label, the group and the config", () => wants()[0] === "1 one");
    say(1);
    await left.fleet.configs.change(id, { text: "two" }, "eve", { give: true });
    await eventually("the new revision", () => wants()[0] === "2 two");
    say(2, "no");
    assert.deepEqual(wants(), ["1 one"]);
    await eventually("the failure to be seen", async () => {
      const [truth] = await left.fleet.configs.ofAgent(agent.session.agentId);
      return truth?.status === "failed" && truth.applied === 1;
    });

    // it comes to the other process, which offers nothing that failed on it
    agent.session.close("it goes away");
    const moved = await connectTo(left.fleet, "a", { capabilities: CAPABILITIES });
    assert.deepEqual(shown(left.fleet.configs.wantedFor(moved.session.state)), ["1 one"]);
    await right.fleet.configs.retry(agent.session.agentId, id, "eve");
    await eventually("the other process to forgive", () =>
      shown(left.fleet.configs.wantedFor(moved.session.state)).includes("2 two"),
    );
  });

  test("changes that race on two processes are all stored, and both end with the same plan", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agents = await Promise.all(
      [left, right].map(({ fleet }, index) => connectTo(fleet, `agent-${index}`, { capabilities: CAPABILITIES })),
    );
    const racing = Array.from({ length: 20 }, async (_, index) => {
      const { configs } = [left, right][index % 2]?.fleet ?? assert.fail();
      const { id } = await configs.create({ name: `c${index}`, kind: "pipeline", text: `${index}` }, "eve");
      await configs.assign(id, "default", undefined, "eve");
    });
    await Promise.all(racing);
    await eventually("both to want all", () =>
      [left, right].every(({ fleet }, index) => {
        const session = agents[index]?.session ?? assert.fail();
        return fleet.configs.wantedFor(session.state).length === 20;
      }),
    );
  });
});
