import type { ConfigStatus as FleetStatus } from "@muster/core/resources";
import {
  accept,
  answerG2,
  ConfigStatus,
  DELETED_VERSION,
  G2_ACTIONS,
  type G2CommandDetail,
  type G2ConfigInfo,
  type G2FetchConfigRequest,
  type G2HeartbeatRequest,
  type G2ReportStatusRequest,
  RequestFlag,
  ResponseFlag,
  refusals,
  ServerCapability,
} from "@muster/protocols/configserver";
import type { HeldConfig, WantedConfig } from "../../fleet/config-delivery.ts";
import type { Call, Handlers } from "./calls.ts";
import { jsonDetailOf } from "./deliveries.ts";
import { introduceG2, signatureG2 } from "./introductions.ts";
import type { PollingAgent } from "./polling-agents.ts";
import { type Reply, withId } from "./replies.ts";

const { Heartbeat } = G2_ACTIONS;
const KINDS = ["pipeline", "settings", "onetime"];
const CAPABILITIES =
  ServerCapability.ATTRIBUTES +
  ServerCapability.CONTINUOUS_PIPELINE_CONFIG_STATUS +
  ServerCapability.INSTANCE_CONFIG_STATUS +
  ServerCapability.ONETIME_PIPELINE_CONFIG_STATUS;
const ACCEPTED = answerG2(new Uint8Array(0), accept(""));

/** What LoongCollector asks for, and what the specification adds. */
export const g2Agent = {
  Heartbeat: heartbeat,
  FetchPipelineConfig: fetchConfigs,
  FetchInstanceConfig: fetchConfigs,
  FetchConfig: fetchConfigs,
  ReportStatus: reportStatus,
} satisfies Handlers;

/** What an agent said of its configs: it need not be said again while it holds. */
interface Told {
  readonly pipelines: readonly G2ConfigInfo[];
  readonly settings: readonly G2ConfigInfo[];
  readonly onetime: readonly G2ConfigInfo[];
}

/** What was answered to the same beat about the same configs. */
interface Memory {
  readonly generation: "g2";
  readonly told: Told;
  readonly signature: string;
  readonly sequence: number;
  readonly wanted: readonly WantedConfig[];
  /** Undefined where time alone may change it. */
  readonly bytes: Uint8Array | undefined;
}

function heartbeat(call: Call<G2HeartbeatRequest>): Reply | Promise<Reply> {
  const { parts, agents, message } = call;
  const id = readId(message.instanceId);
  if (id === "" || message.requestId.length === 0) return INVALID;
  const agent = agents.find(id);
  if (!agent) return welcome(call, id);
  agent.beat(parts.clock.monotonic());
  return compare(call, agent);
}

async function welcome(call: Call<G2HeartbeatRequest>, id: string): Promise<Reply> {
  const { agents, message, request } = call;
  const { remoteAddress } = request;
  if (!isCompressed(message))
    return compare(call, await agents.meet({ ...introduceG2(message), id, generation: "g2", remoteAddress }));
  // what it said before is forgotten, or was never said
  await agents.recall(id, remoteAddress);
  return answerTo(message, ASK_FOR_ALL);
}

/** Nothing but the id and a number: what was said last still holds. */
function isCompressed(message: G2HeartbeatRequest): boolean {
  return (
    (message.flags & RequestFlag.FULL_STATE) === 0 &&
    message.attributes === undefined &&
    message.agentType === "" &&
    message.continuousPipelineConfigs.length === 0 &&
    message.instanceConfigs.length === 0 &&
    message.onetimePipelineConfigs.length === 0
  );
}

const ASK_FOR_ALL = Heartbeat.response.encode({
  ...ACCEPTED,
  capabilities: CAPABILITIES,
  flags: ResponseFlag.REPORT_FULL_STATE,
});

function compare({ parts, message }: Call<G2HeartbeatRequest>, agent: PollingAgent): Reply {
  parts.counters.beats++;
  const known = memoryOf(agent);
  const isCompact = isCompressed(message);
  if (isCompact && !known) return answerTo(message, ASK_FOR_ALL);
  const signature = isCompact && known ? known.signature : signatureG2(message);
  if (agent.generation !== "g2" || known?.signature !== signature)
    agent.introduce("g2", introduceG2(message), parts.limits.beatMs);
  const said = isCompact && known ? known.told : toldIn(message);
  const { sequenceNum: sequence } = message;
  const isInOrder = known?.sequence === sequence - 1 || (message.flags & RequestFlag.FULL_STATE) !== 0;
  if (isCompact && !isInOrder) {
    if (known) agent.memory = { ...known, sequence } satisfies Memory;
    return answerTo(message, ASK_FOR_ALL);
  }
  const { configs } = parts.fleet;
  const isSame = known !== undefined && isInOrder && sayTheSame(known.told, said);
  if (isSame && known.bytes !== undefined && configs.wantedFor(agent.state) === known.wanted) {
    agent.memory = { ...known, signature, sequence } satisfies Memory;
    return answerTo(message, known.bytes);
  }
  configs.report(agent.state, KINDS, heldBy(said));
  const wanted = configs.wantedFor(agent.state);
  const bytes = answerOf(wanted, said, {
    now: parts.clock.now(),
    flags: isInOrder ? 0 : ResponseFlag.REPORT_FULL_STATE,
  });
  const isLasting = isInOrder && wanted.every(({ expiresAt }) => expiresAt === null);
  agent.memory = {
    ...{ generation: "g2", told: said, signature, sequence, wanted },
    bytes: isLasting ? bytes : undefined,
  } satisfies Memory;
  return answerTo(message, bytes);
}

function memoryOf(agent: PollingAgent): Memory | undefined {
  const memory = agent.memory as Memory | undefined;
  return memory?.generation === "g2" ? memory : undefined;
}

/** Details come with the beat, so that no flag asks to fetch them: an agent that is asked for one kind fetches the other, too. */
function answerOf(
  wanted: readonly WantedConfig[],
  told: Told,
  { now, flags }: { readonly now: number; readonly flags: number },
): Uint8Array {
  const reported = new Set(told.onetime.map(({ name }) => name));
  return Heartbeat.response.encode({
    ...ACCEPTED,
    capabilities: CAPABILITIES,
    continuousPipelineConfigUpdates: updatesOf(wanted, "pipeline", told.pipelines),
    instanceConfigUpdates: updatesOf(wanted, "settings", told.settings),
    onetimePipelineConfigUpdates: wanted.flatMap((config) => {
      const isDue = config.kind === "onetime" && !reported.has(config.name) && (config.expiresAt ?? now + 1) > now;
      return isDue ? [commandOf(config)] : [];
    }),
    flags,
  });
}

/** Any other revision than the reported one is an update, also a lower one. */
function updatesOf(wanted: readonly WantedConfig[], kind: string, reported: readonly G2ConfigInfo[]) {
  const versions = new Map(reported.map(({ name, version }) => [name, version]));
  const updates: { name: string; version: number; detail?: Uint8Array }[] = [];
  for (const config of wanted) {
    if (config.kind !== kind) continue;
    const { name, revision: version } = config;
    if (versions.get(name) !== version) updates.push({ name, version, detail: jsonDetailOf(config) });
    versions.delete(name);
  }
  for (const name of versions.keys()) updates.push({ name, version: DELETED_VERSION });
  return updates;
}

function commandOf(config: WantedConfig): Partial<G2CommandDetail> {
  const expireTime = config.expiresAt === null ? 0 : Math.floor(config.expiresAt / 1000);
  return { name: config.name, detail: jsonDetailOf(config), expireTime };
}

function fetchConfigs(call: Call<G2FetchConfigRequest>): Reply | Promise<Reply> {
  const { agents, message, request } = call;
  const id = readId(message.instanceId);
  const agent = agents.find(id);
  if (agent) return details(call, agent);
  return agents
    .recall(id, request.remoteAddress)
    .then((known) => (known ? details(call, known) : { outcome: refusals.agentUnknown(id) }));
}

function details({ parts, message }: Call<G2FetchConfigRequest>, agent: PollingAgent): Reply {
  agent.session.touch();
  const find = (kind: string, infos: readonly G2ConfigInfo[]) =>
    infos.flatMap(({ name }) => parts.fleet.configs.fetch(agent.state, kind, name) ?? []);
  const detail = (config: WantedConfig) => {
    return { name: config.name, version: config.revision, detail: jsonDetailOf(config) };
  };
  return {
    outcome: accept(""),
    payload: {
      continuousPipelineConfigUpdates: find("pipeline", message.continuousPipelineConfigs).map(detail),
      instanceConfigUpdates: find("settings", message.instanceConfigs).map(detail),
      onetimePipelineConfigUpdates: find("onetime", message.onetimePipelineConfigs).map(commandOf),
    },
  };
}

/** News between two beats, of some configs only: the others stay as they were told. */
async function reportStatus({ parts, agents, message, request }: Call<G2ReportStatusRequest>): Promise<Reply> {
  const id = readId(message.instanceId);
  const agent = await agents.recall(id, request.remoteAddress);
  if (!agent) return { outcome: refusals.agentUnknown(id) };
  agent.session.touch();
  const known = memoryOf(agent);
  const news = toldIn(message);
  const told = {
    pipelines: merge(known?.told.pipelines, news.pipelines),
    settings: merge(known?.told.settings, news.settings),
    onetime: merge(known?.told.onetime, news.onetime),
  };
  // before it has told everything once, what it leaves out says nothing
  if (!known) return { outcome: accept("") };
  parts.fleet.configs.report(agent.state, KINDS, heldBy(told));
  agent.memory = { ...known, told, bytes: undefined } satisfies Memory;
  return { outcome: accept("") };
}

function merge(before: readonly G2ConfigInfo[] | undefined, news: readonly G2ConfigInfo[]): readonly G2ConfigInfo[] {
  const merged = new Map((before ?? []).map((info) => [info.name, info]));
  for (const info of news) merged.set(info.name, info);
  return [...merged.values()];
}

function toldIn(message: G2HeartbeatRequest | G2ReportStatusRequest): Told {
  return {
    pipelines: message.continuousPipelineConfigs,
    settings: message.instanceConfigs,
    onetime: message.onetimePipelineConfigs,
  };
}

const STATUSES: Readonly<Record<number, FleetStatus>> = {
  [ConfigStatus.APPLYING]: "applying",
  [ConfigStatus.APPLIED]: "applied",
  [ConfigStatus.FAILED]: "failed",
};

function heldBy({ pipelines, settings, onetime }: Told): HeldConfig[] {
  const held = (kind: string) => (info: G2ConfigInfo) => ({
    ...{ name: info.name, kind, revision: info.version > 0 ? info.version : null },
    ...{ status: STATUSES[info.status] ?? "unknown", error: info.message === "" ? null : info.message, digest: null },
  });
  return [...pipelines.map(held("pipeline")), ...settings.map(held("settings")), ...onetime.map(held("onetime"))];
}

function sayTheSame(left: Told, right: Told): boolean {
  return (
    sameInfos(left.pipelines, right.pipelines) &&
    sameInfos(left.settings, right.settings) &&
    sameInfos(left.onetime, right.onetime)
  );
}

function sameInfos(left: readonly G2ConfigInfo[], right: readonly G2ConfigInfo[]): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) {
    const [one, other] = [left[at], right[at]];
    if (one?.name !== other?.name || one?.version !== other?.version) return false;
    if (one?.status !== other?.status || one?.message !== other?.message) return false;
  }
  return true;
}

/** The wire calls it bytes; it is a text, and what is none is no id. */
function readId(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8");
  return text.includes("\ufffd") ? "" : text;
}

const INVALID: Reply = { outcome: { code: "InvalidParameter", message: "" } };

function answerTo({ requestId }: G2HeartbeatRequest, bytes: Uint8Array): Reply {
  return { bytes: withId(requestId, bytes) };
}
