import { fileURLToPath } from "node:url";
import { onEnd, type RunningServer, type Scope, startServer } from "@muster/testing";
import { WebSocket } from "ws";
import type { LoadResult } from "./support/agent-load.ts";
import { Generator } from "./support/generator.ts";
import { formatMs, formatRatio, median } from "./support/numbers.ts";
import { type LoopDelay, readLoopDelay } from "./support/server-readings.ts";
import { describeServerProgram, MEASURED, startBareServer } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const HURRY = fileURLToPath(new URL("./programs/hurried-retention.ts", import.meta.url));
const WATCHERS = 100;
/** As many rows as a page of the console shows. */
const ROWS = 50;

interface Turn extends LoadResult {
  readonly loop?: LoopDelay;
}

/** Beats at the rate of a hundred thousand agents, while people watch and old history is deleted. */
export const latency: Suite = {
  title: "Latency of a beat under watchers and retention, next to a bare ws echo",
  async run(context) {
    const count = context.quick ? 300 : 10_000;
    const perSecond = context.quick ? 300 : 3300;
    const durationMs = context.quick ? 1000 : 8000;
    const pairs = context.quick ? 1 : 6;
    const server = await startWatchedServer(context.scope);
    const target = { host: "127.0.0.1", port: server.port, echo: false, token: server.enrollmentToken };
    const agents = new Generator(context.scope);
    await agents.connect({ ...target, kind: "native", count, first: 0 });
    const bare = await startBareServer(context.scope);
    const peers = new Generator(context.scope);
    await peers.connect({ host: "127.0.0.1", ...bare, kind: "native", count, first: 0 });
    context.say(`${count} agents and ${count} bare connections`);
    await rest(context.quick ? 500 : 5000);
    await readLoopDelay(server);
    await rest(context.quick ? 1000 : 5000);
    const idle = await readLoopDelay(server);
    const events = await watch(context.scope, server);
    const turns = { echo: [] as Turn[], muster: [] as Turn[] };
    for (let pair = 0; pair <= pairs; pair++) {
      const echo = await peers.beat(durationMs, perSecond);
      await readLoopDelay(server);
      const muster = { ...(await agents.beat(durationMs, perSecond)), loop: await readLoopDelay(server) };
      if (pair === 0) continue; // warms up
      turns.echo.push(echo);
      turns.muster.push(muster);
    }
    const lost = (await agents.countLost()) + (await peers.countLost());
    if (lost > 0) throw new Error(`${lost} connections were closed`);
    return {
      tables: tabulate({ idle, turns, perSecond }),
      notes: describe(context, { count, durationMs, events: events() }),
    };
  },
};

/** Keeps a minute of history and deletes what is older every five seconds. */
function startWatchedServer(scope: Scope): Promise<RunningServer> {
  return startServer(scope, {
    flags: ["--log-level", "warn", "--admit-rate", "1000000", "--metrics-retention-10s", "1m"],
    program: ["--import", HURRY, MEASURED, "server"],
  });
}

/** People with the console open: a page of the fleet each, and one agent's samples. Answers how many events came. */
async function watch(scope: Scope, server: RunningServer): Promise<() => number> {
  const page = await server.call<{ items: { id: string }[] }>("GET", `agents?limit=${WATCHERS}`);
  let events = 0;
  const open = async (index: number) => {
    // a token is one person, who may watch twenty times at once and no more
    const { token } = await server.call<{ token: string }>("POST", "tokens", {
      name: `watcher ${index}`,
      scopes: ["viewer"],
    });
    await new Promise<void>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/fleet/v1/live`, {
        headers: { authorization: `Bearer ${token}` },
      });
      onEnd(scope, () => socket.terminate());
      socket.on("error", reject);
      socket.on("message", () => {
        events += 1;
      });
      socket.once("open", () => {
        const ids = page.items.map((agent) => agent.id);
        socket.send(JSON.stringify({ op: "fleet", sub: 1, agentIds: ids.slice(0, ROWS) }));
        socket.send(JSON.stringify({ op: "agent", sub: 2, agentId: ids[index % ids.length] }));
        resolve();
      });
    });
  };
  for (let index = 0; index < WATCHERS; index++) await open(index);
  return () => events;
}

function tabulate(told: { idle: LoopDelay; turns: { echo: Turn[]; muster: Turn[] }; perSecond: number }) {
  const { idle, turns, perSecond } = told;
  const middle = (side: readonly Turn[], read: (turn: Turn) => number) => median(side.map(read));
  const p50 = { echo: middle(turns.echo, (turn) => turn.p50Ms), muster: middle(turns.muster, (turn) => turn.p50Ms) };
  const p99 = { echo: middle(turns.echo, (turn) => turn.p99Ms), muster: middle(turns.muster, (turn) => turn.p99Ms) };
  const ratio = median(turns.muster.map((turn, index) => turn.p50Ms / (turns.echo[index]?.p50Ms ?? Number.NaN)));
  const loop = middle(turns.muster, (turn) => turn.loop?.p99Ms ?? Number.NaN);
  const open = (side: readonly Turn[]) => String(Math.max(...side.map((turn) => turn.open)));
  return [
    {
      title: `${perSecond} beats per second`,
      columns: ["server", "p50", "ratio", "p99", "above", "unanswered"],
      rows: [
        ["bare ws echo", formatMs(p50.echo), "1.00", formatMs(p99.echo), "", open(turns.echo)],
        [
          "Muster",
          formatMs(p50.muster),
          formatRatio(ratio),
          formatMs(p99.muster),
          formatMs(p99.muster - p99.echo),
          open(turns.muster),
        ],
      ],
    },
    {
      title: "Delay of the server's event loop, p99",
      columns: ["idle, all connected", "under load", "above"],
      rows: [[formatMs(idle.p99Ms), formatMs(loop), formatMs(loop - idle.p99Ms)]],
    },
  ];
}

function describe(context: BenchContext, run: { count: number; durationMs: number; events: number }): string[] {
  return [
    "Goals: p50 at most twice the echo's, p99 at most 5 ms above the echo's, event-loop delay p99 at most 5 ms above idle.",
    `${run.count} connections to each; medians of ${context.quick ? 1 : 6} interleaved pairs of ${run.durationMs / 1000} s. ${WATCHERS} watchers of ${ROWS} rows and one agent each, ${run.events} events; they stay while the echo is measured. Native beats, stored; a minute of history is kept and retention runs every 5 s instead of every 10 minutes.`,
    `Latency counts from when a beat was due; the generator's timer of 1 ms is part of it on both sides. Event-loop delay by the server's own timer of 10 ms, which is part of the numbers. Muster ran as ${describeServerProgram()}; generators and watchers share its cores.`,
  ];
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
