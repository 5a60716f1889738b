import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CountOrShare } from "@muster/core";
import { dealWaves, type StepAgent, type StepSnapshot, stepRollout } from "./rollout-engine.ts";

const NOW = 1_000_000;
const HEALTHY_MS = 30_000;
const TIMEOUT_MS = 600_000;

/** An online agent of the first wave that was given the revision a minute ago. */
function agentOf(how: Partial<StepAgent> = {}): StepAgent {
  return {
    number: 1,
    wave: 1,
    state: "pending",
    begunAt: NOW - 60_000,
    excused: false,
    online: true,
    presentSince: 0,
    told: "nothing",
    toldAt: 0,
    error: null,
    ...how,
  };
}

/** A running rollout of three waves, whose first one began a minute ago. */
function snapshotOf(how: Partial<StepSnapshot> = {}): StepSnapshot {
  return {
    now: NOW,
    state: "running",
    wave: 1,
    waveAt: NOW - 60_000,
    waves: 3,
    healthyMs: HEALTHY_MS,
    applyTimeoutMs: TIMEOUT_MS,
    failureBudget: 0,
    total: 10,
    isAnyoneOnline: true,
    waveSize: 1,
    healthy: 0,
    agents: [agentOf()],
    ...how,
  };
}

const waiting = (number: number, wave: number, how: Partial<StepAgent> = {}) =>
  agentOf({ number, wave, state: "waiting", begunAt: null, ...how });
const failed = (number: number, how: Partial<StepAgent> = {}) =>
  agentOf({ number, told: "failed", toldAt: NOW - 10, error: "no such plugin", ...how });

describe("a step of a rollout", () => {
  test("begins the first wave with those of it that are online", () => {
    const agents = [waiting(1, 1), waiting(2, 1, { online: false }), waiting(3, 2)];
    const decision = stepRollout(snapshotOf({ wave: 0, agents }));
    assert.deepEqual(decision, { outcomes: [], begin: [1], wave: 1, state: "running", reason: null });
  });

  test("waits while an agent has not applied the revision, or has not run it for long enough", () => {
    const agents = [waiting(2, 2)];
    for (const first of [agentOf(), agentOf({ told: "applied", toldAt: NOW - HEALTHY_MS + 1 })]) {
      const decision = stepRollout(snapshotOf({ agents: [first, ...agents] }));
      assert.deepEqual([decision.wave, decision.begin], [1, []]);
    }
  });

  test("begins the next wave when the agents of this one have been healthy for the time", () => {
    const first = agentOf({ state: "applied", told: "applied", toldAt: NOW - HEALTHY_MS });
    const decision = stepRollout(snapshotOf({ agents: [first, waiting(2, 2), waiting(3, 2), waiting(4, 3)] }));
    assert.deepEqual(decision.outcomes, [{ number: 1, state: "healthy", error: null }]);
    assert.deepEqual([decision.wave, decision.begin], [2, [2, 3]]);
  });

  test("counts the time anew for an agent that was away in it", () => {
    const returned = agentOf({ state: "applied", told: "applied", toldAt: NOW - 900_000, presentSince: NOW - 5000 });
    const decision = stepRollout(snapshotOf({ agents: [returned, waiting(2, 2)] }));
    assert.deepEqual([decision.wave, decision.outcomes], [1, []]);
  });

  test("does not wait for agents that were away when the wave began, and gives them the revision when they are back", () => {
    const late = waiting(1, 1, { online: false });
    assert.equal(stepRollout(snapshotOf({ healthy: 1, agents: [late] })).wave, 2);
    const held = agentOf({ number: 9, wave: 2 });
    const back = stepRollout(snapshotOf({ wave: 2, agents: [{ ...late, online: true }, held, waiting(3, 3)] }));
    assert.deepEqual([back.wave, back.begin], [2, [1]]);
    const begunLater = agentOf({ begunAt: NOW - 10 });
    assert.equal(stepRollout(snapshotOf({ agents: [begunLater] })).wave, 2);
  });

  test("holds a wave for the time even when nobody of it was there, and for those who come in that time", () => {
    const agents = [waiting(1, 1, { online: false }), waiting(2, 2)];
    const just = { waveAt: NOW - HEALTHY_MS + 1, agents };
    assert.deepEqual(
      [stepRollout(snapshotOf(just)).wave, stepRollout(snapshotOf({ ...just, waveSize: 0 })).wave],
      [1, 2],
    );
    assert.equal(stepRollout(snapshotOf({ ...just, waveAt: NOW - HEALTHY_MS })).wave, 2);
    const came = agentOf({ begunAt: NOW - 31_000 });
    assert.equal(stepRollout(snapshotOf({ agents: [came, ...agents] })).wave, 1);
  });

  test("moves nothing on while nobody at all is online, unless there is nobody", () => {
    const agents = [waiting(1, 1, { online: false }), waiting(2, 2, { online: false })];
    const decision = stepRollout(snapshotOf({ wave: 2, waves: 2, isAnyoneOnline: false, agents }));
    assert.deepEqual([decision.state, decision.wave], ["running", 2]);
    const nobody = { total: 0, isAnyoneOnline: false, waveSize: 0, agents: [] };
    assert.equal(stepRollout(snapshotOf({ ...nobody, wave: 3 })).state, "done");
  });

  test("waits for an agent that went away with the revision, and takes it for failed when it stays away", () => {
    const away = { online: false, state: "applied", told: "applied", toldAt: NOW - 700_000 } as const;
    const waits = agentOf({ ...away, begunAt: NOW - 700_000, presentSince: NOW - TIMEOUT_MS + 1 });
    assert.deepEqual(
      [stepRollout(snapshotOf({ agents: [waits] }))].map(({ wave, outcomes }) => [wave, outcomes.length]),
      [[1, 0]],
    );
    const decision = stepRollout(snapshotOf({ agents: [{ ...waits, presentSince: NOW - TIMEOUT_MS }] }));
    assert.equal(decision.state, "halted");
    assert.match(decision.outcomes[0]?.error ?? "", /went away/);
  });

  test("asks nothing more of an agent that has been healthy, and counts it when it fails after all", () => {
    const gone = agentOf({ state: "healthy", told: "applied", online: false, presentSince: NOW - 2 * TIMEOUT_MS });
    assert.deepEqual(stepRollout(snapshotOf({ agents: [gone] })).outcomes, []);
    assert.equal(stepRollout(snapshotOf({ agents: [failed(1, { state: "healthy" })] })).state, "halted");
  });

  test("takes for failed who refused, who is online and has not applied it in time, and who comes and goes", () => {
    const slow = agentOf({ begunAt: NOW - TIMEOUT_MS });
    const restless = agentOf({ begunAt: NOW - 2 * TIMEOUT_MS - HEALTHY_MS, presentSince: NOW - 10 });
    for (const [agent, why] of [
      [failed(1), /no such plugin/],
      [slow, /not applied/],
      [restless, /stay online/],
      [{ ...restless, told: "applied", toldAt: NOW - 5 }, /stay online/],
    ] as const) {
      const { outcomes, state } = stepRollout(snapshotOf({ agents: [agent] }));
      assert.equal(outcomes[0]?.state, "failed");
      assert.match(outcomes[0]?.error ?? "", why);
      assert.equal(state, "halted");
    }
    const justBack = agentOf({ begunAt: NOW - TIMEOUT_MS, presentSince: NOW - 10 });
    assert.equal(stepRollout(snapshotOf({ agents: [justBack] })).state, "running");
  });

  test("takes a failure back only when the agent has been healthy after all", () => {
    const late = agentOf({ state: "failed", error: "slow", told: "applied", begunAt: NOW - 2 * TIMEOUT_MS });
    assert.deepEqual(
      stepRollout(snapshotOf({ failureBudget: 1, agents: [{ ...late, toldAt: NOW - 10 }] })).outcomes,
      [],
    );
    const [outcome] = stepRollout(snapshotOf({ agents: [{ ...late, toldAt: NOW - HEALTHY_MS }] })).outcomes;
    assert.deepEqual(outcome, { number: 1, state: "healthy", error: null });
  });

  test("goes on within the failure budget and halts beyond it, a share being of the agents that have begun", () => {
    const cases: [CountOrShare, number, number, "running" | "halted"][] = [
      [0, 0, 99, "running"],
      [0, 1, 99, "halted"],
      [2, 2, 0, "running"],
      [2, 3, 1000, "halted"],
      ["5%", 5, 95, "running"],
      ["5%", 6, 94, "halted"],
      ["5%", 1, 18, "halted"],
      ["100%", 10, 0, "running"],
    ];
    for (const [failureBudget, failures, healthy, state] of cases) {
      const agents = [...Array.from({ length: failures }, (_, index) => failed(index)), waiting(5000, 2)];
      const decision = stepRollout(snapshotOf({ failureBudget, healthy, agents }));
      assert.equal(decision.state, state, `${failures} of ${failures + healthy} with ${failureBudget}`);
      assert.deepEqual(decision.begin, state === "running" ? [5000] : []);
    }
  });

  test("does not count failures that somebody has gone on from", () => {
    assert.equal(stepRollout(snapshotOf({ agents: [failed(1, { excused: true })] })).state, "running");
    assert.equal(stepRollout(snapshotOf({ agents: [failed(1, { excused: true }), failed(2)] })).state, "halted");
  });

  test("notes outcomes and gives nobody anything while it is paused or halted", () => {
    for (const state of ["paused", "halted"] as const) {
      const agents = [failed(1), agentOf({ number: 2, told: "applied", toldAt: 0 }), waiting(3, 1), waiting(4, 2)];
      const decision = stepRollout(snapshotOf({ state, agents }));
      assert.deepEqual([decision.state, decision.begin, decision.wave], [state, [], 1]);
      assert.deepEqual(
        decision.outcomes.map((outcome) => outcome.state),
        ["failed", "healthy"],
      );
    }
  });

  test("is done when the last wave is through, whoever is away", () => {
    const away = waiting(7, 2, { online: false });
    assert.equal(stepRollout(snapshotOf({ wave: 3, healthy: 5, agents: [away] })).state, "done");
    assert.equal(stepRollout(snapshotOf({ wave: 3, healthy: 5, agents: [away, agentOf()] })).state, "running");
    assert.equal(stepRollout(snapshotOf({ wave: 3, agents: [] })).state, "done");
  });
});

describe("dealing agents to waves", () => {
  const everyone = (count: number, online = true) =>
    Array.from({ length: count }, (_, index) => ({ number: index + 1, online }));
  const sizes = (count: number, waves: CountOrShare[]) => {
    const dealt = dealWaves(everyone(count), waves);
    return waves.map((_, index) => dealt.filter(({ wave }) => wave === index + 1).length);
  };

  test("makes waves of counts and shares, each telling how many have begun when it has", () => {
    assert.deepEqual(sizes(2000, [1, "10%", "50%", "100%"]), [1, 199, 800, 1000]);
    assert.deepEqual(sizes(5, [1, "10%", "50%", "100%"]), [1, 0, 1, 3]);
    assert.deepEqual(sizes(3, ["100%"]), [3]);
    assert.deepEqual(sizes(2, [1, 2, 3, "100%"]), [1, 1, 0, 0]);
    assert.deepEqual(sizes(0, [1, "100%"]), [0, 0]);
  });

  test("deals the same way each time, those that are online first, and not in the order of their numbers", () => {
    const agents = [
      ...everyone(50, false),
      ...Array.from({ length: 50 }, (_, index) => ({ number: index + 51, online: true })),
    ];
    const dealt = dealWaves(agents, ["50%", "100%"]);
    assert.deepEqual(dealWaves([...agents].reverse(), ["50%", "100%"]), dealt);
    assert.ok(dealt.filter(({ wave }) => wave === 1).every(({ number }) => number > 50));
    assert.notDeepEqual(
      dealt.slice(0, 50).map(({ number }) => number),
      agents.slice(50).map(({ number }) => number),
    );
  });
});
