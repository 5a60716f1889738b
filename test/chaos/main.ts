// The long form: npm run chaos [-- --rounds N --agents N --seed N]
import "./shipped-program.ts";
import { parseArgs } from "node:util";
import { ManualScope, missingNats, missingPostgres } from "@muster/testing";
import { type ChaosOptions, type ChaosOutcome, runChaos } from "./chaos.ts";
import { ALL_FAULTS } from "./faults.ts";

/** About so long is one round of all faults, with breath in between; the most that may be asked for is an hour. */
const MAX_ROUNDS = 30;
const MAX_AGENTS = 2000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    agents: { type: "string", default: "300" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const missing = missingPostgres() ?? missingNats();
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  const options = readOptions();
  console.log(`${options.simulatedAgents} agents, ${options.rounds} rounds, --seed ${options.seed}`);
  const scope = new ManualScope();
  const startedAt = performance.now();
  try {
    const say = (text: string) =>
      console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${text}`);
    const outcome = await runChaos(scope, { ...options, say });
    report(outcome);
    return problemsOf(outcome).length === 0 ? 0 : 1;
  } finally {
    await scope.close();
  }
}

function readOptions(): ChaosOptions {
  return {
    realAgents: 0,
    simulatedAgents: readNumber("agents", MAX_AGENTS),
    hosts: 3,
    faults: ALL_FAULTS,
    rounds: readNumber("rounds", MAX_ROUNDS),
    atOnce: 2,
    times: { awayMs: 6000, natsAwayMs: 30_000, partitionMs: 15_000, clockMs: 10_000 },
    breathMs: 4000,
    callers: 4,
    pauseMs: 200,
    leastCommands: 100,
    settleMs: 240_000,
    seed: readNumber("seed", 2 ** 32),
  };
}

function readNumber(name: keyof typeof values, most: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  console.error(`--${name}: expected a whole number from 1 to ${most}`);
  process.exit(2);
}

function problemsOf(outcome: ChaosOutcome): string[] {
  const kinds = ["lost", "startedTwice", "unfinished", "contradictions", "crashes", "oddAnswers"] as const;
  return kinds.flatMap((kind) => outcome[kind].map((problem) => `${kind}: ${problem}`));
}

function report(outcome: ChaosOutcome): void {
  const { acknowledged, runs, retries, states, played, seconds } = outcome;
  console.log(`\nWhat users would have seen\n\n${outcome.timeline}\n`);
  console.log(`${seconds} s; ${acknowledged} commands acknowledged, ${retries} calls tried again, ${runs} runs`);
  console.log(`ends: ${describeCounts(states)}`);
  console.log(`faults: ${describeCounts(played)}`);
  const problems = problemsOf(outcome);
  for (const problem of problems.slice(0, 50)) console.log(problem);
  console.log(
    problems.length === 0
      ? "nothing lost, nothing started twice, nothing without an end"
      : `${problems.length} problems`,
  );
}

function describeCounts(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(", ");
}
