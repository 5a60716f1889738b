import { type AgentId, CAPABILITIES, type Capability, isLabelKey, type Labels, toIso } from "@muster/core";
import type { Agent, AgentGauges, AgentStatus } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { AgentsTable } from "../store/schema.ts";
import { type AgentState, type AgentTraits, countConnections, isOurs } from "./agent-state.ts";
import type { AgentTag } from "./membership.ts";
import type { AgentFacts } from "./session.ts";

export type AgentRow = Selectable<AgentsTable>;

/** More tags than this are left out. */
const MAX_TAGS = 256;
const NO_LABELS: Labels = Object.freeze({});
const NO_TAGS: readonly AgentTag[] = Object.freeze([]);

/** Longest text that an agent may tell of itself; what is longer is cut. */
const MAX_FACT = 255;
/** Details that an agent may tell. */
const MAX_DETAILS = 64;

/** An agent's labels: what it says, with what operators set on top; a null override removes. */
export function effectiveLabels(reported: string, overrides: string): Record<string, string> {
  const labels = JSON.parse(reported) as Record<string, string>;
  for (const [key, value] of Object.entries(JSON.parse(overrides) as Record<string, string | null>)) {
    if (value === null) delete labels[key];
    else labels[key] = value;
  }
  return labels;
}

/** The overrides that turn what the agent reports into what the operator wants. */
export function overridesFor(reported: string, wanted: Labels): string {
  const said = JSON.parse(reported) as Record<string, string>;
  const overrides: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(wanted)) if (said[key] !== value) overrides[key] = value;
  for (const key of Object.keys(said)) if (!Object.hasOwn(wanted, key)) overrides[key] = null;
  return JSON.stringify(overrides);
}

/** The resource of a stored agent; what this process knows better than the store wins. */
export function toAgent(row: AgentRow, known: AgentState | undefined, gauges: AgentGauges | null): Agent {
  const state = known && isOurs(known) ? known : undefined;
  const lastSeenAt = state?.lastSeenAt ?? row.last_seen_at;
  return {
    id: row.id,
    protocol: row.protocol,
    externalId: row.external_id,
    name: row.given_name ?? row.name,
    hostname: row.hostname,
    addresses: JSON.parse(row.addresses) as string[],
    os: row.os,
    arch: row.arch,
    version: row.version,
    labels: effectiveLabels(row.reported_labels, row.label_overrides),
    details: JSON.parse(row.details) as Record<string, string>,
    capabilities: readCapabilities(row.capabilities),
    status: state?.status ?? (row.status as AgentStatus),
    statusReason: state?.statusReason ?? row.status_reason,
    statusSince: toIso(state?.statusAt ?? row.status_at),
    firstSeenAt: toIso(row.first_seen_at),
    lastSeenAt: lastSeenAt === null ? null : toIso(lastSeenAt),
    connections: state ? countConnections(state) : row.connections,
    clockSkewMs: state?.clockSkewMs ?? row.clock_skew_ms,
    gauges,
  };
}

export function readCapabilities(text: string): Capability[] {
  const known = new Set<string>(CAPABILITIES);
  return (JSON.parse(text) as string[]).filter((name): name is Capability => known.has(name));
}

/** The state of an agent that was just read from the store: not connected until a session says otherwise. */
export function toState(row: AgentRow): AgentState {
  return {
    number: row.number,
    id: row.id as AgentId,
    protocol: row.protocol,
    externalId: row.external_id,
    status: row.status as AgentStatus,
    statusReason: row.status_reason,
    statusAt: row.status_at,
    lastSeenAt: row.last_seen_at,
    clockSkewMs: row.clock_skew_ms,
    capabilities: new Set(readCapabilities(row.capabilities)),
    traits: toTraits(row),
    configs: null,
    factsHash: 0,
    sessions: [],
    elsewhere: null,
    elsewhereAt: 0,
    tookOverFrom: null,
    others: null,
    dirty: false,
  };
}

type TraitColumns = Pick<
  AgentRow,
  "given_name" | "name" | "hostname" | "agent_type" | "reported_labels" | "label_overrides" | "tags"
>;

/** What many agents have in common takes no memory of its own. */
export function toTraits(row: TraitColumns): AgentTraits {
  const name = row.given_name ?? row.name;
  const isBare = row.reported_labels === "{}" && row.label_overrides === "{}";
  return {
    name: name === row.hostname ? row.hostname : name,
    hostname: row.hostname,
    agentType: row.agent_type,
    labels: isBare ? NO_LABELS : sharedLabels(row.reported_labels, row.label_overrides),
    tags: row.tags === "[]" ? NO_TAGS : (JSON.parse(row.tags) as AgentTag[]),
    overrides: row.label_overrides,
  };
}

/** The traits of an agent that has just said these facts, before they are stored. */
export function withFacts(traits: AgentTraits, facts: AgentFacts): AgentTraits {
  return {
    ...traits,
    hostname: facts.hostname ?? traits.hostname,
    agentType: facts.agentType ?? traits.agentType,
    labels: facts.labels ? sharedLabels(JSON.stringify(facts.labels), traits.overrides) : traits.labels,
    tags: facts.tags ?? traits.tags,
  };
}

/** Of labels that are kept, and of characters that make them. */
const SHARED = 1000;
const known = new Map<string, Labels>();

/** Most agents of a fleet have labels that many others have: they are kept once. */
function sharedLabels(reported: string, overrides: string): Labels {
  const key = `${reported} ${overrides}`;
  const found = known.get(key);
  if (found) return found;
  const labels = effectiveLabels(reported, overrides);
  if (known.size >= SHARED) known.clear();
  if (key.length <= SHARED) known.set(key, labels);
  return labels;
}

/** Cuts what an agent says of itself to size and drops control characters, which no fact needs. */
export function cleanFacts(facts: AgentFacts): AgentFacts {
  const clean: { -readonly [Key in keyof AgentFacts]: AgentFacts[Key] } = {};
  if (facts.name !== undefined) clean.name = cleanText(facts.name);
  if (facts.hostname !== undefined) clean.hostname = cleanText(facts.hostname);
  if (facts.os !== undefined) clean.os = cleanText(facts.os);
  if (facts.arch !== undefined) clean.arch = cleanText(facts.arch);
  if (facts.version !== undefined) clean.version = cleanText(facts.version);
  if (facts.addresses !== undefined) clean.addresses = facts.addresses.slice(0, 32).map(cleanText);
  if (facts.agentType !== undefined) clean.agentType = cleanText(facts.agentType);
  if (facts.tags !== undefined) clean.tags = cleanTags(facts.tags);
  if (facts.labels !== undefined || clean.tags !== undefined) {
    const labels = Object.entries(facts.labels ?? {}).map(([key, value]) => [key, cleanText(value)] as const);
    clean.labels = Object.fromEntries([...labelsOf(clean.tags ?? []), ...labels]);
  }
  if (facts.details !== undefined) {
    const told = Object.entries(facts.details).slice(0, MAX_DETAILS);
    clean.details = Object.fromEntries(told.map(([key, value]) => [cleanText(key), cleanText(value)]));
  }
  return clean;
}

function cleanTags(tags: readonly AgentTag[]): AgentTag[] {
  const clean = new Map<string, AgentTag>();
  for (const tag of tags.slice(0, MAX_TAGS)) {
    const name = tag.name === null ? "" : cleanText(tag.name);
    const value = cleanText(tag.value);
    clean.set(`${name}\n${value}`, { name: name === "" ? null : name, value });
  }
  return [...clean.values()];
}

function* labelsOf(tags: readonly AgentTag[]): Generator<readonly [string, string]> {
  for (const { name, value } of tags) if (name !== null && isLabelKey(name)) yield [name, value];
}

function cleanText(text: string): string {
  return text
    .slice(0, MAX_FACT)
    .replace(/\p{Cc}/gu, " ")
    .trim();
}

/** The columns that searching and sorting read. */
export function searchColumns(name: string, hostname: string, externalId: string, addresses: string) {
  return {
    sort_name: name.toLowerCase(),
    search: `${name}\n${hostname}\n${externalId}\n${addresses}`.toLowerCase(),
  };
}
