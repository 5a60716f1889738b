import { fileURLToPath } from "node:url";
import { NatsBus } from "@muster/server/bus/nats";
import { launchProcess, startNats } from "@muster/testing";
import { connect } from "@nats-io/transport-node";
import { formatMs, formatRatio, median, percentile } from "./support/numbers.ts";
import type { Suite } from "./support/suite.ts";

const PEER = fileURLToPath(new URL("./programs/bus-peer.ts", import.meta.url));
const AGENT = "0199e0f6-1de5-7b54-9f09-0d7b3c1e6f10";

/** What our bus adds to a request that NATS carries to another process and back. */
export const busHop: Suite = {
  title: "A hop through NATS, next to a raw request",
  async run(context) {
    const pairs = context.quick ? 1 : 7;
    const count = context.quick ? 100 : 2000;
    const nats = await startNats(context.scope);
    const peer = launchProcess(context.scope, { args: [PEER, nats.url] });
    const [, processId = ""] = await peer.waitForOutput(/peer (\S+)/);
    const bus = new NatsBus({ servers: [nats.url] });
    await bus.start();
    const raw = await connect({ servers: [nats.url], noEcho: true });
    const bytes = Buffer.from(JSON.stringify({ agents: [AGENT] }));
    const ways = {
      raw: async () => void (await raw.request("bench.raw", bytes, { timeout: 2000 })),
      ours: async () => {
        if (!(await bus.ask("readings", processId, { agents: [AGENT] }))) throw new Error("no answer");
      },
    };
    const times = { raw: [] as number[][], ours: [] as number[][] };
    for (let pair = 0; pair <= pairs; pair++) {
      for (const name of pair % 2 === 0 ? (["raw", "ours"] as const) : (["ours", "raw"] as const)) {
        const taken: number[] = [];
        for (let index = 0; index < count; index++) {
          const startedAt = performance.now();
          await ways[name]();
          taken.push(performance.now() - startedAt);
        }
        if (pair > 0) times[name].push(taken);
      }
    }
    await bus.close();
    await raw.close();
    const ratio = median(times.ours.map((taken, index) => median(taken) / median(times.raw[index] ?? [])));
    const row = (name: string, turns: readonly number[][], relation: string) => [
      name,
      formatMs(median(turns.map(median))),
      relation,
      formatMs(median(turns.map((turn) => percentile(turn, 0.99)))),
    ];
    return {
      tables: [
        {
          title: "One request after another, to another process and back",
          columns: ["way", "p50", "ratio", "p99"],
          rows: [
            row("raw request of the same bytes", times.raw, "1.00"),
            row("our bus", times.ours, formatRatio(ratio)),
          ],
        },
      ],
      notes: [
        `Goal: p50 at most twice the raw request's. Medians of ${pairs} interleaved pairs of ${count} requests. Our bus checks what comes with its schemas on both ends.`,
        "A command to an agent of another process takes one way of this hop: a doorbell that carries ids.",
      ],
    };
  },
};
