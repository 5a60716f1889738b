import type { Point } from "@muster/core";
import type { G0AlarmRequest, G0RunningStatistics } from "@muster/protocols/configserver";
import type { Call } from "./calls.ts";
import { isUsableText } from "./parts.ts";

/** Statistics of agents that have not beaten yet: they are shown once they do. */
const EARLY_AGENTS = 1000;
/** Texts of an alarm. */
const MAX_ALARM = 100_000;
/** In front of the words with which an agent told how it runs, among its details. */
const RUNNING = "running.";
const MEASUREMENT = "configserver_agent";
const NS_PER_MS = 1_000_000n;

/** Kept as the last words of the agent, and as measurements; in the original they get lost. */
export async function storeStatistics(
  { parts, agents, request }: Call<unknown>,
  id: string,
  told: G0RunningStatistics,
): Promise<void> {
  const agent = await agents.recall(id, request.remoteAddress);
  const running = describeRunning(told);
  if (!agent) {
    agents.rememberEarly(id, running, EARLY_AGENTS);
    return;
  }
  agent.session.touch();
  await agent.tellRunning(running);
  const point: Point = {
    measurement: MEASUREMENT,
    tags: {},
    fields: { cpu: told.cpu, memory: told.memory, ...numbersIn(told.extras) },
    timeNs: nowNs(parts.clock.now()),
  };
  await take({ parts, request }, { category: "metric", point, agentId: agent.state.id });
}

/** Becomes an event, all of them: in the original one of two in the same second is lost, and none can be read. */
export async function storeAlarm(
  { parts, agents, request }: Call<unknown>,
  { agentId: id, type, detail }: G0AlarmRequest,
): Promise<void> {
  const agent = await agents.recall(id, request.remoteAddress);
  agent?.session.touch();
  const agentId = agent?.state.id ?? (await agents.note(id, request.remoteAddress));
  const point: Point = {
    measurement: "configserver_alarm",
    tags: { agent_id: id, alarm_type: type.slice(0, MAX_ALARM), status: "warning" },
    fields: { title: type.slice(0, MAX_ALARM), message: detail.slice(0, MAX_ALARM) },
    timeNs: nowNs(parts.clock.now()),
  };
  await take({ parts, request }, { category: "keyevent", point, agentId });
}

/** The words that the original had in mind, with as many digits. */
function describeRunning({ cpu, memory, extras }: G0RunningStatistics): Record<string, string> {
  const words: [string, string][] = [["CPU", cpu.toFixed(6)], ["Memory", String(memory)], ...extras];
  return Object.fromEntries(words.slice(0, 40).map(([name, value]) => [`${RUNNING}${name}`, value]));
}

/** What `describeRunning` kept of an agent, in its own words again. */
export function readRunning(details: Readonly<Record<string, string>>): Map<string, string> {
  const told = Object.entries(details).filter(([name]) => name.startsWith(RUNNING));
  return new Map(told.map(([name, value]) => [name.slice(RUNNING.length), value]));
}

function numbersIn(extras: ReadonlyMap<string, string>): Record<string, number> {
  const numbers = [...extras]
    .slice(0, 40)
    .filter(([name, value]) => isUsableText(name) && /^-?\d+(\.\d+)?$/.test(value));
  return Object.fromEntries(numbers.map(([name, value]) => [name, Number(value)]));
}

function take(
  { parts, request }: Pick<Call<unknown>, "parts" | "request">,
  { category, point, agentId }: { category: "metric" | "keyevent"; point: Point; agentId: string },
): Promise<void> {
  const source = { externalId: agentId, remoteAddress: request.remoteAddress, tokenId: null };
  return parts.fleet.points.take({ category, points: [point], source });
}

function nowNs(now: number): bigint {
  return BigInt(Math.floor(now)) * NS_PER_MS;
}
