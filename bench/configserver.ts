import { fileURLToPath } from "node:url";
import { CONFIGSERVER_ACTIONS, G0_MESSAGES, G1_MESSAGES } from "@muster/protocols/configserver";
import { launchProcess } from "@muster/testing";
import { buildRequest, type HttpLoadResult, loadOverHttp } from "./support/http-load.ts";
import { formatCount, formatMs, formatRatio, median, percentile } from "./support/numbers.ts";
import { readCpuSeconds } from "./support/proc.ts";
import { describeServerProgram, startMusterServer } from "./support/servers.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const BARE = fileURLToPath(new URL("programs/bare-configserver.ts", import.meta.url));
const CONNECTIONS = 64;
const GROUPS_WITH_CONFIGS = 50;
const CONFIGS_PER_GROUP = 4;
const TEXT = `inputs:\n  - Type: file_log\n    LogPath: /var/log\nnote: ${"x".repeat(960)}\n`;

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

/** What one side did in its turn. */
interface Turn extends HttpLoadResult {
  readonly cpuSeconds: number;
}

/** A call that all agents make, prepared as bytes. */
interface Call {
  readonly name: string;
  readonly goal: number;
  readonly requests: readonly Buffer[];
}

/** Beats of agents that have everything already, beside a route that only reads and writes them. */
export const configServer: Suite = {
  title: "ConfigServer beats and lists, next to a bare Fastify route with the same codec",
  async run(context) {
    const agents = context.quick ? 1000 : 10_000;
    const bare = launchProcess(context.scope, { args: [BARE] });
    const [, barePort = ""] = await bare.waitForOutput(/http:\/\/127\.0\.0\.1:(\d+)/);
    const yardstick = { name: "bare Fastify", pid: bare.pid, port: Number(barePort) };
    const few = await startSide(context, { name: "Muster, 50 groups", groups: GROUPS_WITH_CONFIGS, agents });
    const rows: string[][] = [];
    for (const call of makeCalls(agents)) rows.push(...(await compare(context, call, [yardstick, few])));
    const many = await startSide(context, { name: "Muster, 5,000 groups", groups: 5000, agents });
    const more: string[][] = [];
    for (const call of makeCalls(agents)) more.push(...(await compare(context, call, [few, many])));
    const columns = ["call", "server", "requests/s", "ratio", "per CPU-second", "ratio", "goal", "p50", "p99"];
    return {
      tables: [
        {
          title: `${agents} agents, ${GROUPS_WITH_CONFIGS} groups × ${CONFIGS_PER_GROUP} configs of 1 KB, nothing changed`,
          columns,
          rows,
        },
        { title: "The same with 4,950 more groups that match nobody", columns, rows: more },
      ],
      notes: [
        `${CONNECTIONS} keep-alive connections, each waiting for its answer; medians of interleaved turns, ratios: the medians of the pairs' ratios. Every agent is in one group by a tag, and reports the ${CONFIGS_PER_GROUP} configs that it has.`,
        `Muster ran as ${describeServerProgram()}; the generator shares the cores, so that requests per CPU-second of the server say more than requests per second. For orientation: the original servers answered 28–35 thousand beats, 5.7–6.8 thousand G1 beats with their diff and 3.9–4.8 thousand lists per second on such a machine.`,
      ],
    };
  },
};

async function compare(context: BenchContext, call: Call, sides: readonly [Side, Side]): Promise<string[][]> {
  const pairs = context.quick ? 1 : 5;
  const results = new Map<Side, Turn[]>(sides.map((side) => [side, []]));
  for (let pair = 0; pair <= pairs; pair++) {
    for (const side of pair % 2 === 0 ? sides : sides.toReversed()) {
      const result = await measure(side, call, context.quick ? 1500 : 6000);
      if (pair > 0) results.get(side)?.push(result); // the first turn warms both up
    }
    context.say(`${call.name}: pair ${pair} of ${pairs}`);
  }
  const [first = [], second = []] = sides.map((side) => results.get(side) ?? []);
  const rate = ({ requests, seconds }: Turn) => requests / seconds;
  const thrift = ({ requests, cpuSeconds }: Turn) => requests / cpuSeconds;
  const ratioOf = (what: (turn: Turn) => number) =>
    formatRatio(median(second.map((turn, index) => what(turn) / what(first[index] ?? turn))));
  return sides.map((side, index) => {
    const own = results.get(side) ?? [];
    const latency = own.flatMap(({ latencyMs }) => latencyMs);
    const goal = sides[0].name.startsWith("bare") ? call.goal : 1;
    return [
      ...[call.name, side.name],
      ...[formatCount(median(own.map(rate))), index === 0 ? "1" : ratioOf(rate)],
      ...[formatCount(median(own.map(thrift))), index === 0 ? "1" : ratioOf(thrift)],
      ...[index === 0 ? "" : String(goal), formatMs(percentile(latency, 0.5)), formatMs(percentile(latency, 0.99))],
    ];
  });
}

async function measure({ port, pid }: Side, { requests }: Call, durationMs: number): Promise<Turn> {
  let serial = 0;
  const next = () => requests[serial++ % requests.length];
  const before = readCpuSeconds(pid);
  const result = await loadOverHttp({ port, connections: CONNECTIONS, durationMs, next });
  return { ...result, cpuSeconds: readCpuSeconds(pid) - before };
}

/** A server with groups, configs and agents that have what is theirs. */
async function startSide(
  context: BenchContext,
  { name, groups, agents }: { name: string; groups: number; agents: number },
): Promise<Side> {
  const server = await startMusterServer(context.scope);
  const port = Number(new URL(server.url).port);
  const call = async (action: keyof typeof CONFIGSERVER_ACTIONS.g0, message: object) => {
    const { path, methods, request } = CONFIGSERVER_ACTIONS.g0[action];
    const body = new Uint8Array(request.encode(message));
    const response = await fetch(`${server.url}/configserver/g0${path}`, { method: methods[0], body });
    if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
  };
  for (let group = 0; group < groups; group++) {
    const groupName = `group-${group}`;
    const tags = [{ name: "cell", value: `cell-${group}` }];
    await call("CreateAgentGroup", { agentGroup: { groupName, description: "", tags } });
    if (group >= GROUPS_WITH_CONFIGS) continue;
    for (let index = 0; index < CONFIGS_PER_GROUP; index++) {
      const configName = `config-${group}-${index}`;
      await call("CreateConfig", { configDetail: { configName, content: TEXT } });
      await call("ApplyConfigToAgentGroup", { groupName, configName });
    }
    if (group % 1000 === 999) context.say(`${group + 1} groups`);
  }
  context.say(`${name}: first beats of ${agents} agents`);
  for (const { requests } of makeCalls(agents)) await everyOnce(port, requests);
  return { name, port, pid: server.pid };
}

/** Each request once, so that everybody is known and has told what it has. */
async function everyOnce(port: number, requests: readonly Buffer[]): Promise<void> {
  let serial = 0;
  const next = () => requests[serial++];
  await loadOverHttp({ port, connections: CONNECTIONS, durationMs: Number.POSITIVE_INFINITY, next });
}

function makeCalls(agents: number): Call[] {
  const ids = Array.from({ length: agents }, (_, index) => index);
  const names = (agent: number) =>
    Array.from({ length: CONFIGS_PER_GROUP }, (_, index) => `config-${agent % GROUPS_WITH_CONFIGS}-${index}`);
  const cell = (agent: number) => `cell-${agent % GROUPS_WITH_CONFIGS}`;
  const beatG0 = (agent: number) =>
    G0_MESSAGES.HeartBeatRequest.encode({
      ...{ requestId: `beat-${agent}`, agentId: `g0-agent-${agent}`, agentType: "ilogtail", agentVersion: "1.1.1" },
      ...{ ip: `10.0.${agent >> 8}.${agent & 255}`, runningStatus: "running", startupTime: 1_700_000_000 },
      tags: new Map([["cell", cell(agent)]]),
    });
  const beatG1 = (agent: number) =>
    G1_MESSAGES.HeartBeatRequest.encode({
      ...{ requestId: `beat-${agent}`, agentId: `g1-agent-${agent}`, agentType: "iLogtail", interval: 10 },
      attributes: { version: "1.8.8", ip: `10.0.${agent >> 8}.${agent & 255}` },
      tags: [cell(agent)],
      pipelineConfigs: names(agent).map((name) => ({ name })),
    });
  const listG0 = (agent: number) =>
    G0_MESSAGES.AgentGetConfigListRequest.encode({
      ...{ requestId: `list-${agent}`, agentId: `g0-agent-${agent}` },
      configVersions: new Map(names(agent).map((name) => [name, 0])),
    });
  const prepare = (path: string, write: (agent: number) => Uint8Array) =>
    ids.map((agent) => buildRequest(path, write(agent)));
  return [
    { name: "G0 HeartBeat", goal: 0.9, requests: prepare("/configserver/g0/Agent/HeartBeat", beatG0) },
    { name: "G1 HeartBeat with diff", goal: 0.6, requests: prepare("/configserver/g1/Agent/HeartBeat", beatG1) },
    { name: "G0 GetConfigList", goal: 0.6, requests: prepare("/configserver/g0/Agent/GetConfigList", listG0) },
  ];
}
