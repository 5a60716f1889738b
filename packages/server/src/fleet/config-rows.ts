import { hash } from "node:crypto";
import { CONFIG_LIMITS, MusterError, newId, type Timestamp } from "@muster/core";
import type { ConfigChange, ConfigWrite } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { ConfigsTable } from "../store/config-tables.ts";
import type { Queries } from "../store/store.ts";
import { type CatalogChange, toPlannedConfig, toPlannedText } from "./config-catalog.ts";
import { assertName, formatFor, getKind } from "./config-kinds.ts";
import { listVariables } from "./config-variables.ts";

export type ConfigRow = Selectable<ConfigsTable>;

/** A new config, with what only some protocols know. */
export type NewConfig = ConfigWrite & {
  /** Which agents are meant, such as `ilogtail`; absent or empty for all that can take its kind. */
  readonly agentType?: string;
  /** Only for kind `onetime`: when it must not start any more. */
  readonly expiresAt?: Timestamp | null;
};

export type ConfigEdit = ConfigChange & { readonly agentType?: string; readonly expiresAt?: Timestamp | null };

/** Who does it, and when. */
export interface Author {
  readonly by: string;
  readonly now: Timestamp;
}

/** What was stored, and what follows from it for the plan. */
export interface Stored {
  readonly row: ConfigRow;
  readonly changes: readonly CatalogChange[];
}

export async function getRow(queries: Queries, idOrName: string): Promise<ConfigRow> {
  const row = await findRow(queries, idOrName);
  if (!row) throw new MusterError("not_found", "there is no such config", { id: idOrName });
  return row;
}

/** A living config by its id, or by its name where that is no id. */
export async function findRow(queries: Queries, idOrName: string): Promise<ConfigRow | undefined> {
  const living = queries.selectFrom("configs").selectAll().where("deleted_at", "is", null);
  return (
    (await living.where("id", "=", idOrName).executeTakeFirst()) ??
    (await living.where("name", "=", idOrName).executeTakeFirst())
  );
}

/** A name that was removed comes back with greater numbers than it had. */
export async function createConfig(queries: Queries, write: NewConfig, author: Author): Promise<Stored> {
  const kind = getKind(write.kind);
  assertName(kind, write.name);
  const format = formatFor(kind, write.format);
  assertText(write.text);
  const before = await queries.selectFrom("configs").selectAll().where("name", "=", write.name).executeTakeFirst();
  if (before && before.deleted_at === null)
    throw new MusterError("already_exists", "a config of this name exists", { field: "name", id: before.id });
  const row: ConfigRow = {
    id: before?.id ?? newId(author.now),
    name: write.name,
    kind: kind.id,
    format,
    description: write.description ?? "",
    agent_type: write.agentType ?? "",
    revision: (before?.revision ?? 0) + 1,
    expires_at: write.expiresAt ?? null,
    created_at: author.now,
    updated_at: author.now,
    updated_by: author.by,
    deleted_at: null,
  };
  if (before) await queries.updateTable("configs").set(row).where("id", "=", row.id).execute();
  else await queries.insertInto("configs").values(row).execute();
  return { row, changes: await insertRevision(queries, row, { text: write.text, message: write.message ?? "" }) };
}

/** Writes a new revision, unless nothing is new: then nothing is written, and `changes` is empty. */
export async function changeConfig(
  queries: Queries,
  before: ConfigRow,
  { edit, author }: { edit: ConfigEdit; author: Author },
): Promise<Stored> {
  if (edit.baseRevision !== undefined && edit.baseRevision !== before.revision)
    throw new MusterError("conflict", `revision ${before.revision} has been written meanwhile`, {
      field: "baseRevision",
      revision: before.revision,
    });
  if (edit.text !== undefined) assertText(edit.text);
  const newest = await getRevision(queries, before.id, before.revision);
  const text = edit.text ?? newest.text;
  const told = {
    description: edit.description ?? before.description,
    agent_type: edit.agentType ?? before.agent_type,
    expires_at: edit.expiresAt === undefined ? before.expires_at : edit.expiresAt,
  };
  const isSame =
    text === newest.text &&
    told.description === before.description &&
    told.agent_type === before.agent_type &&
    told.expires_at === before.expires_at;
  if (isSame) return { row: before, changes: [] };
  return addRevision(queries, { ...before, ...told }, { text, message: edit.message ?? "", author });
}

/** Writes a revision whether its text is new or not. */
export async function addRevision(
  queries: Queries,
  before: ConfigRow,
  { text, message, author }: { text: string; message: string; author: Author },
): Promise<Stored> {
  const row = { ...before, revision: before.revision + 1, updated_at: author.now, updated_by: author.by };
  const { description, agent_type, expires_at, revision, updated_at, updated_by } = row;
  await queries
    .updateTable("configs")
    .set({ description, agent_type, expires_at, revision, updated_at, updated_by })
    .where("id", "=", row.id)
    .execute();
  return { row, changes: await insertRevision(queries, row, { text, message }) };
}

/** The removal takes a number of its own, so that who has an older one knows whatever comes later for newer. */
export async function removeConfig(queries: Queries, row: ConfigRow, { by, now }: Author): Promise<CatalogChange[]> {
  await queries
    .updateTable("configs")
    .set({ deleted_at: now, updated_at: now, updated_by: by, revision: row.revision + 1 })
    .where("id", "=", row.id)
    .execute();
  await queries.deleteFrom("config_assignments").where("config_id", "=", row.id).execute();
  await queries.deleteFrom("agent_configs").where("config_id", "=", row.id).execute();
  return [{ kind: "config_gone", configId: row.id }];
}

/** Gives a group a revision, which has to be there. `isNew`: the group did not have the config. */
export async function assignConfig(
  queries: Queries,
  row: ConfigRow,
  { groupId, revision, author }: { groupId: string; revision: number; author: Author },
): Promise<{ isNew: boolean; changes: CatalogChange[] }> {
  assertName(getKind(row.kind), row.name);
  const group = await queries.selectFrom("groups").select("id").where("id", "=", groupId).executeTakeFirst();
  if (!group) throw new MusterError("not_found", "there is no such group", { id: groupId });
  const stored = await getRevision(queries, row.id, revision);
  const before = await queries
    .selectFrom("config_assignments")
    .select("revision")
    .where("config_id", "=", row.id)
    .where("group_id", "=", groupId)
    .executeTakeFirst();
  if (before?.revision === revision) return { isNew: false, changes: [] };
  const given = { revision, assigned_at: author.now, assigned_by: author.by };
  await queries
    .insertInto("config_assignments")
    .values({ config_id: row.id, group_id: groupId, ...given })
    .onConflict((conflict) => conflict.columns(["config_id", "group_id"]).doUpdateSet(given))
    .execute();
  const text = toPlannedText(stored);
  const changes: CatalogChange[] = [
    { kind: "text", text },
    { kind: "assigned", configId: row.id, groupId, revision },
  ];
  return { isNew: before === undefined, changes };
}

/** Gives a revision to every group that has the config. */
export async function giveToAll(
  queries: Queries,
  row: ConfigRow,
  { revision, author }: { revision: number; author: Author },
): Promise<CatalogChange[]> {
  const groups = await queries
    .updateTable("config_assignments")
    .set({ revision, assigned_at: author.now, assigned_by: author.by })
    .where("config_id", "=", row.id)
    .returning("group_id")
    .execute();
  return groups.map(({ group_id }) => ({ kind: "assigned", configId: row.id, groupId: group_id, revision }));
}

export async function getRevision(queries: Queries, configId: string, revision: number) {
  const row = await queries
    .selectFrom("config_revisions")
    .selectAll()
    .where("config_id", "=", configId)
    .where("revision", "=", revision)
    .executeTakeFirst();
  if (!row) throw new MusterError("not_found", "there is no such revision", { id: configId, revision });
  return row;
}

async function insertRevision(
  queries: Queries,
  row: ConfigRow,
  { text, message }: { text: string; message: string },
): Promise<CatalogChange[]> {
  const revision = {
    config_id: row.id,
    revision: row.revision,
    text,
    digest: hash("sha256", text, "hex"),
    message: message.slice(0, CONFIG_LIMITS.messageLength),
    variables: JSON.stringify(listVariables(text)),
    created_at: row.updated_at,
    created_by: row.updated_by,
  };
  await queries.insertInto("config_revisions").values(revision).execute();
  return [
    { kind: "config", config: toPlannedConfig(row) },
    { kind: "text", text: toPlannedText(revision) },
  ];
}

function assertText(text: string): void {
  if (Buffer.byteLength(text) > CONFIG_LIMITS.textBytes)
    throw new MusterError("invalid_argument", "a config is at most 1 MiB of text", { field: "text" });
  // PostgreSQL keeps none, and no agent wants one
  if (text.includes("\0")) throw new MusterError("invalid_argument", "a config cannot contain NUL", { field: "text" });
}
