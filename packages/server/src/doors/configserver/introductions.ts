import { type Capability, isLabelKey, LABEL_LIMITS, type Labels } from "@muster/core";
import {
  AgentCapability,
  type G0HeartBeatRequest,
  type G1HeartBeatRequest,
  type G2HeartbeatRequest,
  type Generation,
} from "@muster/protocols/configserver";
import type { AgentTag } from "../../fleet/membership.ts";
import type { AgentFacts } from "../../fleet/session.ts";
import { isUsableText } from "./parts.ts";

/**
 * What an agent says of itself, in the fleet's words. Its type is a detail only: the originals never compare it with the one that
 * a config names.
 */
export interface Introduction {
  readonly capabilities: ReadonlySet<Capability>;
  readonly facts: AgentFacts;
  /** The interval of its beats, where it says it. */
  readonly beatMs: number | undefined;
}

/** With its value, the generation, this label is on every agent, so that groups can ask for it. */
const GENERATION_LABEL = "configserver";

const CAPABILITIES_0: ReadonlySet<Capability> = new Set(["pipelines"]);
const CAPABILITIES_1: ReadonlySet<Capability> = new Set(["pipelines", "settings"]);

export function introduceG0(beat: G0HeartBeatRequest): Introduction {
  const tags = [...beat.tags].map(([name, value]) => ({ name, value }));
  const { agentType, runningStatus } = beat;
  const details = { agentType, runningStatus, startupTime: seconds(beat.startupTime) };
  const facts = { ...known({ version: beat.agentVersion }), ...addresses(beat.ip) };
  return { capabilities: CAPABILITIES_0, facts: { ...facts, ...carries("g0", tags, details) }, beatMs: undefined };
}

export function introduceG1(beat: G1HeartBeatRequest): Introduction {
  const { attributes, interval, agentType, runningStatus } = beat;
  const { version = "", ip = "", hostname = "", category = "", region = "", zone = "" } = attributes ?? {};
  const details = {
    ...{ agentType, runningStatus, startupTime: seconds(beat.startupTime), interval: seconds(interval) },
    ...{ category, region, zone },
    ...prefixed("attribute.", attributes?.extras ?? []),
  };
  const tags = beat.tags.map((value) => ({ name: null, value }));
  return {
    capabilities: CAPABILITIES_1,
    facts: {
      ...{ ...known({ version, hostname }), ...addresses(ip) },
      ...carries("g1", tags, details),
    },
    beatMs: interval > 0 ? interval * 1000 : undefined,
  };
}

export function introduceG2(beat: G2HeartbeatRequest): Introduction {
  const { attributes, agentType, runningStatus } = beat;
  const read = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString("utf8") : "");
  const extras = [...(attributes?.extras ?? [])].map(([key, value]) => [key, read(value)] as const);
  const details = {
    ...{ agentType, runningStatus, startupTime: seconds(beat.startupTime), hostId: read(attributes?.hostid) },
    capabilities: String(beat.capabilities),
    ...prefixed("attribute.", extras),
  };
  const told = { version: read(attributes?.version), hostname: read(attributes?.hostname) };
  const system = extras.find(([key]) => key === "osDetail")?.[1] ?? "";
  return {
    capabilities: capabilitiesOf(beat.capabilities),
    facts: {
      ...{ ...known({ ...told, os: system }), ...addresses(read(attributes?.ip)) },
      ...carries("g2", beat.tags, details),
    },
    beatMs: undefined,
  };
}

/** By the bits of an agent: few different ones, and each beat would make them anew. */
const capabilitySets = Array.from({ length: 8 }, (_, bits): ReadonlySet<Capability> => {
  const can = (bit: number, capability: Capability): Capability[] => ((bits & bit) === 0 ? [] : [capability]);
  return new Set<Capability>([
    ...can(AgentCapability.CONTINUOUS_PIPELINE_CONFIG, "pipelines"),
    ...can(AgentCapability.INSTANCE_CONFIG, "settings"),
    ...can(AgentCapability.ONETIME_PIPELINE_CONFIG, "onetime"),
    "verdict",
  ]);
});

function capabilitiesOf(bits: number): ReadonlySet<Capability> {
  // above 2^32 there are bits of others, which an `&` would fold into ours
  return capabilitySets[bits % 8] ?? CAPABILITIES_0;
}

function carries(generation: Generation, tags: readonly AgentTag[], details: Record<string, string>) {
  const usable = tags.filter(({ name, value }) => isUsableText(name ?? "") && isUsableText(value));
  const told = Object.entries(details).filter(([, value]) => value !== "");
  return {
    tags: usable,
    labels: labelsOf(generation, usable),
    details: { generation, ...Object.fromEntries(told) },
  };
}

/** Tags with a name that a label may have are labels, too: the first of several counts. */
function labelsOf(generation: Generation, tags: readonly AgentTag[]): Labels {
  const labels: Record<string, string> = { [GENERATION_LABEL]: generation };
  let room = LABEL_LIMITS.count - 1;
  for (const { name, value } of tags) {
    if (name === null || !isLabelKey(name) || Object.hasOwn(labels, name)) continue;
    if (room-- <= 0) break;
    labels[name] = value.slice(0, LABEL_LIMITS.valueLength);
  }
  return labels;
}

/** Without what was left empty: that keeps what was known. */
function known<Facts extends Record<string, string>>(facts: Facts): Partial<Facts> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== "")) as Partial<Facts>;
}

function addresses(ip: string): { addresses?: string[] } {
  return ip === "" ? {} : { addresses: [ip] };
}

function seconds(value: number): string {
  return value === 0 ? "" : String(value);
}

function prefixed(prefix: string, entries: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries([...entries].slice(0, 20).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** Whether two beats tell the same of the agent; what it says of configs is compared elsewhere. */
export function tellsTheSameG0(left: G0HeartBeatRequest, right: G0HeartBeatRequest): boolean {
  return (
    left.runningStatus === right.runningStatus &&
    left.startupTime === right.startupTime &&
    left.agentVersion === right.agentVersion &&
    left.ip === right.ip &&
    left.agentType === right.agentType &&
    sameEntries(left.tags, right.tags)
  );
}

export function tellsTheSameG1(left: G1HeartBeatRequest, right: G1HeartBeatRequest): boolean {
  const [one, other] = [left.attributes, right.attributes];
  return (
    left.runningStatus === right.runningStatus &&
    left.startupTime === right.startupTime &&
    left.interval === right.interval &&
    left.agentType === right.agentType &&
    left.tags.length === right.tags.length &&
    left.tags.every((tag, index) => tag === right.tags[index]) &&
    one?.version === other?.version &&
    one?.ip === other?.ip &&
    one?.hostname === other?.hostname &&
    one?.category === other?.category &&
    one?.region === other?.region &&
    one?.zone === other?.zone &&
    (one === undefined || other === undefined || sameEntries(one.extras, other.extras))
  );
}

/** The same text for beats that tell the same. */
export function signatureG2(beat: G2HeartbeatRequest): string {
  const { attributes } = beat;
  const read = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString("latin1") : "");
  return JSON.stringify([
    ...[beat.runningStatus, beat.startupTime, beat.capabilities, beat.agentType],
    beat.tags.map(({ name, value }) => [name, value]),
    ...[read(attributes?.version), read(attributes?.ip), read(attributes?.hostname), read(attributes?.hostid)],
    [...(attributes?.extras ?? [])].map(([key, value]) => [key, read(value)]),
  ]);
}

function sameEntries(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) if (right.get(key) !== value) return false;
  return true;
}
