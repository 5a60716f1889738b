import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { InputBulkAnswer } from "@muster/core/resources";
import { onEnd, type RunningServer, type Scope, waitUntil } from "@muster/testing";
import type { InputCounts, InputOrder } from "./programs/input-agents.ts";
import { formatCount, formatMs, percentile } from "./support/numbers.ts";
import { describeServerProgram, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Report, Suite } from "./support/suite.ts";

const PROGRAM = fileURLToPath(new URL("./programs/input-agents.ts", import.meta.url));
const GENERATORS = 2;

interface Pushes {
  readonly name: string;
  readonly asked: number;
  readonly applied: number;
  readonly refused: number;
  /** Configurations that hosts got, by their own count. */
  readonly taken: number;
  readonly times: readonly number[];
  readonly seconds: number;
}

/** Configurations given to many agents at once, each counted on the host that got it. */
export const configPush: Suite = {
  title: "Configurations pushed to agents at once",
  async run(context): Promise<Report> {
    const agents = context.quick ? 400 : 5000;
    const atOnce = context.quick ? 100 : 1000;
    const server = await startMusterServer(context.scope);
    const generators = Array.from({ length: GENERATORS }, () => startAgents(context.scope));
    const ids = await connectAll(context, { server, generators, agents });
    const count = () => countAll(generators);
    await pushAll({ server, name: "warm-up", ids: ids.slice(0, atOnce), text: textOf(1), copies: 1, count });
    const rounds: Pushes[] = [];
    for (let round = 0; round < (context.quick ? 1 : 5); round++) {
      const from = (round * atOnce) % agents;
      const chosen = ids.slice(from, from + atOnce);
      rounds.push(
        await pushAll({ server, name: "each once", ids: chosen, text: textOf(10 + round), copies: 1, count }),
      );
    }
    const raced = await pushAll({
      server,
      name: "raced",
      ids: ids.slice(0, atOnce),
      text: textOf(20),
      copies: 2,
      count,
    });
    const bulk = await pushBulk(server, agents, count);
    const single = merge(rounds);
    assertExact(single, single.asked);
    assertExact(raced, raced.asked / 2);
    assertExact(bulk, agents);
    const { lost } = await count();
    if (lost > 0) throw new Error(`${lost} connections were closed`);
    return {
      tables: [
        {
          title: `${agents} agents, ${atOnce} requests at once`,
          columns: [
            "pushes",
            "asked",
            "applied",
            "refused",
            "on hosts",
            "lost or doubled",
            "p50",
            "p99",
            "max",
            "per second",
          ],
          rows: [row(`${atOnce} agents, one request each`, single), row("the same twice at once", raced)],
        },
        {
          title: "One request for everybody",
          columns: ["agents", "applied", "on hosts", "lost or doubled", "took", "per second"],
          rows: [
            [
              String(agents),
              String(bulk.applied),
              String(bulk.taken),
              "0",
              formatMs(bulk.seconds * 1000),
              formatCount(bulk.applied / bulk.seconds),
            ],
          ],
        },
      ],
      notes: [
        "A push is a request of its own over HTTP: checked, written down and its meaning reserved, sent to the agent, answered by it with its inventory, settled and shown. All start at the same instant, so p50 is about half of the time that all of them take.",
        `Raced: every request is made twice at the same time, and one of the two must be refused as a duplicate. Lost or doubled: by the hosts' own count, which a run with any fails on. ${GENERATORS} generator processes play the agents and answer at once; the caller and they share the machine with the server, which ran as ${describeServerProgram()} on SQLite.`,
      ],
    };
  },
};

type Ask = <Answer>(order: InputOrder) => Promise<Answer>;

function startAgents(scope: Scope): Ask {
  const child: ChildProcess = fork(PROGRAM, { execArgv: [] });
  onEnd(scope, () => void child.kill("SIGKILL"));
  return async <Answer>(order: InputOrder) => {
    const answered = once(child, "message") as Promise<[{ answer?: Answer; error?: string }]>;
    child.send(order);
    const [{ answer, error }] = await answered;
    if (answer === undefined) throw new Error(error ?? "no answer");
    return answer;
  };
}

async function connectAll(
  context: BenchContext,
  parts: { server: RunningServer & { token: string }; generators: readonly Ask[]; agents: number },
): Promise<string[]> {
  const { server, generators, agents } = parts;
  const each = agents / generators.length;
  const { port, token } = server;
  await Promise.all(
    generators.map((ask, index) => ask({ do: "connect", port, token, count: each, first: index * each })),
  );
  await waitUntil("everybody to be online", () => isOnline(server, agents), { timeoutMs: 60_000 });
  context.say(`${agents} agents are connected`);
  const ids: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = `agents?limit=1000&sort=name${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page: { items: { id: string }[]; nextCursor: string | null } = await server.call("GET", query);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return ids;
}

async function isOnline(server: RunningServer, count: number): Promise<boolean> {
  const system = await server.call<{ agents: { online: number } }>("GET", "system");
  return system.agents.online === count;
}

function textOf(seconds: number): string {
  return `# processor time\n[[inputs.cpu]]\n  interval = "${seconds}s"\n  percpu = true\n  [inputs.cpu.tags]\n    rack = "7"\n`;
}

interface Order {
  readonly server: RunningServer;
  readonly name: string;
  readonly ids: readonly string[];
  readonly text: string;
  readonly copies: number;
  readonly count: () => Promise<InputCounts>;
}

async function pushAll({ server, name, ids, text, copies, count }: Order): Promise<Pushes> {
  await count();
  const startedAt = performance.now();
  const asked = ids.flatMap((id) => Array.from({ length: copies }, () => pushOne(server, id, text)));
  const answers = await Promise.all(asked);
  const seconds = (performance.now() - startedAt) / 1000;
  const { sets } = await count();
  const applied = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 409);
  if (applied.length + refused.length < answers.length) {
    const other = answers.find(({ status }) => status !== 201 && status !== 409);
    throw new Error(`a push was answered with ${other?.status}`);
  }
  const times = applied.map(({ tookMs }) => tookMs);
  return { name, asked: answers.length, applied: applied.length, refused: refused.length, taken: sets, times, seconds };
}

async function pushOne(server: RunningServer, id: string, toml: string): Promise<{ status: number; tookMs: number }> {
  const startedAt = performance.now();
  const response = await fetch(`${server.url}/fleet/v1/agents/${id}/inputs`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.apiToken}`, "content-type": "application/json" },
    body: JSON.stringify({ input: "cpu", toml }),
  });
  await response.arrayBuffer();
  return { status: response.status, tookMs: performance.now() - startedAt };
}

async function pushBulk(server: RunningServer, agents: number, count: () => Promise<InputCounts>): Promise<Pushes> {
  await count();
  const startedAt = performance.now();
  const body = { input: "cpu", toml: textOf(99), targets: { all: true } };
  const answer = await server.call<InputBulkAnswer>("POST", "inputs", body);
  const seconds = (performance.now() - startedAt) / 1000;
  const { sets } = await count();
  const refused = answer.total - answer.applied;
  return { name: "bulk", asked: agents, applied: answer.applied, refused, taken: sets, times: [], seconds };
}

async function countAll(generators: readonly Ask[]): Promise<InputCounts> {
  const counts = await Promise.all(generators.map((ask) => ask<InputCounts>({ do: "count" })));
  const sum = (read: (one: InputCounts) => number) => counts.reduce((total, one) => total + read(one), 0);
  return { sets: sum((one) => one.sets), lost: sum((one) => one.lost) };
}

function merge(rounds: readonly Pushes[]): Pushes {
  const sum = (read: (round: Pushes) => number) => rounds.reduce((total, round) => total + read(round), 0);
  return {
    name: "each once",
    asked: sum((round) => round.asked),
    applied: sum((round) => round.applied),
    refused: sum((round) => round.refused),
    taken: sum((round) => round.taken),
    times: rounds.flatMap((round) => round.times),
    seconds: sum((round) => round.seconds),
  };
}

/** A lost or doubled configuration makes every other number worthless. */
function assertExact({ name, applied, taken }: Pushes, expected: number): void {
  if (applied !== expected || taken !== expected)
    throw new Error(`${name}: ${expected} were meant, ${applied} are said to be applied, hosts got ${taken}`);
}

function row(name: string, pushes: Pushes): string[] {
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => formatMs(percentile(pushes.times, share)));
  const { asked, applied, refused, taken, seconds } = pushes;
  const lost = String(Math.abs(taken - applied));
  const rate = formatCount(asked / seconds);
  return [
    name,
    String(asked),
    String(applied),
    String(refused),
    String(taken),
    lost,
    p50 ?? "",
    p99 ?? "",
    most ?? "",
    rate,
  ];
}
