import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onEnd, type RunningServer, type Scope, waitUntil } from "@muster/testing";
import { Generator } from "./support/generator.ts";
import { formatMs, median, percentile } from "./support/numbers.ts";
import { readLoopDelay } from "./support/server-readings.ts";
import { describeServerProgram, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const BARE = fileURLToPath(new URL("./programs/bare-broadcast.ts", import.meta.url));
const GENERATORS = 4;
const TIMER_MS = 10;

interface Round {
  /** From asking until it is accepted and stored; for the yardstick, the loop itself. */
  readonly acceptedMs: number;
  /** From asking until the first, half, and all have it. */
  readonly firstMs: number;
  readonly halfMs: number;
  readonly lastMs: number;
  readonly blockedMs: number;
}

/** One command to everybody, with a row in the ledger for each, next to a loop that sends the same bytes. */
export const fanOut: Suite = {
  title: "Fan-out of one command, next to a bare ws loop",
  async run(context) {
    const count = context.quick ? 400 : 10_000;
    const rounds = context.quick ? 1 : 5;
    const server = await startMusterServer(context.scope);
    const agents = await connectAll(context, { ...server, echo: false }, count);
    await waitUntil("everybody to be online", () => isOnline(server, count), { timeoutMs: 30_000 });
    const bare = await startBare(context.scope);
    const peers = await connectAll(context, { port: bare.port, token: "none", echo: true }, count);
    context.say(`${count} agents and ${count} bare connections`);
    await rest(3000);
    const idle = await measureIdle(server);
    const ours: Round[] = [];
    const yardstick: Round[] = [];
    for (let round = 0; round <= rounds; round++) {
      const theirs = await broadcast(bare, peers, count);
      const mine = await giveCommand(server, agents, count);
      if (round === 0) continue; // warms up
      yardstick.push(theirs);
      ours.push(mine);
    }
    return {
      tables: [
        {
          title: `${count} receivers, from asking`,
          columns: [
            "sender",
            "accepted",
            "first has it",
            "half have it",
            "last has it",
            "first to last",
            "blocked at most",
          ],
          rows: [tabulate("bare ws loop", yardstick), tabulate("Muster, a command", ours)],
        },
      ],
      notes: [
        "Goals: first to last delivered within 2 s, the event loop never blocked for more than 20 ms.",
        `Medians of ${rounds} interleaved rounds; \`blocked at most\` is the longest of all. Muster: by its own measurement with a timer of ${TIMER_MS} ms, which is taken off; the idle server showed ${formatMs(idle)}. The bare loop: how long it took.`,
        `A command is ${count} rows in the ledger, written before it is accepted, and marked delivered in batches before each agent gets its own. ${GENERATORS} generator processes that do nothing but note the time. Muster ran as ${describeServerProgram()}.`,
      ],
    };
  },
};

interface Target {
  readonly port: number;
  readonly token: string;
  readonly echo: boolean;
}

async function connectAll(context: BenchContext, target: Target, count: number): Promise<Generator[]> {
  const { port, token, echo } = target;
  const each = count / GENERATORS;
  const generators = Array.from({ length: GENERATORS }, () => new Generator(context.scope));
  await Promise.all(
    generators.map((generator, index) =>
      generator.connect({ host: "127.0.0.1", port, token, echo, kind: "native", count: each, first: index * each }),
    ),
  );
  return generators;
}

async function isOnline(server: RunningServer, count: number): Promise<boolean> {
  const system = await server.call<{ agents: { online: number } }>("GET", "system");
  return system.agents.online === count;
}

async function measureIdle(server: RunningServer): Promise<number> {
  await readLoopDelay(server);
  await rest(3000);
  return (await readLoopDelay(server)).maxMs - TIMER_MS;
}

async function giveCommand(server: RunningServer, agents: readonly Generator[], count: number): Promise<Round> {
  const arrivals = agents.map((generator) => generator.awaitPushes(count / agents.length));
  await rest(500);
  await readLoopDelay(server);
  const askedAt = Date.now();
  await server.call("POST", "commands", { argv: ["true"], targets: { all: true } });
  const acceptedMs = Date.now() - askedAt;
  const times = (await Promise.all(arrivals)).flat();
  const { maxMs } = await readLoopDelay(server);
  await rest(1000);
  return toRound(times, { askedAt, acceptedMs, blockedMs: maxMs - TIMER_MS });
}

interface Bare {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startBare(scope: Scope): Promise<Bare> {
  const child = fork(BARE, { execArgv: [] });
  onEnd(scope, () => void child.kill("SIGKILL"));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

async function broadcast(bare: Bare, peers: readonly Generator[], count: number): Promise<Round> {
  const arrivals = peers.map((generator) => generator.awaitPushes(count / peers.length));
  await rest(500);
  const askedAt = Date.now();
  const answered = once(bare.child, "message") as Promise<[{ tookMs: number }]>;
  bare.child.send(JSON.stringify({ type: "execute_command", id: "0".repeat(36), data: "x".repeat(300) }));
  const [{ tookMs }] = await answered;
  const times = (await Promise.all(arrivals)).flat();
  return toRound(times, { askedAt, acceptedMs: tookMs, blockedMs: tookMs });
}

function toRound(times: readonly number[], told: { askedAt: number; acceptedMs: number; blockedMs: number }): Round {
  const after = (share: number) => percentile(times, share) - told.askedAt;
  return { ...told, firstMs: after(0), halfMs: after(0.5), lastMs: after(1) };
}

function tabulate(name: string, rounds: readonly Round[]): string[] {
  const middle = (read: (round: Round) => number) => formatMs(median(rounds.map(read)));
  return [
    name,
    middle((round) => round.acceptedMs),
    middle((round) => round.firstMs),
    middle((round) => round.halfMs),
    middle((round) => round.lastMs),
    middle((round) => round.lastMs - round.firstMs),
    formatMs(Math.max(...rounds.map((round) => round.blockedMs))),
  ];
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
