import type { Queries } from "../store/store.ts";
import { isMember } from "./agent-query.ts";
import { type AgentRow, toTraits } from "./agent-rows.ts";
import { whyUnable } from "./config-kinds.ts";
import { toPlannedGroups } from "./group-rows.ts";
import { Membership } from "./membership.ts";

/** An agent that a rollout means. */
export interface Target {
  readonly number: number;
  readonly online: boolean;
}

const PAGE = 1000;

/**
 * Everybody to whom these groups would give the config: who is in one of them and can take it, and in no later group that has
 * another revision for them. Read from the store, since those that are away are meant too.
 */
export async function findTargets(db: Queries, configId: string, groups: readonly string[]): Promise<Target[]> {
  const config = await db
    .selectFrom("configs")
    .select(["kind", "agent_type"])
    .where("id", "=", configId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (!config) return [];
  const planned = toPlannedGroups(
    await db.selectFrom("groups").selectAll().orderBy("position").orderBy("id").execute(),
    await db.selectFrom("group_members").selectAll().execute(),
  );
  const membership = new Membership(
    planned.map(({ rule }) => rule),
    planned.flatMap(({ rule, members }) => members.map((number) => ({ groupId: rule.id, number }))),
  );
  const assigned = await db
    .selectFrom("config_assignments")
    .select("group_id")
    .where("config_id", "=", configId)
    .execute();
  const giving = new Set([...groups, ...assigned.map((row) => row.group_id)]);
  const isMeant = (row: AgentRow) => {
    const traits = toTraits(row);
    const capabilities = new Set(JSON.parse(row.capabilities) as string[]);
    const what = { kind: config.kind, agentType: config.agent_type };
    if (whyUnable({ capabilities, agentType: traits.agentType }, what) !== null) return false;
    const decides = membership.groupsOf({ number: row.number, ...traits }).findLast(({ id }) => giving.has(id));
    return decides !== undefined && groups.includes(decides.id);
  };
  const targets: Target[] = [];
  for await (const row of readMembers(
    db,
    planned.map(({ rule }) => rule).filter(({ id }) => groups.includes(id)),
  ))
    if (isMeant(row)) targets.push({ number: row.number, online: row.status === "online" });
  return targets;
}

/** A page at a time, so that the event loop turns in between. */
async function* readMembers(db: Queries, rules: readonly Parameters<typeof isMember>[0][]): AsyncGenerator<AgentRow> {
  if (rules.length === 0) return;
  for (let last = -1; ; ) {
    const page = await db
      .selectFrom("agents")
      .selectAll()
      .where((where) => where.or(rules.map((rule) => isMember(rule)(where))))
      .where("number", ">", last)
      .orderBy("number")
      .limit(PAGE)
      .execute();
    yield* page;
    if (page.length < PAGE) return;
    last = page.at(-1)?.number ?? last;
  }
}
