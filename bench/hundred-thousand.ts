import { delay, systemClock } from "@muster/core";
import {
  ManualScope,
  makeTempDir,
  missingNats,
  missingPostgres,
  type RunningServer,
  type Scope,
  startNats,
  startPostgres,
  waitUntil,
} from "@muster/testing";
import { connectFleet, type Engines, killAll, readServers, startOne, startRealAgent } from "./support/big-fleet.ts";
import { startCrowd } from "./support/crowd.ts";
import { formatMib, formatMs, median, percentile } from "./support/numbers.ts";
import { operatorRow, type Seen, watchOperator } from "./support/operator.ts";
import { describeServerProgram, startBareServer } from "./support/servers.ts";
import type { BenchContext, Suite, Table } from "./support/suite.ts";

const SERVERS = 6;
const BEAT_MS = 30_000;
/** Who is not back by then counts as lost. */
const PATIENCE_MS = 120_000;

/** A whole installation on one machine: six processes, PostgreSQL, NATS and a hundred thousand agents. */
export const hundredThousand: Suite = {
  title: "100,000 agents on six processes, PostgreSQL and NATS",
  async run(context) {
    const missing = missingPostgres() ?? missingNats();
    if (missing !== undefined) throw new Error(missing);
    const each = context.quick ? 100 : 16_667;
    const rounds = context.quick ? 1 : 3;
    const connected: number[] = [];
    const bare: number[] = [];
    let tables: Table[] = [];
    for (let round = 1; round <= rounds; round++) {
      bare.push(await connectBare(each));
      const scope = new ManualScope();
      try {
        const fleet = await startFleet(scope, each);
        connected.push(fleet.seconds);
        context.say(
          `round ${round}: ${SERVERS * each} agents after ${fleet.seconds.toFixed(1)} s, bare ws ${bare.at(-1)?.toFixed(1)} s`,
        );
        if (round === rounds) {
          const load = await measureLoad(context, fleet);
          tables = [load, ...(await measureReturn(context, scope, fleet))];
        }
      } finally {
        await scope.close();
      }
    }
    const first: Table = {
      title: `${SERVERS * each} agents that nobody has met before`,
      columns: ["measured", "value", "goal"],
      rows: [
        [`all connected, registered and stored, median of ${rounds}`, listSeconds(connected), "≤ 30 s"],
        [
          `the same connections to six bare ws servers, which store nothing, median of ${rounds}`,
          listSeconds(bare),
          "–",
        ],
      ],
    };
    return {
      tables: [first, ...tables],
      notes: [
        `Six generator processes with source addresses of their own share the two cores with six servers, PostgreSQL and NATS. No limit of admission; 512 MB of shared buffers, every commit on disk. Muster ran as ${describeServerProgram()}.`,
        "After the kill the agents wait as ours do between attempts, from 1 to 10 s with jitter (the setting for storms); the servers are started again at once, on the same ports and data.",
        "Acknowledged: every command that an operator was told of, before the kill and during the storm, must be known and ended; every agent must be online; no row of history that was there before may be gone.",
      ],
    };
  },
};

interface Fleet {
  readonly engines: Engines;
  readonly servers: readonly RunningServer[];
  readonly each: number;
  readonly seconds: number;
  readonly generators: Awaited<ReturnType<typeof connectFleet>>["generators"];
  readonly query: (sql: string) => Promise<string>;
}

function listSeconds(seconds: readonly number[]): string {
  return `${median(seconds).toFixed(1)} s (${seconds.map((one) => one.toFixed(1)).join(", ")})`;
}

/** Seconds that the same crowd needs for an upgrade each, with nothing registered and nothing stored. */
async function connectBare(each: number): Promise<number> {
  const scope = new ManualScope();
  try {
    const servers = await Promise.all(Array.from({ length: SERVERS }, () => startBareServer(scope)));
    const ports = servers.map(({ port }) => ({ port }));
    return (await connectFleet(scope, ports, each)).seconds;
  } finally {
    await scope.close();
  }
}

async function startFleet(scope: Scope, each: number): Promise<Fleet> {
  const postgres = await startPostgres(scope);
  // what tests start is the smallest there is; a machine for so many agents gives its database some memory
  for (const setting of ["shared_buffers = '512MB'", "max_wal_size = '4GB'", "wal_compression = on"])
    await postgres.run(`alter system set ${setting}`);
  await postgres.stop();
  await postgres.start();
  const engines = { database: postgres.url(), bus: (await startNats(scope)).url };
  const first = await startOne(scope, engines);
  const others = await Promise.all(Array.from({ length: SERVERS - 1 }, () => startOne(scope, engines)));
  const servers = [first, ...others];
  const { generators, seconds } = await connectFleet(scope, servers, each);
  return { engines, servers, each, seconds, generators, query: (sql) => postgres.run(sql) };
}

/** Everybody beats every 30 s. */
async function measureLoad(context: BenchContext, fleet: Fleet): Promise<Table> {
  const { servers, generators, each } = fleet;
  const total = SERVERS * each;
  await waitUntil("everybody to be connected", () => areConnected(servers, total), { timeoutMs: 60_000, everyMs: 500 });
  const durationMs = context.quick ? 2000 : BEAT_MS;
  const before = readServers(servers);
  const beats = await Promise.all(generators.map((generator) => generator.beat(durationMs, each / (BEAT_MS / 1000))));
  const after = readServers(servers);
  const shares = after.cpu.map((cpu, index) => ((cpu - (before.cpu[index] ?? 0)) / (durationMs / 1000)) * 100);
  const lost = (await Promise.all(generators.map((generator) => generator.countLost()))).reduce(
    (sum, one) => sum + one,
  );
  const open = beats.reduce((sum, beat) => sum + beat.open, 0);
  context.say("beats measured");
  return {
    title: `A beat every ${BEAT_MS / 1000} s, for ${durationMs / 1000} s`,
    columns: ["measured", "value", "goal"],
    rows: [
      ["resident memory of the six servers", formatMib(after.rss), "≤ 1.7 GB"],
      [
        "CPU of one server, median and most",
        `${median(shares).toFixed(1)} %, ${Math.max(...shares).toFixed(1)} %`,
        "≤ 10 %",
      ],
      [
        "latency of a beat, median p50 and worst p99",
        `${formatMs(median(beats.map((beat) => beat.p50Ms)))}, ${formatMs(Math.max(...beats.map((beat) => beat.p99Ms)))}`,
        "–",
      ],
      ["connections lost, beats unanswered", `${lost}, ${open}`, "0, 0"],
    ],
  };
}

/** All servers are killed, and everybody comes back. */
async function measureReturn(context: BenchContext, scope: Scope, fleet: Fleet): Promise<Table[]> {
  const { engines, each, generators } = fleet;
  const [first] = fleet.servers;
  if (!first) throw new Error("there is no server");
  startRealAgent(scope, first, await makeTempDir(scope));
  await waitUntil("the real agent", () => areConnected(fleet.servers, SERVERS * each + 1), { timeoutMs: 60_000 });
  const acknowledged = new Set<string>();
  const quiet = await watchOperator(first, () => delay(systemClock, 3000), acknowledged);
  const rowsBefore = Number(await fleet.query("select count(*) from metric_10s"));
  const crowds = fleet.servers.map(() => startCrowd(scope));
  await Promise.all(generators.map((generator) => generator.stop()));
  const killedAt = performance.now();
  await killAll(fleet.servers);
  const returning = Promise.all(
    crowds.map((crowd, index) => {
      const { port = 0, enrollmentToken: token = "" } = fleet.servers[index] ?? {};
      return crowd({
        port,
        token,
        localAddress: `127.0.0.${index + 2}`,
        first: index * each,
        count: each,
        patienceMs: PATIENCE_MS,
      });
    }),
  );
  const servers = await Promise.all(fleet.servers.map((server) => startOne(scope, engines, server)));
  const startSeconds = (performance.now() - killedAt) / 1000;
  const [back] = servers;
  if (!back) throw new Error("there is no server");
  await waitUntil("the real agent to be back", () => isBack(back), { timeoutMs: 60_000, everyMs: 200 });
  let seconds = 0;
  const storm = await watchOperator(
    back,
    async () => {
      await returning;
      seconds = (performance.now() - killedAt) / 1000;
    },
    acknowledged,
  );
  context.say(`everybody is back after ${seconds.toFixed(1)} s`);
  const results = await returning;
  const times = results.flatMap((result) => result.registeredMs);
  await waitUntil("everybody to be connected", () => areConnected(servers, SERVERS * each + 1), {
    timeoutMs: 60_000,
    everyMs: 500,
  });
  const lost = await countLost(back, acknowledged);
  const rowsAfter = Number(await fleet.query("select count(*) from metric_10s"));
  return [
    {
      title: `All six killed at once, ${SERVERS * each} agents come back`,
      columns: ["measured", "value", "goal"],
      rows: [
        ["the servers answer again after", `${startSeconds.toFixed(1)} s`, "–"],
        [
          "half are registered, all are registered",
          `${(percentile(times, 0.5) / 1000).toFixed(1)} s, ${seconds.toFixed(1)} s`,
          "≤ 60 s",
        ],
        ["not back at all", String(SERVERS * each - times.length), "0"],
        ["attempts that failed", String(results.reduce((sum, result) => sum + result.failed, 0)), "–"],
        ["acknowledged commands, lost or not ended", `${acknowledged.size}, ${lost}`, "0 lost"],
        ["rows of history before, gone", `${rowsBefore}, ${Math.max(0, rowsBefore - rowsAfter)}`, "0 gone"],
        ["an operator's command to a connected agent, p99", formatMs(percentile(storm.commands, 0.99)), "≤ 2 s"],
      ],
    },
    describeOperator(quiet, storm),
  ];
}

function describeOperator(quiet: Seen, storm: Seen): Table {
  return {
    title: "The operator",
    columns: ["during", "API call p50", "p99", "max", "command p50", "p99", "max", "calls, commands"],
    rows: [operatorRow("quiet, all connected", quiet), operatorRow("while they come back", storm)],
  };
}

/** Those who came back do not beat, so that after a while they are stale. */
async function areConnected(servers: readonly RunningServer[], count: number): Promise<boolean> {
  const system = await servers[0]?.call<{ agents: { online: number; stale: number } }>("GET", "system");
  return system !== undefined && system.agents.online + system.agents.stale === count;
}

async function isBack(server: RunningServer): Promise<boolean> {
  const page = await server.call<{ items: { status: string }[] }>("GET", "agents?filter=operated");
  return page.items[0]?.status === "online";
}

async function countLost(server: RunningServer, ids: ReadonlySet<string>): Promise<number> {
  let lost = 0;
  for (const id of ids) {
    const command = await server
      .call<{ finishedAt: string | null }>("GET", `commands/${id}`)
      .catch(() => ({ finishedAt: null }));
    if (command.finishedAt === null) lost += 1;
  }
  return lost;
}
