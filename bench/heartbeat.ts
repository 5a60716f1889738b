import { type BeatKind, buildBeat, type LoadResult } from "./support/agent-load.ts";
import { Generator } from "./support/generator.ts";
import { formatCount, formatMs, formatRatio, median } from "./support/numbers.ts";
import { readCpuSeconds } from "./support/proc.ts";
import { describeServerProgram, type MeasuredServer, startBareServer, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Report, Suite, Table } from "./support/suite.ts";

const NAMES: Readonly<Record<BeatKind, string>> = {
  original: "the original agent's beat, with history in SQLite",
  native: "our agent's beat, with history in SQLite",
  shown: "our agent's beat, without history",
};
const VARIANTS: readonly (readonly [BeatKind, string])[] = [
  ["shown", "0.75"],
  ["original", "0.65"],
  ["native", "0.65"],
];

interface Side {
  readonly name: string;
  readonly server: MeasuredServer;
  readonly generator: Generator;
}

interface Measured extends LoadResult {
  readonly cpuSeconds: number;
}

type Load = (generator: Generator) => Promise<LoadResult>;

/** A beat that travels there and its acknowledgement back, next to a server that only echoes. */
export const heartbeat: Suite = {
  title: "Heartbeat and acknowledgement, next to a bare ws echo",
  async run(context) {
    const connections = context.quick ? 200 : 2000;
    const pairs = context.quick ? 1 : 9;
    const durationMs = context.quick ? 500 : 2000;
    const tables: Table[] = [];
    for (const [kind, goal] of VARIANTS) {
      const sides = await connectSides(context, kind, connections);
      const bytes = Buffer.byteLength(buildBeat(kind, 1));
      const results = await measurePairs(sides, pairs, (generator) => generator.saturate(durationMs, 400));
      tables.push(tabulate(`${NAMES[kind]}, ${bytes} B, 400 in flight; goal: ${goal}`, results));
      context.say(NAMES[kind]);
      for (const { name, server, generator } of sides) {
        const lost = await generator.countLost();
        if (lost > 0) throw new Error(`${name} closed ${lost} connections`);
        await generator.stop();
        process.kill(server.pid, "SIGKILL");
      }
    }
    return { tables, notes: describeRun({ connections, pairs, durationMs }) };
  },
};

async function connectSides(context: BenchContext, kind: BeatKind, connections: number): Promise<Side[]> {
  const servers = [
    { name: "bare ws echo", server: await startBareServer(context.scope) },
    { name: "Muster", server: await startMusterServer(context.scope) },
  ];
  const sides: Side[] = [];
  for (const { name, server } of servers) {
    const generator = new Generator(context.scope);
    const { port, echo, token } = server;
    await generator.connect({ host: "127.0.0.1", port, echo, token, kind, count: connections, first: 0 });
    sides.push({ name, server, generator });
  }
  return sides;
}

/** Takes turns, so that a slow minute of the machine meets both; the first turn of each warms up and does not count. */
async function measurePairs(sides: readonly Side[], pairs: number, load: Load): Promise<Map<string, Measured[]>> {
  const results = new Map<string, Measured[]>(sides.map((side) => [side.name, []]));
  for (let pair = 0; pair <= pairs; pair++) {
    for (const { name, server, generator } of pair % 2 === 0 ? sides : sides.toReversed()) {
      const before = readCpuSeconds(server.pid);
      const result = await load(generator);
      const cpuSeconds = readCpuSeconds(server.pid) - before;
      if (pair > 0) results.get(name)?.push({ ...result, cpuSeconds });
    }
  }
  return results;
}

function tabulate(title: string, results: ReadonlyMap<string, readonly Measured[]>): Table {
  const perCpuSecond = (run: Measured) => run.answered / Math.max(run.cpuSeconds, 0.01);
  const [yardstick = []] = results.values();
  const rows = [...results].map(([name, runs]) => {
    const ratios = runs.map((run, index) => perCpuSecond(run) / perCpuSecond(yardstick[index] ?? run));
    return [
      name,
      formatCount(median(runs.map((run) => run.answered / run.seconds))),
      `${(median(runs.map((run) => run.cpuSeconds / run.seconds)) * 100).toFixed(0)} %`,
      formatCount(median(runs.map(perCpuSecond))),
      formatRatio(median(ratios)),
      formatMs(median(runs.map((run) => run.p50Ms))),
      formatMs(median(runs.map((run) => run.p99Ms))),
      String(Math.max(...runs.map((run) => run.open))),
    ];
  });
  const columns = ["server", "beats/s", "server CPU", "beats per CPU-second", "ratio", "p50", "p99", "unanswered"];
  return { title, columns, rows };
}

function describeRun(run: { connections: number; pairs: number; durationMs: number }): Report["notes"] {
  return [
    `${run.connections} connections to each server; medians of ${run.pairs} interleaved pairs of ${run.durationMs / 1000} s; ratio: the median of the pairs' ratios, by CPU-second of the server process.`,
    `Muster ran as ${describeServerProgram()}, with all its work in the background. \`Without history\`: beats of agents that have older ones to send first, which are shown and not stored. Servers and generators are separate processes on the same cores.`,
    "Latency at this load is that of the queue of 400; see the suite latency for that of a fleet.",
  ];
}
