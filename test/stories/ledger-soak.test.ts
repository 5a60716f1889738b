import assert from "node:assert/strict";
import { test } from "node:test";
import { soakLedger } from "@muster/testing";

test("nothing is lost and nothing starts twice while server and agents are killed", {
  timeout: 240_000,
}, async (context) => {
  const outcome = await soakLedger(context, {
    agents: 8,
    commands: 150,
    serverKillMs: 3000,
    agentKillMs: 800,
    callers: 4,
    settleMs: 120_000,
  });
  assert.ok(outcome.serverKills > 0 && outcome.agentKills > 0, "nothing was killed");
  assert.equal(outcome.acknowledged, 150);
  const { lost, startedTwice, unfinished, contradictions } = outcome;
  assert.deepEqual(
    { lost, startedTwice, unfinished, contradictions },
    { lost: [], startedTwice: [], unfinished: [], contradictions: [] },
  );
});
