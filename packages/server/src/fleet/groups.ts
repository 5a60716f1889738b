import { type AgentId, type Clock, type GroupId, MusterError, newId, parseSelector, toIso } from "@muster/core";
import type { Group, GroupWrite, Page } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { GroupsTable } from "../store/schema.ts";
import { type Queries, type Store, slices } from "../store/store.ts";
import { isMember, readCursor, writeCursor } from "./agent-query.ts";
import type { AgentRow } from "./agent-rows.ts";

type GroupRow = Selectable<GroupsTable>;

/** Named sets of agents: everyone the selector meets, and those added by hand. */
export class Groups {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  async find(id: string): Promise<GroupRow | undefined> {
    return this.#store.db.selectFrom("groups").selectAll().where("id", "=", id).executeTakeFirst();
  }

  async get(id: string): Promise<Group> {
    return this.#toGroup(await this.#getRow(id));
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

  async create(write: GroupWrite): Promise<Group> {
    const id = newId<GroupId>(this.#clock.now());
    await this.#store.transaction(async (queries) => {
      await this.#checkName(queries, write.name, id);
      await queries
        .insertInto("groups")
        .values({ id, created_at: this.#clock.now(), ...columns(write) })
        .execute();
      await this.#writeMembers(queries, id, write.agentIds ?? []);
    });
    return this.get(id);
  }

  async replace(id: string, write: GroupWrite): Promise<Group> {
    await this.#getRow(id);
    await this.#store.transaction(async (queries) => {
      await this.#checkName(queries, write.name, id);
      await queries.updateTable("groups").set(columns(write)).where("id", "=", id).execute();
      await queries.deleteFrom("group_members").where("group_id", "=", id).execute();
      await this.#writeMembers(queries, id, write.agentIds ?? []);
    });
    return this.get(id);
  }

  async remove(id: string): Promise<void> {
    await this.#getRow(id);
    await this.#store.db.deleteFrom("groups").where("id", "=", id).execute();
  }

  /** Everyone in the group now. */
  async members(id: string): Promise<AgentRow[]> {
    const row = await this.#getRow(id);
    return this.#store.db
      .selectFrom("agents")
      .selectAll()
      .where(isMember(membership(row)))
      .execute();
  }

  async #getRow(id: string): Promise<GroupRow> {
    const row = await this.find(id);
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
      .where(isMember(membership(row)))
      .executeTakeFirstOrThrow();
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      selector: row.selector,
      agentIds: byHand.map((agent) => agent.id as AgentId),
      agents: Number(all.count),
      createdAt: toIso(row.created_at),
    };
  }
}

function columns(write: GroupWrite) {
  const selector = write.selector?.trim() ? write.selector : null;
  if (selector !== null) parseSelector(selector);
  return { name: write.name, description: write.description ?? "", selector };
}

function membership(row: GroupRow) {
  return { id: row.id, terms: row.selector === null ? null : parseSelector(row.selector) };
}
