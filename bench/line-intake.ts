import { Agent, request as httpRequest } from "node:http";
import { fileURLToPath } from "node:url";
import { launchProcess, waitUntil } from "@muster/testing";
import { formatCount, formatMs, formatRatio, median, percentile } from "./support/numbers.ts";
import { readCpuSeconds } from "./support/proc.ts";
import { describeServerProgram, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const BARE = fileURLToPath(new URL("programs/bare-intake.ts", import.meta.url));
const HOSTS = 100;
const SERIES = 50;
const SECONDS = 10;
const LINES = SERIES * SECONDS;
const IN_FLIGHT = 16;
/** Asked seldom, since telling its own metrics costs a server as much as taking in some thousand points. */
const SETTLING = { timeoutMs: 120_000, everyMs: 1000 } as const;

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Resolves when everything that was taken in is in the database. */
  settle(): Promise<void>;
}

interface Turn {
  readonly points: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly latencyMs: readonly number[];
}

/** Lines that are parsed, kept on the disk before they are acknowledged, and brought into history. */
export const lineIntake: Suite = {
  title: "Line protocol taken in, next to a Fastify route that only reads the body",
  async run(context) {
    const sides = await startSides(context);
    const pairs = context.quick ? 1 : 5;
    const turns = new Map<string, Turn[]>(sides.map((side) => [side.name, []]));
    let round = 0;
    for (let pair = 0; pair <= pairs; pair++) {
      for (const side of pair % 2 === 0 ? sides : sides.toReversed()) {
        const turn = await measure(side, context.quick ? 3000 : 10_000, round);
        if (pair > 0) turns.get(side.name)?.push(turn);
      }
      round += 1000;
      context.say(`pair ${pair} of ${pairs}`);
    }
    return {
      tables: [
        {
          title: `Requests of ${LINES} lines (${SERIES} series of a host for ${SECONDS} s), ${HOSTS} hosts, ${IN_FLIGHT} in flight; goal: 0.40 in points/s`,
          columns: ["server", "points/s", "ratio", "points per CPU-second", "ratio", "p50", "p99"],
          rows: tabulate(turns),
        },
      ],
      notes: [
        `Medians of ${pairs} interleaved pairs; ratios: the medians of the pairs' ratios. Points/s is what writers see: Muster answers when its journal is on the disk. Muster's CPU counts until every row is in SQLite, with what it takes while it waits for that (up to 30 s).`,
        `Ten points of a series become one row. Muster ran as ${describeServerProgram()}; the generator shares the cores.`,
      ],
    };
  },
};

async function startSides(context: BenchContext): Promise<Side[]> {
  const bare = launchProcess(context.scope, { args: [BARE] });
  const [url = ""] = await bare.waitForOutput(/http:\/\/127\.0\.0\.1:\d+/);
  const server = await startMusterServer(context.scope);
  const pending = async () => {
    const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiToken}` } });
    const text = await response.text();
    const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? Number.NaN);
    return read("muster_point_rows_pending") + read("muster_point_journal_bytes");
  };
  return [
    { name: "bare Fastify", pid: bare.pid, url, headers: {}, settle: async () => {} },
    {
      name: "Muster",
      pid: server.pid,
      url: server.url,
      headers: { "x-token": server.token },
      async settle() {
        await waitUntil("rows to be written", async () => (await pending()) === 0, SETTLING);
      },
    },
  ];
}

/** Sends for `durationMs`, each request the next ten seconds of a host. */
async function measure(side: Side, durationMs: number, firstRound: number): Promise<Turn> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const templates = Array.from({ length: HOSTS }, (_, host) => makeLines(host));
  const cpuBefore = readCpuSeconds(side.pid);
  const startedAt = performance.now();
  const endAt = startedAt + durationMs;
  const latencyMs: number[] = [];
  let sent = 0;
  const work = async () => {
    while (performance.now() < endAt) {
      const serial = sent++;
      const lines = templates[serial % HOSTS] ?? [];
      const at = 1_764_000_000 + (firstRound + Math.floor(serial / HOSTS)) * SECONDS;
      const body = lines.map((line, index) => `${line}${at + (index % SECONDS)}`).join("\n");
      const began = performance.now();
      await post(side, agent, body);
      latencyMs.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  await side.settle();
  agent.destroy();
  const cpuSeconds = readCpuSeconds(side.pid) - cpuBefore;
  return { points: latencyMs.length * LINES, seconds, cpuSeconds, latencyMs };
}

/** Everything of each line but its time. */
function makeLines(host: number): string[] {
  return Array.from({ length: LINES }, (_, index) => {
    const series = Math.floor(index / SECONDS);
    const value = (host * 31 + index * 7) / 10;
    return `nginx,host=web-${host},port=${8000 + series},server=10.0.0.${host} active=${value},requests=${index * 17}i,waiting=${value / 3} `;
  });
}

function post(side: Side, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = `${side.url}/v1/write/metric?precision=s`;
    const headers = { "content-type": "text/plain", "content-length": Buffer.byteLength(body), ...side.headers };
    const request = httpRequest(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${side.name} answered ${response.statusCode}`));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function tabulate(turns: ReadonlyMap<string, readonly Turn[]>): string[][] {
  const perCpu = (turn: Turn | undefined) => (turn ? turn.points / Math.max(0.01, turn.cpuSeconds) : Number.NaN);
  const perSecond = (turn: Turn | undefined) => (turn ? turn.points / turn.seconds : Number.NaN);
  const [yardstick = []] = turns.values();
  return [...turns].map(([name, side]) => {
    const latency = side.flatMap((turn) => turn.latencyMs);
    return [
      name,
      formatCount(median(side.map(perSecond))),
      formatRatio(median(side.map((turn, index) => perSecond(turn) / perSecond(yardstick[index])))),
      formatCount(median(side.map(perCpu))),
      formatRatio(median(side.map((turn, index) => perCpu(turn) / perCpu(yardstick[index])))),
      formatMs(median(latency)),
      formatMs(percentile(latency, 0.99)),
    ];
  });
}
