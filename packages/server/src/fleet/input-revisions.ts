import { toIso } from "@muster/core";
import type { InputRevision } from "@muster/core/resources";
import type { Queries } from "../store/store.ts";

/** Revisions kept of one input. */
const KEPT_REVISIONS = 100;

/** Newest first. One that has no text of its own, since it only switched the input, shows the one that it left. */
export async function listRevisions(db: Queries, agentNumber: number, inputId: string): Promise<InputRevision[]> {
  const rows = await db
    .selectFrom("input_revisions")
    .selectAll()
    .where("input_id", "=", inputId)
    .where("agent_number", "=", agentNumber)
    .orderBy("revision")
    .execute();
  let text = "";
  const revisions = rows.map((row): InputRevision => {
    if (row.kind === "set" && row.outcome === "applied") text = row.toml ?? "";
    const outcome = row.outcome === "applied" || row.outcome === "refused" ? row.outcome : "unknown";
    return {
      inputId,
      revision: row.revision,
      toml: row.kind === "removed" ? "" : (row.toml ?? text),
      createdAt: toIso(row.created_at),
      createdBy: row.created_by,
      message: row.message,
      outcome,
      reason: row.reason,
    };
  });
  return revisions.reverse();
}

/** A revision to go back to; `toml` is null where it has no text. */
export async function findRevision(
  db: Queries,
  which: { readonly agentNumber: number; readonly inputId: string; readonly revision: number },
): Promise<{ input: string; inputType: string; toml: string | null } | undefined> {
  const row = await db
    .selectFrom("inputs")
    .select(["input", "input_type"])
    .where("id", "=", which.inputId)
    .where("agent_number", "=", which.agentNumber)
    .executeTakeFirst();
  const revisions = row ? await listRevisions(db, which.agentNumber, which.inputId) : [];
  const found = revisions.find(({ revision }) => revision === which.revision);
  if (!row || !found) return undefined;
  return { input: row.input, inputType: row.input_type, toml: found.toml === "" ? null : found.toml };
}

/** The newest text that the agent took. */
export async function newestText(db: Queries, agentNumber: number, inputId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("input_revisions")
    .select("toml")
    .where("input_id", "=", inputId)
    .where("agent_number", "=", agentNumber)
    .where("kind", "=", "set")
    .where("outcome", "=", "applied")
    .orderBy("revision", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.toml ?? undefined;
}

/** Forgets the oldest revisions of an input that was changed very often. */
export async function pruneRevisions(db: Queries, inputId: string): Promise<void> {
  await db
    .deleteFrom("input_revisions")
    .where("input_id", "=", inputId)
    .where(({ eb, selectFrom }) =>
      eb(
        "revision",
        "<=",
        selectFrom("inputs")
          .select(({ eb }) => eb("revision", "-", KEPT_REVISIONS).as("oldest"))
          .where("id", "=", inputId),
      ),
    )
    .execute();
}
