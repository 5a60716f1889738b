import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { rolloutWriteSchema } from "@muster/core/resources";
import { describeCluster, eventually } from "./cluster-for-test.ts";
import type { Fleet } from "./fleet.ts";
import { connectTo, type TestAgent } from "./fleet-for-test.ts";

/** Takes what it is offered, and answers the revision. */
function poll(fleet: Fleet, agent: TestAgent): number | undefined {
  const { state } = agent.session;
  const [wanted] = fleet.configs.wantedFor(state);
  if (!wanted) return undefined;
  const { name, kind, revision, digest } = wanted;
  fleet.configs.report(state, ["file"], [{ name, kind, revision, digest, status: "applied", error: null }]);
  return revision;
}

describeCluster("rollouts in several processes", (cluster) => {
  test("are begun, paused and resumed through any process, and reach the agents of all", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agents: { fleet: Fleet; agent: TestAgent }[] = [];
    for (const fleet of [left.fleet, right.fleet])
      for (let index = 0; index < 3; index++) {
        const name = `host-${agents.length}`;
        const how = { capabilities: new Set(["configs", "verdict"] as const), staleAfterMs: 600_000 };
        agents.push({ fleet, agent: await connectTo(fleet, name, how) });
      }
    const revisions = () => agents.map(({ fleet, agent }) => poll(fleet, agent));
    const count = (revision: number) => revisions().filter((each) => each === revision).length;
    const { id } = await left.fleet.configs.create({ name: "app", kind: "file", text: "one" }, "eve");
    await left.fleet.configs.assign(id, "default", 1, "eve");
    await eventually("everybody to have the first one", () => count(1) === 6);
    await eventually(
      "everybody to be seen",
      async () => (await left.fleet.agents.list({ status: "online" })).total === 6,
    );

    await left.fleet.configs.change(id, { text: "two" }, "eve");
    const write = { configId: id, revision: 2, groups: ["default"], waves: [1, 3, "100%"], healthyMs: 0 };
    const rollout = await right.fleet.rollouts.start(rolloutWriteSchema.parse(write), "eve");
    await eventually("the first wave", () => count(2) === 1);
    await left.fleet.rollouts.pause(rollout.id, "eve");
    await left.fleet.rollouts.run(systemClock.now());
    assert.equal(count(2), 1);
    await assert.rejects(right.fleet.rollouts.pause(rollout.id, "eve"), { code: "failed_precondition" });
    await right.fleet.rollouts.resume(rollout.id, "eve");

    await eventually("everybody to have it", async () => {
      const now = systemClock.now();
      await Promise.all([left, right].map(({ fleet }) => fleet.rollouts.run(now)));
      return count(2) === 6 && (await left.fleet.rollouts.get(rollout.id)).state === "done";
    });
    assert.deepEqual(new Set(revisions()), new Set([2]));
  });
});
