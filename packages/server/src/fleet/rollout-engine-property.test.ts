import assert from "node:assert/strict";
import { test } from "node:test";
import { type CountOrShare, resolveBudget } from "@muster/core";
import { dealWaves, type StepAgent, type StepSnapshot, stepRollout } from "./rollout-engine.ts";

const SEQUENCES = 400;
const TICK_MS = 1000;

type Random = (below: number) => number;

/** Whole numbers from a seed, the same ones each time (xorshift). */
function randomOf(seed: number): Random {
  let state = (seed * 2654435761) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const HABITS = ["takes", "refuses", "is silent", "crashes", "restless", "away", "comes back", "refuses later"] as const;

/** An agent that does what its habit says: the engine sees only what it could see of a real one. */
interface ModelAgent {
  seen: StepAgent;
  readonly habit: (typeof HABITS)[number];
  readonly delayMs: number;
}

function newAgent(number: number, wave: number, random: Random): ModelAgent {
  const habit = HABITS[random(10)] ?? "takes"; // most agents are well
  const seen: StepAgent = {
    number,
    wave,
    state: "waiting",
    begunAt: null,
    excused: false,
    online: habit !== "away" && habit !== "comes back",
    presentSince: 0,
    told: "nothing",
    toldAt: 0,
    error: null,
  };
  return { seen, habit, delayMs: random(20_000) };
}

/** Lets a second pass for an agent. */
function live(agent: ModelAgent, now: number, random: Random): void {
  const { seen, habit, delayMs } = agent;
  const change = (how: Partial<StepAgent>) => {
    agent.seen = { ...agent.seen, ...how };
  };
  if (habit === "comes back" && !seen.online && now >= delayMs * 3) change({ online: true, presentSince: now });
  if (habit === "restless" && random(4) === 0) change({ online: !seen.online, presentSince: now });
  if (seen.begunAt === null || !agent.seen.online || now < seen.begunAt + delayMs) return;
  if (seen.told === "nothing" && habit === "refuses") change({ told: "failed", toldAt: now, error: "no" });
  if (seen.told === "nothing" && !["refuses", "is silent"].includes(habit)) change({ told: "applied", toldAt: now });
  if (seen.told === "applied" && habit === "crashes") change({ online: false, presentSince: now });
  if (seen.told === "applied" && habit === "refuses later" && random(30) === 0)
    change({ told: "failed", toldAt: now, error: "broke" });
}

function wavesOf(random: Random): CountOrShare[] {
  const choices: CountOrShare[][] = [["100%"], [1, "10%", "50%", "100%"], [1, 2, 3, 4, "100%"], ["30%", "100%"]];
  return choices[random(choices.length)] ?? ["100%"];
}

test("whatever agents do: nobody beyond the begun waves, nobody after the budget is spent, and it ends", () => {
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= SEQUENCES; seed++) {
    const random = randomOf(seed);
    const sizes = wavesOf(random);
    const agents = dealt(random(60), sizes, random);
    const rollout = {
      state: "running" as StepSnapshot["state"] | "done",
      wave: 0,
      waveAt: 0,
      waves: sizes.length,
      healthyMs: random(20_000),
      applyTimeoutMs: 1000 + random(40_000),
      failureBudget: ([0, 1, 5, "5%", "20%", "100%"] as const)[random(6)] ?? 0,
    };
    const longest = (sizes.length + 1) * (2 * rollout.applyTimeoutMs + rollout.healthyMs + 2 * TICK_MS);
    let now = 0;
    for (; rollout.state === "running" && now <= longest; now += TICK_MS) {
      if (random(20) === 0) agents.push(newAgent(1000 + agents.length, sizes.length, random));
      for (const agent of agents) live(agent, now, random);
      const where = `seed ${seed} at ${now} ms`;
      const decision = stepRollout({ ...rollout, state: rollout.state, now, ...shown(agents, rollout.wave) });
      for (const { number, state, error } of decision.outcomes) set(agents, number, { state, error });
      assert.ok(decision.wave === rollout.wave || decision.wave === rollout.wave + 1, where);
      const begun = agents.filter(({ seen }) => seen.begunAt !== null);
      const failures = begun.filter(({ seen }) => seen.state === "failed").length;
      const isSpent = failures > resolveBudget(rollout.failureBudget, begun.length);
      assert.equal(decision.state === "halted", isSpent, where);
      if (isSpent) assert.deepEqual([decision.begin, decision.wave], [[], rollout.wave], where);
      for (const number of decision.begin) {
        const agent = agents.find(({ seen }) => seen.number === number);
        assert.ok(agent?.seen.online && agent.seen.begunAt === null && agent.seen.wave <= decision.wave, where);
        set(agents, number, { state: "pending", begunAt: now });
      }
      if (decision.wave > rollout.wave) rollout.waveAt = now;
      Object.assign(rollout, { wave: decision.wave, state: decision.state });
    }
    assert.ok(rollout.state === "done" || rollout.state === "halted", `seed ${seed} has not ended`);
    if (rollout.state === "done") assert.equal(rollout.wave, sizes.length);
    ends.set(rollout.state, (ends.get(rollout.state) ?? 0) + 1);
  }
  for (const state of ["done", "halted"]) assert.ok((ends.get(state) ?? 0) > SEQUENCES / 10, `${state} is hardly met`);
});

function dealt(count: number, sizes: readonly CountOrShare[], random: Random): ModelAgent[] {
  const agents = Array.from({ length: count }, (_, index) => newAgent(index + 1, 0, random));
  const waves = new Map(
    dealWaves(
      agents.map(({ seen }) => seen),
      sizes,
    ).map(({ number, wave }) => [number, wave]),
  );
  for (const agent of agents) agent.seen = { ...agent.seen, wave: waves.get(agent.seen.number) ?? 0 };
  return agents;
}

/** What the engine is shown of them, as the store would. */
function shown(
  agents: readonly ModelAgent[],
  wave: number,
): Pick<StepSnapshot, "total" | "isAnyoneOnline" | "waveSize" | "healthy" | "agents"> {
  const near = agents.map(({ seen }) => seen).filter((agent) => agent.wave <= wave + 1);
  const rest = near.filter((agent) => agent.state !== "healthy" || agent.told === "failed");
  return {
    total: agents.length,
    isAnyoneOnline: agents.some(({ seen }) => seen.online),
    waveSize: agents.filter(({ seen }) => seen.wave === wave).length,
    healthy: near.length - rest.length,
    agents: rest,
  };
}

function set(agents: readonly ModelAgent[], number: number, how: Partial<StepAgent>): void {
  const agent = agents.find(({ seen }) => seen.number === number);
  assert.ok(agent);
  agent.seen = { ...agent.seen, ...how };
}
