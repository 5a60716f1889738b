// The benchmark suite: npm run bench -- [--quick] [NAME …]. Without a name all suites run, one after another.
import { systemClock, toIso } from "@muster/core";
import { ManualScope } from "@muster/testing";
import { describeMachine } from "./support/proc.ts";
import { renderPlain, writeSection } from "./support/results.ts";
import type { Suite } from "./support/suite.ts";

/** One line per suite; a suite is loaded only when it runs. */
const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  heartbeat: async () => (await import("./heartbeat.ts")).heartbeat,
  memory: async () => (await import("./memory.ts")).memory,
  "many-agents": async () => (await import("./many-agents.ts")).manyAgents,
  latency: async () => (await import("./latency.ts")).latency,
  "fan-out": async () => (await import("./fan-out.ts")).fanOut,
  "config-push": async () => (await import("./config-push.ts")).configPush,
  "metric-rows": async () => (await import("./metric-rows.ts")).metricRows,
  "line-intake": async () => (await import("./line-intake.ts")).lineIntake,
  configserver: async () => (await import("./configserver.ts")).configServer,
  "bus-hop": async () => (await import("./bus-hop.ts")).busHop,
  "hundred-thousand": async () => (await import("./hundred-thousand.ts")).hundredThousand,
  storm: async () => (await import("./storm.ts")).storm,
  "ledger-soak": async () => (await import("./ledger-soak.ts")).ledgerSoak,
  tail: async () => (await import("./tail.ts")).tail,
  "agent-idle": async () => (await import("./agent-idle.ts")).agentIdle,
  "agent-offline": async () => (await import("./agent-offline.ts")).agentOffline,
  "command-round-trip": async () => (await import("./command-round-trip.ts")).commandRoundTrip,
};

async function runSuite(name: string, quick: boolean): Promise<void> {
  const suite = await SUITES[name]?.();
  if (!suite) throw new Error(`there is no suite ${name}; there are ${Object.keys(SUITES).join(", ")}`);
  console.log(`\n# ${suite.title}`);
  const scope = new ManualScope();
  try {
    const startedAt = performance.now();
    const report = await suite.run({ scope, quick, say: (text) => console.error(`  … ${text}`) });
    for (const table of report.tables) console.log(`\n${renderPlain(table)}`);
    console.log(`\n${report.notes.map((note) => `- ${note}`).join("\n")}`);
    if (quick) return;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    const origin = `\`npm run bench -- ${name}\`, ${toIso(systemClock.now()).slice(0, 10)}, ${seconds} s, on ${describeMachine()}.`;
    writeSection({ name, title: suite.title, report, origin });
  } finally {
    await scope.close();
  }
}

const names = process.argv.slice(2).filter((argument) => argument !== "--quick");
const quick = process.argv.includes("--quick");
for (const name of names.length > 0 ? names : Object.keys(SUITES)) await runSuite(name, quick);
// generators and servers are gone; whatever socket is left must not keep the benchmark alive
process.exit(0);
