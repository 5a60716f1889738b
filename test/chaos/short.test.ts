import assert from "node:assert/strict";
import { test } from "node:test";
import { missingNats, missingPostgres, unlessMissing } from "@muster/testing";
import { runChaos } from "./chaos.ts";
import { ALL_FAULTS } from "./faults.ts";

const LEAST_COMMANDS = 25;

test("servers, engines, wires and clocks break at random: nothing is lost, nothing starts twice, all ends in a named state", {
  timeout: 170_000,
  ...unlessMissing(missingPostgres() ?? missingNats()),
}, async (context) => {
  const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e6));
  context.diagnostic(`CHAOS_SEED=${seed}`);
  const outcome = await runChaos(context, {
    realAgents: 4,
    simulatedAgents: 12,
    hosts: 2,
    faults: ALL_FAULTS,
    rounds: 1,
    atOnce: 3,
    times: { awayMs: 2000, natsAwayMs: 5000, partitionMs: 5000, clockMs: 2000 },
    breathMs: 800,
    callers: 6,
    pauseMs: 60,
    leastCommands: LEAST_COMMANDS,
    settleMs: 60_000,
    seed,
    say: (text) => context.diagnostic(text),
  });
  for (const line of outcome.timeline.split("\n")) context.diagnostic(line);
  const { acknowledged, runs, retries, states, seconds, played } = outcome;
  context.diagnostic(JSON.stringify({ acknowledged, runs, retries, states, seconds, played }));
  const { lost, startedTwice, unfinished, contradictions, crashes, oddAnswers } = outcome;
  assert.deepEqual(
    { lost, startedTwice, unfinished, contradictions, crashes, oddAnswers },
    { lost: [], startedTwice: [], unfinished: [], contradictions: [], crashes: [], oddAnswers: [] },
  );
  assert.equal(Object.keys(played).length, ALL_FAULTS.length, "a fault was not played");
  assert.ok(acknowledged >= LEAST_COMMANDS, `only ${acknowledged} commands were acknowledged`);
});
