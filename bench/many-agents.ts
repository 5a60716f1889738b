import { waitUntil } from "@muster/testing";
import { Generator } from "./support/generator.ts";
import { formatKib, formatMib, formatMs } from "./support/numbers.ts";
import { readCpuSeconds, readMemory } from "./support/proc.ts";
import { describeServerProgram, startMusterServer } from "./support/servers.ts";
import type { Suite } from "./support/suite.ts";

/** As many agents as one process can hold with the usual limit of open files, beating at the interval announced. */
export const manyAgents: Suite = {
  title: "18,000 agents in one server process",
  async run(context) {
    const generators = context.quick ? 2 : 3;
    const each = context.quick ? 200 : 6000;
    const total = generators * each;
    const beatMs = context.quick ? 3000 : 30_000;
    const durationMs = context.quick ? 2000 : 60_000;
    const server = await startMusterServer(context.scope);
    const before = readMemory(server.pid).total;
    const startedAt = performance.now();
    const loads = Array.from({ length: generators }, () => new Generator(context.scope));
    await Promise.all(
      loads.map((generator, index) =>
        generator.connect({
          host: "127.0.0.1",
          port: server.port,
          echo: false,
          token: server.token,
          kind: "native",
          count: each,
          first: index * each,
          localAddress: `127.0.0.${index + 2}`,
        }),
      ),
    );
    const connectSeconds = (performance.now() - startedAt) / 1000;
    context.say(`${total} agents are registered`);
    const cpuBefore = readCpuSeconds(server.pid);
    const results = await Promise.all(loads.map((generator) => generator.beat(durationMs, each / (beatMs / 1000))));
    const cpuShare = (readCpuSeconds(server.pid) - cpuBefore) / (durationMs / 1000);
    const { counts } = await waitUntil("everyone to be online", async () => {
      const system = await server.call<{ agents: { online: number; total: number } }>("GET", "system");
      return system.agents.online === total && { counts: system.agents };
    });
    const rss = readMemory(server.pid).total;
    const lost = (await Promise.all(loads.map((generator) => generator.countLost()))).reduce(
      (sum, one) => sum + one,
      0,
    );
    return {
      tables: [
        {
          title: `${total} agents, a beat each ${beatMs / 1000} s, for ${durationMs / 1000} s`,
          columns: ["measured", "value"],
          rows: [
            [
              "all connected and registered after",
              `${connectSeconds.toFixed(1)} s (${(total / connectSeconds).toFixed(0)} per second)`,
            ],
            ["online by the server's count", String(counts.online)],
            ["connections lost", String(lost)],
            ["beats acknowledged, unanswered", `${sum(results, "answered")}, ${sum(results, "open")}`],
            [
              "latency of a beat, p50 and p99 of the worst generator",
              `${formatMs(worst(results, "p50Ms"))}, ${formatMs(worst(results, "p99Ms"))}`,
            ],
            ["server CPU, share of one core", `${(cpuShare * 100).toFixed(1)} %`],
            ["server RSS, growth per agent", `${formatMib(rss)}, ${formatKib((rss - before) / total)}`],
          ],
        },
      ],
      notes: [
        `${generators} generator processes, each with a source address of its own (127.0.0.2 and on). Muster ran as ${describeServerProgram()}.`,
      ],
    };
  },
};

type Field = "answered" | "open" | "p50Ms" | "p99Ms";
type Results = readonly Readonly<Record<Field, number>>[];

function sum(results: Results, field: Field): number {
  return results.reduce((total, result) => total + result[field], 0);
}

function worst(results: Results, field: Field): number {
  return Math.max(...results.map((result) => result[field]));
}
