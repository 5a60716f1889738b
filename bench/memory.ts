import { Generator } from "./support/generator.ts";
import { formatKib, formatMib, formatRatio, median } from "./support/numbers.ts";
import { readMemory } from "./support/proc.ts";
import { describeServerProgram, type MeasuredServer, startBareServer, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

interface Growth {
  readonly before: number;
  readonly after: number;
  readonly perConnection: number;
}

/** What an idle agent costs the server, next to an idle connection of a bare ws server. */
export const memory: Suite = {
  title: "Memory per idle agent, next to a bare ws server",
  async run(context) {
    const connections = context.quick ? 500 : 10_000;
    const rounds = context.quick ? 1 : 3;
    const bare: Growth[] = [];
    const muster: Growth[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await measure(context, () => startBareServer(context.scope), connections));
      muster.push(await measure(context, () => startMusterServer(context.scope), connections));
      context.say(`round ${round + 1} of ${rounds}`);
    }
    const yardstick = median(bare.map((growth) => growth.perConnection));
    const row = (name: string, growths: readonly Growth[]) => [
      name,
      formatMib(median(growths.map((growth) => growth.before))),
      formatMib(median(growths.map((growth) => growth.after))),
      formatKib(median(growths.map((growth) => growth.perConnection))),
      formatRatio(median(growths.map((growth) => growth.perConnection)) / yardstick),
    ];
    return {
      tables: [
        {
          title: `${connections} idle connections`,
          columns: ["server", "RSS before", "RSS after", "per connection", "ratio"],
          rows: [row("bare ws", bare), row("Muster, registered agents", muster)],
        },
      ],
      notes: [
        `Resident memory of the server process before the first and ten seconds after the last connection; medians of ${rounds} rounds with fresh processes. A hundred connections came and went before, so that code is loaded and compiled on both sides.`,
        `Muster ran as ${describeServerProgram()}. Memory of the kernel's sockets is not included, and is the same for both.`,
      ],
    };
  },
};

async function measure(context: BenchContext, start: () => Promise<MeasuredServer>, count: number): Promise<Growth> {
  const server = await start();
  const target = { host: "127.0.0.1", ...server, kind: "native" as const };
  const warmUp = new Generator(context.scope);
  await warmUp.connect({ ...target, count: 100, first: 0 });
  await warmUp.beat(500, 500);
  await warmUp.stop();
  await rest(2000);
  const before = readMemory(server.pid).total;
  const generator = new Generator(context.scope);
  await generator.connect({ ...target, count, first: 0 });
  await rest(context.quick ? 1000 : 10_000);
  const after = readMemory(server.pid).total;
  const lost = await generator.countLost();
  if (lost > 0) throw new Error(`${lost} connections were closed`);
  await generator.stop();
  process.kill(server.pid, "SIGKILL");
  return { before, after, perConnection: (after - before) / count };
}

/** Lets garbage collection and buffers come to rest; there is no event to wait for. */
function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
