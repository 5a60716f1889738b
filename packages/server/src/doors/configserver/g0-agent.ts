import {
  accept,
  answerG0,
  badRequest,
  G0_ACTIONS,
  type G0AlarmRequest,
  type G0GetConfigListRequest,
  type G0HeartBeatRequest,
  type G0RunningStatisticsRequest,
  refusals,
  UpdateStatus,
} from "@muster/protocols/configserver";
import type { HeldConfig, WantedConfig } from "../../fleet/config-delivery.ts";
import type { Call, Handlers } from "./calls.ts";
import { indexWanted, revisionOf, versionOf } from "./deliveries.ts";
import { introduceG0, tellsTheSameG0 } from "./introductions.ts";
import type { PollingAgent } from "./polling-agents.ts";
import { type Reply, withId } from "./replies.ts";
import { storeAlarm, storeStatistics } from "./reports.ts";

const { HeartBeat, RunningStatistics, Alarm, GetConfigList } = G0_ACTIONS;
const KINDS = ["pipeline"];
const NEEDS_ID: Reply = { outcome: badRequest(HeartBeat.missing.agentId ?? "") };
const BEAT_HEARD = HeartBeat.response.encode(answerG0("", accept(HeartBeat.success)));

/** What an agent of the seed's generation asks for. */
export const g0Agent = {
  HeartBeat: heartBeat,
  RunningStatistics: runningStatistics,
  Alarm: alarm,
  GetConfigList: getConfigList,
} satisfies Handlers;

function heartBeat(call: Call<G0HeartBeatRequest>): Reply | Promise<Reply> {
  const { parts, agents, message } = call;
  if (message.agentId === "") return NEEDS_ID;
  const agent = agents.find(message.agentId);
  if (!agent) return welcome(call);
  agent.beat(parts.clock.monotonic());
  const { told } = agent;
  if (agent.generation !== "g0" || told === undefined || !tellsTheSameG0(told as G0HeartBeatRequest, message)) {
    agent.introduce("g0", introduceG0(message), parts.limits.beatMs);
    agent.told = message;
  }
  parts.counters.beats++;
  return { bytes: withId(message.requestId, BEAT_HEARD) };
}

async function welcome({ parts, agents, message, request }: Call<G0HeartBeatRequest>): Promise<Reply> {
  const { remoteAddress } = request;
  const agent = await agents.meet({ ...introduceG0(message), id: message.agentId, generation: "g0", remoteAddress });
  agent.told = message;
  parts.counters.beats++;
  return { bytes: withId(message.requestId, BEAT_HEARD) };
}

/** What the original meant to do: the last ones are shown with the agent. All of them go into the history of metrics. */
async function runningStatistics(call: Call<G0RunningStatisticsRequest>): Promise<Reply> {
  const { message } = call;
  if (message.agentId === "") return NEEDS_ID;
  if (!message.runningDetails) return { outcome: badRequest("Need parameter RunningDetails.") };
  await storeStatistics(call, message.agentId, message.runningDetails);
  return { outcome: accept(RunningStatistics.success) };
}

async function alarm(call: Call<G0AlarmRequest>): Promise<Reply> {
  if (call.message.agentId === "") return NEEDS_ID;
  await storeAlarm(call, call.message);
  return { outcome: accept(Alarm.success) };
}

function getConfigList(call: Call<G0GetConfigListRequest>): Reply | Promise<Reply> {
  const { agents, message, request } = call;
  if (message.agentId === "") return NEEDS_ID;
  const agent = agents.find(message.agentId);
  if (agent) return compare(call, agent);
  return agents
    .recall(message.agentId, request.remoteAddress)
    .then((known) => (known ? compare(call, known) : { outcome: refusals.agentUnknown(message.agentId) }));
}

/** What was answered to the same question about the same configs. */
interface Memory {
  readonly generation: "g0";
  readonly wanted: readonly WantedConfig[];
  readonly versions: ReadonlyMap<string, number>;
  readonly bytes: Uint8Array;
}

function compare({ parts, message }: Call<G0GetConfigListRequest>, agent: PollingAgent): Reply {
  const { configs } = parts.fleet;
  const { requestId, configVersions } = message;
  agent.session.touch();
  const known = agent.memory as Memory | undefined;
  if (
    known?.generation === "g0" &&
    configs.wantedFor(agent.state) === known.wanted &&
    sameVersions(known.versions, configVersions)
  )
    return { bytes: withId(requestId, known.bytes) };
  configs.report(agent.state, KINDS, heldBy(configVersions));
  const wanted = configs.wantedFor(agent.state);
  const bytes = answerOf(wanted, configVersions);
  agent.memory = { generation: "g0", wanted, versions: configVersions, bytes } satisfies Memory;
  return { bytes: withId(requestId, bytes) };
}

/** By the wanted array, what is answered to an agent that has everything: the same for many. */
const unchanged = new WeakMap<readonly WantedConfig[], Uint8Array>();

function answerOf(wanted: readonly WantedConfig[], versions: ReadonlyMap<string, number>): Uint8Array {
  const isCurrent =
    versions.size === wanted.length &&
    wanted.every((config) => (versions.get(config.name) ?? Number.NEGATIVE_INFINITY) >= versionOf(config));
  const known = isCurrent ? unchanged.get(wanted) : undefined;
  if (known) return known;
  const index = indexWanted(wanted);
  const gone = [...versions.keys()]
    .filter((name) => !index.has(name))
    .map((configName) => ({ configName, updateStatus: UpdateStatus.DELETED }));
  const configUpdateInfos = [...gone, ...wanted.map((config) => infoOf(config, versions.get(config.name)))];
  const bytes = GetConfigList.response.encode({ ...answerG0("", accept(GetConfigList.success)), configUpdateInfos });
  if (isCurrent) unchanged.set(wanted, bytes);
  return bytes;
}

function infoOf(config: WantedConfig, reported: number | undefined) {
  const version = versionOf(config);
  if (reported !== undefined && reported >= version)
    return { configName: config.name, updateStatus: UpdateStatus.SAME };
  const updateStatus = reported === undefined ? UpdateStatus.NEW : UpdateStatus.MODIFIED;
  return { configName: config.name, updateStatus, configVersion: version, content: config.text };
}

function heldBy(versions: ReadonlyMap<string, number>): HeldConfig[] {
  return [...versions].map(([name, version]) => ({
    ...{ name, kind: "pipeline", revision: revisionOf(version) },
    ...{ status: "unknown", error: null, digest: null },
  }));
}

function sameVersions(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  if (left.size !== right.size) return false;
  for (const [name, version] of left) if (right.get(name) !== version) return false;
  return true;
}
