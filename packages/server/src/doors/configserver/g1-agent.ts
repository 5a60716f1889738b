import { CONFIG_LIMITS } from "@muster/core";
import {
  accept,
  answerG1Agent,
  badRequest,
  CheckStatus,
  ConfigType,
  G1_ACTIONS,
  type G1ConfigDetail,
  type G1ConfigInfo,
  type G1FetchAgentConfigRequest,
  type G1FetchPipelineConfigRequest,
  type G1HeartBeatRequest,
} from "@muster/protocols/configserver";
import type { HeldConfig, WantedConfig } from "../../fleet/config-delivery.ts";
import type { Call, Handlers } from "./calls.ts";
import { indexWanted, revisionOf, versionOf } from "./deliveries.ts";
import { introduceG1, tellsTheSameG1 } from "./introductions.ts";
import type { PollingAgent } from "./polling-agents.ts";
import { type Reply, withId } from "./replies.ts";
import { findMeta } from "./stored-configs.ts";

const { HeartBeat, FetchPipelineConfig } = G1_ACTIONS;
const KINDS = ["pipeline", "settings"];
const NEEDS_ID: Reply = { outcome: badRequest(HeartBeat.missing.agentId ?? "") };
const BEAT_HEARD = answerG1Agent("", accept(HeartBeat.success));
/** To nearly every beat: nothing has changed. */
const NOTHING_NEW = HeartBeat.response.encode(BEAT_HEARD);

/** What iLogtail agents ask for, from 1.4 on. */
export const g1Agent = {
  HeartBeat: heartBeat,
  FetchPipelineConfig: fetchConfigs,
  FetchAgentConfig: fetchConfigs,
} satisfies Handlers;

function heartBeat(call: Call<G1HeartBeatRequest>): Reply | Promise<Reply> {
  const { parts, agents, message } = call;
  if (message.agentId === "") return NEEDS_ID;
  const agent = agents.find(message.agentId);
  if (!agent) return welcome(call);
  agent.beat(parts.clock.monotonic());
  const { told } = agent;
  if (agent.generation !== "g1" || told === undefined || !tellsTheSameG1(told as G1HeartBeatRequest, message)) {
    agent.introduce("g1", introduceG1(message), parts.limits.beatMs);
    agent.told = message;
  }
  return compare(call, agent);
}

/** The agents of the originals' own suite send no attributes to speak of, those of users none: both may come. */
async function welcome(call: Call<G1HeartBeatRequest>): Promise<Reply> {
  const { agents, message, request } = call;
  const { remoteAddress } = request;
  const agent = await agents.meet({ ...introduceG1(message), id: message.agentId, generation: "g1", remoteAddress });
  agent.told = message;
  return compare(call, agent);
}

/** What was answered to the same beat about the same configs. */
interface Memory {
  readonly generation: "g1";
  readonly wanted: readonly WantedConfig[];
  readonly pipelines: readonly G1ConfigInfo[];
  readonly settings: readonly G1ConfigInfo[];
  readonly bytes: Uint8Array;
}

function compare({ parts, message }: Call<G1HeartBeatRequest>, agent: PollingAgent): Reply {
  const { configs } = parts.fleet;
  const { requestId, pipelineConfigs: pipelines, agentConfigs: settings } = message;
  parts.counters.beats++;
  const known = agent.memory as Memory | undefined;
  const isSame =
    known?.generation === "g1" &&
    configs.wantedFor(agent.state) === known.wanted &&
    sayTheSame(known.pipelines, pipelines) &&
    sayTheSame(known.settings, settings);
  if (isSame) return { bytes: withId(requestId, known.bytes) };
  configs.report(agent.state, KINDS, [...heldBy(pipelines, "pipeline"), ...heldBy(settings, "settings")]);
  const wanted = configs.wantedFor(agent.state);
  const bytes = answerOf(wanted, pipelines, settings);
  agent.memory = { generation: "g1", wanted, pipelines, settings, bytes } satisfies Memory;
  return { bytes: withId(requestId, bytes) };
}

/** What changed, in the order of what the agent told; then what it does not have. An item that it tells twice is gone once. */
function answerOf(
  wanted: readonly WantedConfig[],
  pipelines: readonly G1ConfigInfo[],
  settings: readonly G1ConfigInfo[],
): Uint8Array {
  const left = new Map(indexWanted(wanted));
  const check = (reported: readonly G1ConfigInfo[], type: number) =>
    reported.flatMap((info) => {
      const config = left.get(info.name);
      left.delete(info.name);
      return describeChange(info, type, config);
    });
  const pipelineCheckResults = check(pipelines, ConfigType.PIPELINE_CONFIG);
  const agentCheckResults = check(settings, ConfigType.AGENT_CONFIG);
  for (const config of left.values()) {
    const results = typeOf(config) === ConfigType.PIPELINE_CONFIG ? pipelineCheckResults : agentCheckResults;
    results.push({ ...announce(config), oldVersion: 0, checkStatus: CheckStatus.NEW });
  }
  if (pipelineCheckResults.length === 0 && agentCheckResults.length === 0) return NOTHING_NEW;
  return HeartBeat.response.encode({ ...BEAT_HEARD, pipelineCheckResults, agentCheckResults });
}

function describeChange({ name, version, context }: G1ConfigInfo, type: number, config: WantedConfig | undefined) {
  if (!config) {
    const versions = { oldVersion: version, newVersion: version };
    return [{ type, name, ...versions, context, checkStatus: CheckStatus.DELETED }];
  }
  if (versionOf(config) <= version) return [];
  return [{ ...announce(config), oldVersion: version, checkStatus: CheckStatus.MODIFIED as number }];
}

function announce(config: WantedConfig) {
  return { type: typeOf(config), name: config.name, newVersion: versionOf(config), context: config.description };
}

function typeOf({ kind }: WantedConfig): number {
  return kind === "settings" ? ConfigType.AGENT_CONFIG : ConfigType.PIPELINE_CONFIG;
}

/**
 * Both endpoints answer with either type, and with what the agent does not have any more, as long as there is a config of this
 * name: an agent writes an empty file for whatever is left out.
 */
async function fetchConfigs(call: Call<FetchRequest>): Promise<Reply> {
  const { agents, message, request } = call;
  const agent = agents.find(message.agentId) ?? (await agents.recall(message.agentId, request.remoteAddress));
  agent?.session.touch();
  const configDetails: Partial<G1ConfigDetail>[] = [];
  for (const { type, name } of message.reqConfigs.slice(0, CONFIG_LIMITS.configsPerAgent)) {
    const kind = KIND_OF_TYPE[type];
    const config = kind === undefined ? undefined : await findDetail(call, agent, { kind, name });
    if (!config) continue;
    const { description: context, text: detail } = config;
    configDetails.push({ type, name, version: versionOf(config), context, detail });
  }
  return { outcome: accept(FetchPipelineConfig.success), payload: { configDetails } };
}

type FetchRequest = G1FetchPipelineConfigRequest | G1FetchAgentConfigRequest;

const KIND_OF_TYPE: Readonly<Record<number, string>> = {
  [ConfigType.PIPELINE_CONFIG]: "pipeline",
  [ConfigType.AGENT_CONFIG]: "settings",
};

/** What it should have now, or was announced in its last beat; for others the newest text, unless that has gaps to be filled. */
async function findDetail(
  { parts }: Call<FetchRequest>,
  agent: PollingAgent | undefined,
  { kind, name }: { readonly kind: string; readonly name: string },
): Promise<Pick<WantedConfig, "revision" | "description" | "text"> | undefined> {
  const { fleet } = parts;
  const wanted = agent && fleet.configs.fetch(agent.state, kind, name);
  if (wanted) return wanted;
  const memory = agent?.memory as Memory | undefined;
  const announced = memory?.generation === "g1" ? indexWanted(memory.wanted).get(name) : undefined;
  if (announced?.kind === kind) return announced;
  const meta = await findMeta(fleet, name, [kind]);
  if (!meta) return undefined;
  const { text, variables } = await fleet.configs.revision(meta.id, meta.revision);
  return variables.length === 0 ? { revision: meta.revision, description: meta.description, text } : undefined;
}

function heldBy(infos: readonly G1ConfigInfo[], kind: string): HeldConfig[] {
  return infos.map(({ name, version }) => ({
    ...{ name, kind, revision: revisionOf(version) },
    ...{ status: "unknown", error: null, digest: null },
  }));
}

function sayTheSame(left: readonly G1ConfigInfo[], right: readonly G1ConfigInfo[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) {
    const [one, other] = [left[at], right[at]];
    if (one?.name !== other?.name || one?.version !== other?.version || one?.context !== other?.context) return false;
  }
  return true;
}
