import { delay, systemClock } from "@muster/core";
import { type RunningServer, type Scope, startAgent, startServer } from "@muster/testing";
import { type Crowd, startCrowd } from "./support/crowd.ts";
import { percentile } from "./support/numbers.ts";
import { operatorRow, watchOperator } from "./support/operator.ts";
import { describeServerProgram, MEASURED } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const PROCESSES = 4;
/** A rate that no fleet of this size exceeds. */
const NO_LIMIT = 1_000_000;
const QUIET_MS = 4_000;
/** Who is not back by then is counted as missing: 10,000 at 500 a second take 20 s. */
const PATIENCE_MS = 45_000;
/** Without a limit the outcome shows sooner. */
const UNLIMITED_PATIENCE_MS = 20_000;

/** A server is killed and started again, and everybody comes back in the same instant. */
export const storm: Suite = {
  title: "A reconnect storm",
  async run(context) {
    const count = context.quick ? 400 : 10_000;
    const rate = context.quick ? 100 : 500;
    const crowds = Array.from({ length: PROCESSES }, () => startCrowd(context.scope));
    let server = await start(context.scope, rate);
    const agent = { id: "operated", program: [MEASURED, "agent"] };
    await startAgent(context.scope, server, agent);
    const met = await gather(crowds, server, { count, patienceMs: PATIENCE_MS });
    context.say(`${count} agents were met for the first time`);
    const quiet = await watchOperator(server, () => delay(systemClock, context.quick ? 1000 : QUIET_MS));
    const rows = [operatorRow("quiet, all connected", quiet)];
    const storms: string[][] = [stormRow(`first connection, --admit-rate ${rate}`, met)];
    for (const limit of [rate, NO_LIMIT]) {
      server = await startAgain(context.scope, server, limit);
      const patienceMs = limit === NO_LIMIT ? UNLIMITED_PATIENCE_MS : PATIENCE_MS;
      let result: Gathered | undefined;
      const seen = await watchOperator(server, async () => {
        result = await gather(crowds, server, { count, patienceMs });
      });
      const name = limit === NO_LIMIT ? "reconnect, no limit" : `reconnect, --admit-rate ${limit}`;
      if (result) storms.push(stormRow(name, result));
      rows.push(operatorRow(name, seen));
      context.say(`${name}: the storm is over`);
    }
    return report(context, { count, storms, rows });
  },
};

function report(context: BenchContext, parts: { count: number; storms: string[][]; rows: string[][] }) {
  const { count, storms, rows } = parts;
  return {
    tables: [
      {
        title: `${count} agents at once to one server process`,
        columns: [
          "storm",
          "are back",
          "half of them after",
          "all of them after",
          "told to come later",
          "failed attempts",
        ],
        rows: storms,
      },
      {
        title: "An operator meanwhile",
        columns: ["during", "API call p50", "p99", "max", "command p50", "p99", "max", "calls, commands"],
        rows,
      },
    ],
    notes: [
      `The server is killed and started again on its data before each reconnect. ${PROCESSES} generator processes with source addresses of their own; agents obey Retry-After and otherwise wait as ours do, between 1 and 10 s.`,
      "API call: a page of 50 agents, each over a new connection, every 50 ms. Command: `true` on a real agent, from asking to knowing the result, one after another.",
      `Who is not registered after 45 s (20 s without a limit) is given up. Server and agent ran as ${describeServerProgram()}; generators, operator and server share the cores${context.quick ? " (quick)" : ""}.`,
    ],
  };
}

async function start(scope: Scope, rate: number, again?: RunningServer): Promise<RunningServer> {
  return startServer(scope, {
    flags: ["--log-level", "warn", "--admit-rate", String(rate)],
    program: [MEASURED, "server"],
    ...(again ? { dataDir: again.dataDir, port: again.port } : {}),
  });
}

async function startAgain(scope: Scope, server: RunningServer, rate: number): Promise<RunningServer> {
  await server.process.stop("SIGKILL");
  return start(scope, rate, server);
}

interface Gathered {
  readonly back: number;
  readonly halfMs: number;
  readonly allMs: number;
  readonly refused: number;
  readonly failed: number;
}

async function gather(
  crowds: readonly Crowd[],
  server: RunningServer,
  { count, patienceMs }: { readonly count: number; readonly patienceMs: number },
): Promise<Gathered> {
  const each = count / crowds.length;
  const { port, enrollmentToken: token } = server;
  const results = await Promise.all(
    crowds.map((crowd, index) =>
      crowd({ port, token, localAddress: `127.0.0.${index + 2}`, first: index * each, count: each, patienceMs }),
    ),
  );
  const times = results.flatMap((result) => result.registeredMs);
  return {
    back: times.length,
    halfMs: percentile(times, 0.5),
    allMs: percentile(times, 1),
    refused: results.reduce((sum, result) => sum + result.refused, 0),
    failed: results.reduce((sum, result) => sum + result.failed, 0),
  };
}

function stormRow(name: string, { back, halfMs, allMs, refused, failed }: Gathered): string[] {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [name, String(back), seconds(halfMs), seconds(allMs), String(refused), String(failed)];
}
