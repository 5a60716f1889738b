import { MusterError } from "@muster/core";
import type { Dialect, Queries } from "../store/store.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { type Author, addRevision, assignConfig, type ConfigRow, getRevision } from "./config-rows.ts";
import type { RolloutGroup } from "./rollout-rows.ts";

/** What agents want has changed: the number of the change, and what the plan takes over. */
export interface Given {
  readonly epoch: number;
  readonly changes: readonly CatalogChange[];
}

/** A config that is not removed. Until the transaction ends nobody else changes it. */
export async function lockConfig(
  queries: Queries,
  id: string,
  { locking }: Pick<Dialect, "locking">,
): Promise<ConfigRow> {
  const select = queries.selectFrom("configs").selectAll().where("id", "=", id).where("deleted_at", "is", null);
  const config = await (locking ? select.forUpdate() : select).executeTakeFirst();
  if (!config) throw new MusterError("not_found", "there is no such config", { id });
  return config;
}

/** What groups have of a config, in the order of `groups`. Those that are gone are left out. */
export async function readAssigned(
  queries: Queries,
  configId: string,
  groups: readonly string[],
): Promise<RolloutGroup[]> {
  if (groups.length === 0) return [];
  const rows = await queries
    .selectFrom("groups")
    .leftJoin("config_assignments", (join) =>
      join.onRef("config_assignments.group_id", "=", "groups.id").on("config_assignments.config_id", "=", configId),
    )
    .select(["groups.id", "config_assignments.revision"])
    .where("groups.id", "in", [...groups])
    .execute();
  const known = new Map(rows.map((row) => [row.id, row.revision]));
  return groups.filter((id) => known.has(id)).map((id) => ({ id, previous: known.get(id) ?? null }));
}

/** From now on these groups have this revision. Groups that are gone are left out. */
export async function assignRevision(
  queries: Queries,
  config: ConfigRow,
  { revision, groups, author }: { revision: number; groups: readonly string[]; author: Author },
): Promise<CatalogChange[]> {
  const changes: CatalogChange[] = [];
  for (const { id: groupId } of await readAssigned(queries, config.id, groups))
    changes.push(...(await assignConfig(queries, config, { groupId, revision, author })).changes);
  return changes;
}

export async function unassign(
  queries: Queries,
  configId: string,
  groups: readonly string[],
): Promise<CatalogChange[]> {
  await queries
    .deleteFrom("config_assignments")
    .where("config_id", "=", configId)
    .where("group_id", "in", [...groups])
    .execute();
  return groups.map((groupId) => ({ kind: "unassigned", configId, groupId }));
}

/** A new revision with the text of an old one: the number that agents know only grows. The config is locked. */
export async function repeatRevision(
  queries: Queries,
  config: ConfigRow,
  { revision, message, author }: { revision: number; message: string; author: Author },
) {
  const { text } = await getRevision(queries, config.id, revision);
  return addRevision(queries, config, { text, message, author });
}

/** Which revisions have the text of this one: an agent that has one of them has this one. */
export async function listEqual(queries: Queries, configId: string, revision: number): Promise<Set<number>> {
  const rows = await queries
    .selectFrom("config_revisions as wanted")
    .innerJoin("config_revisions as equal", (join) =>
      join.onRef("equal.config_id", "=", "wanted.config_id").onRef("equal.digest", "=", "wanted.digest"),
    )
    .select("equal.revision")
    .where("wanted.config_id", "=", configId)
    .where("wanted.revision", "=", revision)
    .execute();
  return new Set(rows.map((row) => row.revision));
}
