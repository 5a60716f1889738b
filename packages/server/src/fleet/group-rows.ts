import { parseSelector } from "@muster/core";
import type { GroupWrite } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { GroupMembersTable, GroupsTable } from "../store/schema.ts";
import type { PlannedGroup } from "./config-catalog.ts";
import { DEFAULT_GROUP, type GroupRule, type GroupTag } from "./membership.ts";

export type GroupRow = Selectable<GroupsTable>;

/** Who is in a group, as SQL and memory read it. */
export function toRule(row: Pick<GroupRow, "id" | "selector" | "tags">): GroupRule {
  return {
    id: row.id,
    isEveryone: row.id === DEFAULT_GROUP,
    selector: row.selector === null ? null : parseSelector(row.selector),
    tags: readTags(row),
  };
}

export function readTags(row: Pick<GroupRow, "tags">): GroupTag[] {
  return JSON.parse(row.tags) as GroupTag[];
}

/** The columns that a write decides. Throws invalid_argument for a selector that is none. */
export function groupColumns(write: GroupWrite) {
  const selector = write.selector?.trim() ? write.selector : null;
  if (selector !== null) parseSelector(selector);
  return {
    name: write.name,
    description: write.description ?? "",
    selector,
    tags: JSON.stringify(write.tags ?? []),
  };
}

export function toPlannedGroups(
  rows: readonly GroupRow[],
  members: readonly Selectable<GroupMembersTable>[],
): PlannedGroup[] {
  const byGroup = Map.groupBy(members, (member) => member.group_id);
  return rows.map((row) => ({
    rule: toRule(row),
    name: row.name,
    position: row.position,
    members: (byGroup.get(row.id) ?? []).map((member) => member.agent_number),
  }));
}
