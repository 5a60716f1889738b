import { type AgentId, type Clock, type GroupId, MusterError, newId, toIso } from "@muster/core";
import type { Group, GroupPreview, GroupPreviewQuery, GroupWrite, Page } from "@muster/core/resources";
import { type Queries, type Store, slices } from "../store/store.ts";
import { isMember, readCursor, writeCursor } from "./agent-query.ts";
import type { AgentRow } from "./agent-rows.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { nextEpoch } from "./config-epoch.ts";
import { type GroupRow, groupColumns, readTags, toPlannedGroups, toRule } from "./group-rows.ts";
import { DEFAULT_GROUP, type GroupRule, type GroupTag } from "./membership.ts";

/** How many members a preview names. */
const PREVIEW = 100;

interface GroupsParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Membership has changed in this transaction of this epoch. */
  readonly onChanged: (epoch: number, changes: readonly CatalogChange[]) => Promise<void>;
}

/**
 * Named sets of agents: everyone the selector meets, those that carry one of the tags, and those added by hand. `default` is
 * everyone; it always exists. Groups have an order: where two give the same config the later one decides.
 */
export class Groups {
  readonly #parts: GroupsParts;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(parts: GroupsParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Sees to it that there is the group of everyone. */
  async start(): Promise<void> {
    await this.#store.db
      .insertInto("groups")
      .values({
        id: DEFAULT_GROUP,
        created_at: this.#clock.now(),
        position: 0,
        ...groupColumns({ name: DEFAULT_GROUP }),
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  }

  async find(id: string): Promise<GroupRow | undefined> {
    return this.#store.db.selectFrom("groups").selectAll().where("id", "=", id).executeTakeFirst();
  }

  async findByName(name: string): Promise<GroupRow | undefined> {
    return this.#store.db.selectFrom("groups").selectAll().where("name", "=", name).executeTakeFirst();
  }

  async get(id: string): Promise<Group> {
    return this.#toGroup(await this.#getRow(this.#store.db, id));
  }

  async list(query: { limit: number; cursor?: string | undefined }): Promise<Page<Group>> {
    let rows = this.#store.db
      .selectFrom("groups")
      .selectAll()
      .orderBy("name")
      .limit(query.limit + 1);
    if (query.cursor !== undefined) rows = rows.where("name", ">", String(readCursor(query.cursor)[0]));
    const found = await rows.execute();
    const last = found.length > query.limit ? found[query.limit - 1] : undefined;
    const items: Group[] = [];
    for (const row of found.slice(0, query.limit)) items.push(await this.#toGroup(row));
    return { items, nextCursor: last ? writeCursor(last.name, 0) : null };
  }

  /** All of them without their members, for peers that want them at once. */
  async listAll(): Promise<{ id: string; name: string; description: string; tags: GroupTag[] }[]> {
    const rows = await this.#store.db.selectFrom("groups").selectAll().orderBy("name").execute();
    return rows.map((row) => ({ id: row.id, name: row.name, description: row.description, tags: readTags(row) }));
  }

  /** Changes these two and keeps everything else, whoever changes that at the same time. */
  async describe(id: string, write: { description: string; tags: readonly GroupTag[] }): Promise<void> {
    const { description, tags } = write;
    await this.#change(async (queries) => {
      await this.#getRow(queries, id);
      const columns = { description, tags: JSON.stringify(tags) };
      await queries.updateTable("groups").set(columns).where("id", "=", id).execute();
      return [await readPlanned(queries, id)];
    });
  }

  async create(write: GroupWrite): Promise<Group> {
    const id = newId<GroupId>(this.#clock.now());
    await this.#change(async (queries) => {
      await this.#checkName(queries, write.name, id);
      const position = write.position ?? (await nextPosition(queries));
      await queries
        .insertInto("groups")
        .values({ id, created_at: this.#clock.now(), position, ...groupColumns(write) })
        .execute();
      await this.#writeMembers(queries, id, write.agentIds ?? []);
      return [await readPlanned(queries, id)];
    });
    return this.get(id);
  }

  /** Replaces everything but the position, when that is not given. */
  async replace(id: string, write: GroupWrite): Promise<Group> {
    if (id === DEFAULT_GROUP) assertEveryone(write);
    await this.#change(async (queries) => {
      const { position } = await this.#getRow(queries, id);
      await this.#checkName(queries, write.name, id);
      await queries
        .updateTable("groups")
        .set({ ...groupColumns(write), position: write.position ?? position })
        .where("id", "=", id)
        .execute();
      await queries.deleteFrom("group_members").where("group_id", "=", id).execute();
      await this.#writeMembers(queries, id, write.agentIds ?? []);
      return [await readPlanned(queries, id)];
    });
    return this.get(id);
  }

  /** Agents lose the configs that only this group gave them. */
  async remove(id: string): Promise<void> {
    if (id === DEFAULT_GROUP)
      throw new MusterError("failed_precondition", "the default group is everyone and cannot be deleted", { id });
    await this.#change(async (queries) => {
      await this.#getRow(queries, id);
      await queries.deleteFrom("groups").where("id", "=", id).execute();
      return [{ kind: "group_gone", groupId: id }];
    });
  }

  /** Everyone in the group now. */
  async members(id: string): Promise<AgentRow[]> {
    const row = await this.#getRow(this.#store.db, id);
    return this.#store.db
      .selectFrom("agents")
      .selectAll()
      .where(isMember(toRule(row)))
      .execute();
  }

  /** Who would be in a group that is not stored yet, or in one that would be changed like this. */
  async preview(query: GroupPreviewQuery): Promise<GroupPreview> {
    const { selector, tags } = groupColumns({ ...query, name: "preview" });
    const rule: GroupRule = toRule({ id: "", selector, tags });
    const byHand = query.agentIds ?? [];
    const { db } = this.#store;
    const rows = await db
      .selectFrom("agents")
      .select(["id", "name", "given_name", "status"])
      .select(({ fn }) => fn.countAll<number>().over().as("count"))
      .where((where) => where.or([isMember(rule)(where), ...(byHand.length > 0 ? [where("id", "in", byHand)] : [])]))
      .orderBy("sort_name")
      .orderBy("number")
      .limit(PREVIEW)
      .execute();
    const items = rows.map((row) => ({ id: row.id, name: row.given_name ?? row.name, status: row.status }));
    return { agents: Number(rows[0]?.count ?? 0), items };
  }

  async #change(work: (queries: Queries) => Promise<readonly CatalogChange[]>): Promise<void> {
    const { epoch, changes } = await this.#store.transaction(async (queries) => {
      const epoch = await nextEpoch(queries);
      return { epoch, changes: await work(queries) };
    });
    await this.#parts.onChanged(epoch, changes);
  }

  async #getRow(queries: Queries, id: string): Promise<GroupRow> {
    const row = await queries.selectFrom("groups").selectAll().where("id", "=", id).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such group", { id });
    return row;
  }

  async #checkName(queries: Queries, name: string, id: string): Promise<void> {
    const taken = await queries
      .selectFrom("groups")
      .select("id")
      .where("name", "=", name)
      .where("id", "!=", id)
      .executeTakeFirst();
    if (taken) throw new MusterError("already_exists", "a group of this name exists", { field: "name" });
  }

  async #writeMembers(queries: Queries, groupId: string, agentIds: readonly string[]): Promise<void> {
    const wanted = [...new Set(agentIds)];
    for (const slice of slices(wanted, 2, this.#store.dialect)) {
      const rows = await queries.selectFrom("agents").select("number").where("id", "in", slice).execute();
      if (rows.length < slice.length)
        throw new MusterError("not_found", "some agents do not exist", { field: "agentIds" });
      await queries
        .insertInto("group_members")
        .values(rows.map((row) => ({ group_id: groupId, agent_number: row.number })))
        .execute();
    }
  }

  async #toGroup(row: GroupRow): Promise<Group> {
    const byHand = await this.#store.db
      .selectFrom("group_members")
      .innerJoin("agents", "agents.number", "group_members.agent_number")
      .select("agents.id")
      .where("group_members.group_id", "=", row.id)
      .orderBy("agents.sort_name")
      .execute();
    const all = await this.#store.db
      .selectFrom("agents")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where(isMember(toRule(row)))
      .executeTakeFirstOrThrow();
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      selector: row.selector,
      agentIds: byHand.map((agent) => agent.id as AgentId),
      agents: Number(all.count),
      tags: readTags(row),
      position: row.position,
      createdAt: toIso(row.created_at),
    };
  }
}

async function nextPosition(queries: Queries): Promise<number> {
  const row = await queries
    .selectFrom("groups")
    .select(({ fn }) => fn.max("position").as("last"))
    .executeTakeFirst();
  return Number(row?.last ?? 0) + 1;
}

async function readPlanned(queries: Queries, id: string): Promise<CatalogChange> {
  const rows = await queries.selectFrom("groups").selectAll().where("id", "=", id).execute();
  const members = await queries.selectFrom("group_members").selectAll().where("group_id", "=", id).execute();
  const [group] = toPlannedGroups(rows, members);
  return group ? { kind: "group", group } : { kind: "group_gone", groupId: id };
}

function assertEveryone(write: GroupWrite): void {
  if (write.name !== DEFAULT_GROUP)
    throw new MusterError("invalid_argument", "the default group keeps its name", { field: "name" });
  if (write.selector?.trim() || (write.agentIds ?? []).length > 0)
    throw new MusterError("invalid_argument", "everyone is in the default group: it takes no selector and no agents", {
      field: "selector",
    });
}
