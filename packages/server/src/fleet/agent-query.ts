import { type Capability, MusterError, type Selector, type SelectorTerm } from "@muster/core";
import type { AgentListQuery } from "@muster/core/resources";
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import type { Schema } from "../store/schema.ts";
import type { Queries } from "../store/store.ts";
import type { AgentRow } from "./agent-rows.ts";
import type { GroupRule, GroupTag } from "./membership.ts";

/** A list's query with its selectors parsed. */
export interface AgentQuery extends AgentListQuery {
  readonly matching: Selector;
  /** Only agents of this protocol. */
  readonly protocol?: string;
  /** Only agents that can do this. */
  readonly capability?: Capability;
  /** Only members of this group. */
  readonly memberOf: GroupRule | undefined;
}

type Where = ExpressionBuilder<Schema, "agents">;

/** A condition that holds for agents whose labels match. */
export function matches(selector: Selector) {
  return (where: Where): Expression<SqlBool> =>
    selector.length === 0
      ? where.and([])
      : where.or(selector.map((terms) => where.and(terms.map((term) => meetsTerm(where, term)))));
}

/** A condition that holds for members of a group: the same as fleet/membership.ts finds in memory. */
export function isMember(group: GroupRule) {
  return (where: Where): Expression<SqlBool> => {
    if (group.isEveryone) return where.and([]);
    const byHand = where.exists(
      where
        .selectFrom("group_members")
        .select("group_members.agent_number")
        .whereRef("group_members.agent_number", "=", "agents.number")
        .where("group_members.group_id", "=", group.id),
    );
    const bySelector = group.selector === null ? [] : [matches(group.selector)(where)];
    return where.or([byHand, ...bySelector, ...group.tags.map((tag) => hasTag(where, tag))]);
  };
}

/** A tag without a name is met by its value alone; a label is a tag too. */
function hasTag(where: Where, { name, value }: GroupTag): Expression<SqlBool> {
  const tagged = where
    .selectFrom("agent_tags")
    .select("agent_tags.agent_number")
    .whereRef("agent_tags.agent_number", "=", "agents.number")
    .where("agent_tags.value", "=", value)
    .where("agent_tags.name", "in", ["", name]);
  const labelled = where
    .selectFrom("agent_labels")
    .select("agent_labels.agent_number")
    .whereRef("agent_labels.agent_number", "=", "agents.number")
    .where("agent_labels.key", "=", name)
    .where("agent_labels.value", "=", value);
  return where.or([where.exists(tagged), where.exists(labelled)]);
}

/** One page, its cursor, and how many match in all. */
export async function listAgentRows(
  db: Queries,
  query: AgentQuery,
): Promise<{ rows: AgentRow[]; nextCursor: string | null; total: number }> {
  const limit = query.limit === undefined ? 100 : Number(query.limit);
  const order = sortOrder(query.sort ?? "name");
  const conditions = (where: Where) => where.and(filterConditions(where, query));
  let page = db.selectFrom("agents").selectAll().where(conditions);
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor);
  if (cursor) {
    const [value, number] = cursor;
    const compare = order.descending ? sql`<` : sql`>`;
    page = page.where(sql<SqlBool>`(${order.expression}, agents.number) ${compare} (${value}, ${number})`);
  }
  const direction = order.descending ? "desc" : "asc";
  const rows = await page
    .select(order.expression.as("sort_value"))
    .orderBy("sort_value", direction)
    .orderBy("number", direction)
    .limit(limit + 1)
    .execute();
  const total = await db
    .selectFrom("agents")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where(conditions)
    .executeTakeFirstOrThrow();
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    rows: rows.slice(0, limit),
    nextCursor: last ? writeCursor(last.sort_value, last.number) : null,
    total: Number(total.count),
  };
}

function filterConditions(where: Where, query: AgentQuery): Expression<SqlBool>[] {
  const conditions = [matches(query.matching)(where)];
  if (query.filter) conditions.push(where("search", "like", sql<string>`${likePattern(query.filter)} escape '\\'`));
  if (query.protocol !== undefined) conditions.push(where("protocol", "=", query.protocol));
  if (query.capability !== undefined) conditions.push(where("capabilities", "like", `%"${query.capability}"%`));
  if (query.status) conditions.push(where("status", "=", query.status));
  if (query.memberOf) conditions.push(isMember(query.memberOf)(where));
  return conditions;
}

/** Part of a text, with the pattern's own characters taken literally. */
export function likePattern(text: string): string {
  return `%${text.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
}

function meetsTerm(where: Where, term: SelectorTerm): Expression<SqlBool> {
  let label = where
    .selectFrom("agent_labels")
    .select("agent_labels.agent_number")
    .whereRef("agent_labels.agent_number", "=", "agents.number")
    .where("agent_labels.key", "=", term.key);
  if (term.operator === "in" || term.operator === "not_in")
    label = label.where("agent_labels.value", "in", term.values);
  const exists = where.exists(label);
  return term.operator === "absent" || term.operator === "not_in" ? where.not(exists) : exists;
}

/** Only these columns can be sorted by; an order column never comes from a caller's text. */
function sortOrder(sort: NonNullable<AgentListQuery["sort"]>) {
  const descending = sort.startsWith("-");
  const expressions = {
    name: sql<string | number>`agents.sort_name`,
    status: sql<string | number>`case agents.status when 'online' then 0 when 'stale' then 1 else 2 end`,
    lastSeenAt: sql<string | number>`coalesce(agents.last_seen_at, 0)`,
    firstSeenAt: sql<string | number>`agents.first_seen_at`,
  };
  return { descending, expression: expressions[sort.replace("-", "") as keyof typeof expressions] };
}

/** Cursors are opaque to callers: the sort value and the number of the last row. */
export function writeCursor(value: string | number, number: number): string {
  return Buffer.from(JSON.stringify([value, number])).toString("base64url");
}

export function readCursor(cursor: string): [string | number, number] {
  try {
    const [value, number] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if ((typeof value === "string" || typeof value === "number") && Number.isSafeInteger(number))
      return [value, Number(number)];
  } catch {
    // falls through to the same answer as for any other text that is no cursor
  }
  throw new MusterError("invalid_argument", "this is no cursor of this list", { field: "cursor" });
}
