import assert from "node:assert/strict";
import { test } from "node:test";
import { openRolloutFleet } from "./rollout-fleet-for-test.ts";

const AGENTS = 2000;
const BAD = 60; // 3 %
const WAVES = [1, "10%", "50%", "100%"];

/** A fleet of which every 33rd agent refuses whatever comes after the first revision. */
async function openThousands() {
  const fleet = await openRolloutFleet({ agents: AGENTS });
  const bad = new Set(fleet.agents.filter((_, index) => index % 33 === 16 && index < BAD * 33));
  for (const agent of bad) agent.taste = ({ text }) => (text === "one" ? "applies" : "refuses");
  assert.equal(bad.size, BAD);
  return { fleet, bad };
}

test("of 2,000 agents 3 % fail: the rollout halts in the wave that spends its budget, and nobody beyond is touched", async () => {
  const { fleet, bad } = await openThousands();
  const { id } = await fleet.start(await fleet.write("two"), { waves: WAVES, failureBudget: "2%", healthyMs: 5000 });
  const waves = await wavesByName(fleet, id);
  const within = (wave: number) => fleet.agents.filter((agent) => (waves.get(agent.name) ?? 9) <= wave);
  const badOf = (wave: number) => within(wave).filter((agent) => bad.has(agent)).length;
  assert.deepEqual(
    [1, 2, 3, 4].map((wave) => within(wave).length),
    [1, 200, 1000, 2000],
  );
  const last = [1, 2, 3, 4].find((wave) => badOf(wave) > Math.floor(within(wave).length * 0.02)) ?? 0;
  assert.ok(last > 1 && last < 4, "a wave in the middle spends the budget");

  await fleet.seconds(30);
  const rollout = await fleet.rollouts.get(id);
  assert.deepEqual([rollout.state, rollout.wave], ["halted", last]);
  const offered = fleet.agents.filter((agent) => agent.offers.includes(2));
  assert.deepEqual(new Set(offered), new Set(within(last)));
  for (const agent of bad) assert.equal(agent.revision(), 1, "who failed keeps its last good one");
  for (const agent of offered) assert.deepEqual(agent.offers, [1, 2], "nobody is offered it twice");
  assert.equal(fleet.running(2).length, within(last).length - badOf(last));
  assert.deepEqual(await fleet.rollouts.errors(id), [{ error: "no such plugin in 2", agents: badOf(last) }]);
  assert.equal(
    rollout.waves.reduce((sum, wave) => sum + wave.failed, 0),
    badOf(last),
  );

  await fleet.seconds(30);
  assert.equal(fleet.agents.filter((agent) => agent.offers.includes(2)).length, offered.length, "halted is halted");
  await fleet.rollouts.rollBack(id, "tester");
  await fleet.seconds(2);
  assert.equal(fleet.agents.filter((agent) => agent.runs.get("app")?.text !== "one").length, 0);
  const untouched = fleet.agents.filter((agent) => agent.offers.length === 1);
  assert.equal(untouched.length, AGENTS - offered.length);
  await fleet.close();
});

test("of 2,000 agents 3 % fail, and the budget allows 5 %: all others have it in the end", async () => {
  const { fleet, bad } = await openThousands();
  const { id } = await fleet.start(await fleet.write("two"), { waves: WAVES, failureBudget: "5%", healthyMs: 5000 });
  const first = await wavesByName(fleet, id);
  const canary = fleet.agents.find((agent) => first.get(agent.name) === 1);
  assert.ok(canary && !bad.has(canary), "the first one is well");
  await fleet.seconds(45);
  assert.equal((await fleet.rollouts.get(id)).state, "done");
  assert.equal(fleet.running(2).length, AGENTS - BAD);
  assert.deepEqual(new Set(fleet.running(1)), bad);
  await fleet.close();
});

async function wavesByName(
  fleet: Awaited<ReturnType<typeof openRolloutFleet>>,
  id: string,
): Promise<Map<string, number>> {
  const waves = new Map<string, number>();
  for (let cursor: string | undefined; ; ) {
    const page = await fleet.rollouts.agents(id, { limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    for (const agent of page.items) waves.set(agent.agentName, agent.wave);
    if (page.nextCursor === null) return waves;
    cursor = page.nextCursor;
  }
}
