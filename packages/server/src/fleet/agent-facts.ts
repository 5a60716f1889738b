import { type AgentId, newId, type Timestamp } from "@muster/core";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { type AgentRow, cleanFacts, effectiveLabels, searchColumns, toTraits } from "./agent-rows.ts";
import { type AgentState, fingerprint } from "./agent-state.ts";
import type { AgentTag } from "./membership.ts";
import type { AgentFacts, AgentHello } from "./session.ts";

/** What an agent said of itself, cleaned. */
export interface FactsChange {
  readonly state: AgentState;
  readonly facts: AgentFacts;
}

/** The row of an agent that nobody has met before, with all that it said of itself. */
export function newAgentRow(hello: AgentHello, now: Timestamp) {
  const facts = cleanFacts(hello.facts);
  const hostname = facts.hostname ?? "unknown";
  const name = facts.name ?? facts.hostname ?? hello.externalId;
  const addresses = JSON.stringify(facts.addresses ?? []);
  return {
    id: newId<AgentId>(now),
    protocol: hello.protocol,
    external_id: hello.externalId,
    name,
    hostname,
    addresses,
    os: facts.os ?? null,
    arch: facts.arch ?? null,
    version: facts.version ?? null,
    reported_labels: JSON.stringify(facts.labels ?? {}),
    label_overrides: "{}",
    agent_type: facts.agentType ?? null,
    tags: JSON.stringify(facts.tags ?? []),
    details: JSON.stringify(facts.details ?? {}),
    capabilities: JSON.stringify([...hello.capabilities]),
    status: "offline",
    status_reason: "not heard of yet",
    status_at: now,
    first_seen_at: now,
    connections: 0,
    token_id: hello.tokenId,
    ...searchColumns(name, hostname, hello.externalId, addresses),
  };
}

/** Fills the tables of labels and tags for agents that are new in it. */
export async function insertLabels(queries: Queries, dialect: Dialect, agents: readonly AgentRow[]): Promise<void> {
  const rows = agents.flatMap((agent) =>
    Object.entries(effectiveLabels(agent.reported_labels, agent.label_overrides)).map(([key, value]) => ({
      agent_number: agent.number,
      key,
      value,
    })),
  );
  for (const slice of slices(rows, 3, dialect)) {
    await queries
      .insertInto("agent_labels")
      .values([...slice])
      .execute();
  }
  for (const slice of slices(agents.flatMap(tagRows), 3, dialect)) {
    await queries
      .insertInto("agent_tags")
      .values([...slice])
      .execute();
  }
}

function tagRows(agent: Pick<AgentRow, "number" | "tags">) {
  const tags = agent.tags === "[]" ? [] : (JSON.parse(agent.tags) as AgentTag[]);
  return tags.map(({ name, value }) => ({ agent_number: agent.number, name: name ?? "", value }));
}

/** Stores what these agents said, where it differs from what is stored: after a restart a whole fleet says the same again. */
export async function writeFacts(queries: Queries, dialect: Dialect, changes: readonly FactsChange[]): Promise<void> {
  const rows = new Map<number, AgentRow>();
  const numbers = [...new Set(changes.map((change) => change.state.number))];
  for (const slice of slices(numbers, 1, dialect)) {
    const found = await queries.selectFrom("agents").selectAll().where("number", "in", slice).execute();
    for (const row of found) rows.set(row.number, row);
  }
  for (const { state, facts } of changes) {
    const row = rows.get(state.number);
    if (!row) continue;
    const columns = columnsOf(row, facts, state);
    state.traits = toTraits({ ...row, ...columns });
    if (Object.entries(columns).every(([name, value]) => row[name as keyof AgentRow] === value)) continue;
    await queries.updateTable("agents").set(columns).where("number", "=", state.number).execute();
    if (columns.reported_labels !== row.reported_labels)
      await writeLabels(queries, state.number, effectiveLabels(columns.reported_labels, row.label_overrides));
    if (columns.tags !== row.tags) await writeTags(queries, { number: state.number, tags: columns.tags });
    // the same agent may come twice in one batch
    rows.set(state.number, { ...row, ...columns });
  }
}

function columnsOf(row: AgentRow, facts: AgentFacts, state: AgentState) {
  const hostname = facts.hostname ?? row.hostname;
  const name = facts.name ?? (facts.hostname !== undefined && row.name === row.hostname ? facts.hostname : row.name);
  const fresh = row.hostname === "unknown" && row.name === row.external_id && facts.hostname !== undefined;
  const shownName = fresh ? (facts.name ?? facts.hostname ?? name) : name;
  const addresses = facts.addresses ? JSON.stringify(facts.addresses) : row.addresses;
  return {
    name: shownName,
    hostname,
    addresses,
    os: facts.os ?? row.os,
    arch: facts.arch ?? row.arch,
    version: facts.version ?? row.version,
    reported_labels: facts.labels ? JSON.stringify(facts.labels) : row.reported_labels,
    details: facts.details ? JSON.stringify(facts.details) : row.details,
    agent_type: facts.agentType ?? row.agent_type,
    tags: facts.tags ? JSON.stringify(facts.tags) : row.tags,
    capabilities: JSON.stringify([...state.capabilities]),
    ...searchColumns(row.given_name ?? shownName, hostname, row.external_id, addresses),
  };
}

/** Makes the label table say what the JSON says. */
export async function writeLabels(queries: Queries, agentNumber: number, labels: Readonly<Record<string, string>>) {
  await queries.deleteFrom("agent_labels").where("agent_number", "=", agentNumber).execute();
  const rows = Object.entries(labels).map(([key, value]) => ({ agent_number: agentNumber, key, value }));
  if (rows.length > 0) await queries.insertInto("agent_labels").values(rows).execute();
}

async function writeTags(queries: Queries, agent: Pick<AgentRow, "number" | "tags">): Promise<void> {
  await queries.deleteFrom("agent_tags").where("agent_number", "=", agent.number).execute();
  const rows = tagRows(agent);
  if (rows.length > 0) await queries.insertInto("agent_tags").values(rows).execute();
}

/** Equal for those who say the same of themselves. */
export function hashFacts(facts: AgentFacts, capabilities: Iterable<string>): number {
  return fingerprint(JSON.stringify([facts, [...capabilities]]));
}
