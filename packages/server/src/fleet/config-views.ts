import { type Clock, type Labels, MusterError, toIso } from "@muster/core";
import type {
  AgentConfig,
  Config,
  ConfigFormat,
  ConfigListQuery,
  ConfigPlan as ConfigPreview,
  ConfigRevision,
  Page,
} from "@muster/core/resources";
import { sql } from "kysely";
import { type Queries, type Store, slices } from "../store/store.ts";
import { isMember, likePattern, readCursor, writeCursor } from "./agent-query.ts";
import { type AgentRow, readCapabilities, toTraits } from "./agent-rows.ts";
import type { Catalog, PlannedConfig } from "./config-catalog.ts";
import type { Decision, Truth } from "./config-memory.ts";
import type { ConfigPlan, PlannedAgent } from "./config-plan.ts";
import { type ConfigRow, getRevision, getRow } from "./config-rows.ts";
import { type ConfigTruth, toTruth } from "./config-truth.ts";
import type { GroupRule } from "./membership.ts";

/** A revision that a group has. */
export interface Assignment {
  readonly configId: string;
  readonly configName: string;
  readonly kind: string;
  readonly groupId: string;
  readonly groupName: string;
  readonly revision: number;
  readonly assignedAt: string;
  readonly assignedBy: string;
}

interface ViewParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly plan: ConfigPlan;
  readonly truth: ConfigTruth;
}

type RevisionRow = Awaited<ReturnType<typeof getRevision>>;

/** How many agents of a preview are named. */
const PREVIEW = 100;
/** Agents read in one turn of the event loop. */
const PAGE = 500;

/** Configs as people see them, read from the store. */
export class ConfigViews {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  async get(idOrName: string): Promise<Config> {
    const row = await getRow(this.#parts.store.db, idOrName);
    const [config] = await this.#toConfigs([row]);
    if (!config) throw new MusterError("not_found", "there is no such config", { id: idOrName });
    return config;
  }

  async list(query: ConfigListQuery): Promise<Page<Config>> {
    const limit = query.limit === undefined ? 100 : Number(query.limit);
    let rows = this.#parts.store.db
      .selectFrom("configs")
      .selectAll()
      .where("deleted_at", "is", null)
      .orderBy("name")
      .limit(limit + 1);
    if (query.kind !== undefined) rows = rows.where("kind", "=", query.kind);
    if (query.filter)
      rows = rows.where(sql<boolean>`lower(name || ' ' || description) like ${likePattern(query.filter)} escape '\\'`);
    if (query.cursor !== undefined) rows = rows.where("name", ">", String(readCursor(query.cursor)[0]));
    const found = await rows.execute();
    const last = found.length > limit ? found[limit - 1] : undefined;
    return { items: await this.#toConfigs(found.slice(0, limit)), nextCursor: last ? writeCursor(last.name, 0) : null };
  }

  async revisions(id: string): Promise<ConfigRevision[]> {
    const { db } = this.#parts.store;
    const config = await getRow(db, id);
    const rows = await db
      .selectFrom("config_revisions")
      .selectAll()
      .where("config_id", "=", config.id)
      .orderBy("revision", "desc")
      .execute();
    return rows.map(toRevision);
  }

  async revision(id: string, revision: number): Promise<ConfigRevision> {
    const { db } = this.#parts.store;
    return toRevision(await getRevision(db, (await getRow(db, id)).id, revision));
  }

  async assignments(query: { configId?: string; groupId?: string }): Promise<Assignment[]> {
    return this.#assignments(query.configId === undefined ? null : [query.configId], query.groupId);
  }

  async ofAgent(agentId: string): Promise<AgentConfig[]> {
    await this.#parts.truth.flush();
    const { db } = this.#parts.store;
    const row = await db.selectFrom("agents").selectAll().where("id", "=", agentId).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    const agent = toPlanned(row);
    const truths = await readTruths(db, [row.number]);
    const decisions = this.#decisions(agent);
    const ids = new Set([...decisions.keys(), ...(truths.get(row.number)?.keys() ?? [])]);
    return [...ids].flatMap((configId) => {
      const config = this.#parts.catalog.configs.get(configId);
      if (!config) return [];
      return this.#toAgentConfig(agent, config, {
        decision: decisions.get(configId),
        truth: truths.get(row.number)?.get(configId),
      });
    });
  }

  async agentsOf(
    idOrName: string,
    query: { limit: number; cursor?: string | undefined; status?: string | undefined },
  ): Promise<Page<AgentConfig>> {
    await this.#parts.truth.flush();
    const { db } = this.#parts.store;
    const config = await this.#planned(idOrName);
    const items: AgentConfig[] = [];
    let cursor = query.cursor === undefined ? undefined : readCursor(query.cursor);
    for (;;) {
      const rows = await this.#concerned(config.id, { limit: PAGE, cursor });
      const truths = await readTruths(
        db,
        rows.map((row) => row.number),
      );
      for (const row of rows) {
        cursor = [row.sort_name, row.number];
        const agent = toPlanned(row);
        const decision = this.#decisions(agent).get(config.id);
        const item = this.#toAgentConfig(agent, config, { decision, truth: truths.get(row.number)?.get(config.id) });
        items.push(...item.filter(({ status }) => query.status === undefined || status === query.status));
        if (items.length >= query.limit) return { items, nextCursor: writeCursor(row.sort_name, row.number) };
      }
      if (rows.length < PAGE) return { items, nextCursor: null };
    }
  }

  /** The text has to be in the catalog. */
  async plan(write: { configId: string; revision: number; groups: readonly string[] }): Promise<ConfigPreview> {
    await this.#parts.truth.flush();
    const { store, catalog, plan } = this.#parts;
    const config = await this.#planned(write.configId);
    const text = catalog.text(config.id, write.revision);
    if (!text) throw new MusterError("not_found", "there is no such revision", { revision: write.revision });
    const wanted = new Set(write.groups);
    const rules = catalog.membership.rules.filter((rule) => wanted.has(rule.id));
    if (rules.length < wanted.size)
      throw new MusterError("not_found", "there is no such group", { groups: write.groups });
    const preview = { changed: 0, unchanged: 0, unable: 0, items: [] as ConfigPreview["items"] };
    for await (const rows of this.#membersOf(rules)) {
      const truths = await readTruths(
        store.db,
        rows.map((row) => row.number),
      );
      for (const row of rows) {
        const agent = toPlanned(row);
        const groups = plan.groupsOf(agent);
        const before = plan.decisions(agent.number, groups).get(config.id);
        // a group behind the last of these that has the config decides all the same
        const last = groups.filter(({ id }) => wanted.has(id) || id === before?.groupId).at(-1);
        const decides = last !== undefined && wanted.has(last.id);
        const truth = truths.get(row.number)?.get(config.id);
        const from = truth?.applied ?? before?.revision ?? null;
        const rendered = plan.render(agent, text);
        const reason = plan.whyUnable(agent, config) ?? ("reason" in rendered ? rendered.reason : null);
        const item = { agentId: row.id, agentName: agent.traits.name, from, to: write.revision };
        const hasIt =
          !decides || from === write.revision || ("digest" in rendered && truth?.digest === rendered.digest);
        if (reason !== null) preview.unable++;
        else if (hasIt) preview.unchanged++;
        else preview.changed++;
        if (preview.items.length >= PREVIEW) continue;
        if (reason !== null) preview.items.push({ ...item, to: null, outcome: "unable", reason });
        else if (!hasIt) preview.items.push({ ...item, outcome: "changed", reason: null });
      }
    }
    return preview;
  }

  async #planned(idOrName: string): Promise<PlannedConfig> {
    const { id } = await getRow(this.#parts.store.db, idOrName);
    const config = this.#parts.catalog.configs.get(id);
    if (!config) throw new MusterError("not_found", "there is no such config", { id });
    return config;
  }

  /** What an agent's groups give it of what it can take. */
  #decisions(agent: PlannedAgent): Map<string, Decision> {
    const { plan, catalog, clock } = this.#parts;
    const decisions = plan.decisions(agent.number, plan.groupsOf(agent));
    for (const configId of [...decisions.keys()]) {
      const config = catalog.configs.get(configId);
      const isOver = config?.expiresAt !== null && config !== undefined && config.expiresAt <= clock.now();
      if (!config || isOver || plan.whyUnable(agent, config) !== null) decisions.delete(configId);
    }
    return decisions;
  }

  /** One or none: an agent that neither should have nor has a config is none of its agents. */
  #toAgentConfig(
    agent: PlannedAgent,
    config: PlannedConfig,
    { decision, truth }: { decision: Decision | undefined; truth: Truth | undefined },
  ): AgentConfig[] {
    if (!decision && !truth) return [];
    const wanted = decision?.revision ?? null;
    // what it said was about another revision: it has not been told of this one
    const isCurrent = truth !== undefined && truth.wanted === wanted;
    return [
      {
        agentId: agent.id,
        agentName: agent.traits.name,
        configId: config.id,
        configName: config.name,
        groupId: decision?.groupId ?? null,
        wanted,
        applied: truth?.applied ?? null,
        status: isCurrent ? truth.status : "pending",
        error: isCurrent ? truth.error : null,
        since: toIso(truth?.since ?? this.#parts.clock.now()),
        drifted: truth?.drifted ?? false,
      },
    ];
  }

  /** Agents that groups or rollouts give a config to, or that have it, by name. */
  async #concerned(
    configId: string,
    { limit, cursor }: { limit: number; cursor: [string | number, number] | undefined },
  ): Promise<AgentRow[]> {
    const { catalog, plan, store } = this.#parts;
    const given = new Set(catalog.groupsWith(configId).map(({ groupId }) => groupId));
    for (const groupId of plan.rollouts.rolloutFor(configId)?.groups ?? []) given.add(groupId);
    const rules = catalog.membership.rules.filter((rule) => given.has(rule.id));
    let rows = store.db
      .selectFrom("agents")
      .selectAll()
      .where((where) =>
        where.or([
          ...rules.map((rule) => isMember(rule)(where)),
          where.exists(
            where
              .selectFrom("agent_configs")
              .select("agent_configs.config_id")
              .whereRef("agent_configs.agent_number", "=", "agents.number")
              .where("agent_configs.config_id", "=", configId),
          ),
        ]),
      );
    if (cursor) rows = rows.where(sql<boolean>`(agents.sort_name, agents.number) > (${cursor[0]}, ${cursor[1]})`);
    return rows.orderBy("sort_name").orderBy("number").limit(limit).execute();
  }

  async *#membersOf(rules: readonly GroupRule[]): AsyncGenerator<AgentRow[]> {
    for (let after = -1; ; ) {
      const rows = await this.#parts.store.db
        .selectFrom("agents")
        .selectAll()
        .where((where) => where.or(rules.map((rule) => isMember(rule)(where))))
        .where("number", ">", after)
        .orderBy("number")
        .limit(PAGE)
        .execute();
      yield rows;
      const last = rows.at(-1);
      if (rows.length < PAGE || !last) return;
      after = last.number;
    }
  }

  async #toConfigs(rows: readonly ConfigRow[]): Promise<Config[]> {
    const given = Map.groupBy(
      await this.#assignments(
        rows.map(({ id }) => id),
        undefined,
      ),
      ({ configId }) => configId,
    );
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      kind: row.kind,
      format: row.format as ConfigFormat,
      description: row.description,
      agentType: row.agent_type,
      expiresAt: row.expires_at === null ? null : toIso(row.expires_at),
      revision: row.revision,
      groups: (given.get(row.id) ?? []).map(({ groupId, groupName, revision }) => ({
        id: groupId,
        name: groupName,
        revision,
      })),
      rolloutId: this.#parts.plan.rollouts.rolloutFor(row.id)?.rolloutId ?? null,
      createdAt: toIso(row.created_at),
      updatedAt: toIso(row.updated_at),
      updatedBy: row.updated_by,
    }));
  }

  /** In the order of groups, then by name; `configIds` null for all. */
  async #assignments(configIds: readonly string[] | null, groupId: string | undefined): Promise<Assignment[]> {
    const { db, dialect } = this.#parts.store;
    const found: Assignment[] = [];
    for (const slice of configIds === null ? [null] : slices(configIds, 1, dialect)) {
      let rows = db
        .selectFrom("config_assignments")
        .innerJoin("configs", "configs.id", "config_assignments.config_id")
        .innerJoin("groups", "groups.id", "config_assignments.group_id")
        .select(["configs.id as configId", "configs.name as configName", "configs.kind", "groups.id as groupId"])
        .select(["groups.name as groupName", "config_assignments.revision", "assigned_at", "assigned_by"])
        .where("configs.deleted_at", "is", null);
      if (slice !== null) rows = rows.where("configs.id", "in", slice);
      if (groupId !== undefined) rows = rows.where("groups.id", "=", groupId);
      for (const { assigned_at, assigned_by, ...row } of await rows
        .orderBy("groups.position")
        .orderBy("groups.id")
        .orderBy("configs.name")
        .execute())
        found.push({ ...row, assignedAt: toIso(assigned_at), assignedBy: assigned_by });
    }
    return found;
  }
}

function toPlanned(row: AgentRow): PlannedAgent & { traits: { labels: Labels } } {
  return {
    number: row.number,
    id: row.id,
    capabilities: new Set(readCapabilities(row.capabilities)),
    traits: toTraits(row),
  };
}

/** Per agent, per config. */
async function readTruths(db: Queries, numbers: readonly number[]): Promise<Map<number, Map<string, Truth>>> {
  const truths = new Map<number, Map<string, Truth>>();
  if (numbers.length === 0) return truths;
  const rows = await db
    .selectFrom("agent_configs")
    .selectAll()
    .where("agent_number", "in", [...numbers])
    .execute();
  for (const row of rows) {
    const list = truths.get(row.agent_number) ?? new Map<string, Truth>();
    truths.set(row.agent_number, list.set(row.config_id, toTruth(row)));
  }
  return truths;
}

function toRevision(row: RevisionRow): ConfigRevision {
  return {
    configId: row.config_id,
    revision: row.revision,
    text: row.text,
    digest: row.digest,
    message: row.message,
    createdAt: toIso(row.created_at),
    createdBy: row.created_by,
    variables: JSON.parse(row.variables) as string[],
  };
}
