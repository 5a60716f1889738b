import type { Timestamp } from "@muster/core";
import { type Selectable, type SqlBool, sql } from "kysely";
import type { InputDigestsTable } from "../store/input-tables.ts";
import { type Dialect, type Queries, slices } from "../store/store.ts";

/** What is done to an input. */
export type ChangeKind = "set" | "removed" | "enabled" | "disabled";

/** A change before the agent is asked for it. */
export interface Change {
  readonly kind: ChangeKind;
  readonly agentNumber: number;
  readonly inputId: string;
  /** With `isNew` the input is made by this change. */
  readonly isNew: boolean;
  readonly input: string;
  readonly inputType: string;
  /** With `set`. */
  readonly toml: string | null;
  readonly digest: string | null;
  readonly message: string;
  readonly by: string;
  /** The revision that the caller saw; it must still be the newest. */
  readonly baseRevision?: number | undefined;
}

/**
 * Whether changes may begin: all of one request or none. `duplicate` names who has the same meaning already, `busy` is
 * an input that another change is at work on, `gone` one that is not there, `outdated` one that was changed in between.
 */
export type Begun =
  | { readonly ok: true; readonly revisions: readonly number[]; readonly at: Timestamp }
  | { readonly ok: false; readonly why: "duplicate" | "busy" | "gone" | "outdated"; readonly inputId: string };

/** What came of a change. */
export interface Settlement {
  readonly inputId: string;
  readonly revision: number;
  readonly outcome: "applied" | "refused" | "unknown";
  readonly reason: string | null;
}

export interface ChangeContext {
  readonly dialect: Dialect;
  readonly now: Timestamp;
}

interface KnownInput {
  id: string;
  agent_number: number;
  digest: string | null;
  revision: number;
  removed: number;
  busy_until: number;
}

/**
 * Writes changes down before anybody is asked: each gets a revision, its input is busy until `busyUntil`, and its
 * meaning is reserved on its agent. Rows are locked before keys are taken, and both in order, so that two processes
 * never wait for each other.
 */
export async function beginChanges(
  queries: Queries,
  groups: readonly (readonly Change[])[],
  { dialect, now, busyUntil }: ChangeContext & { readonly busyUntil: Timestamp },
): Promise<Begun[]> {
  const changes = groups.flat();
  const known = await lockInputs(queries, changes, dialect);
  // what cannot begin anyway reserves nothing, so that nobody is refused as its duplicate
  const hopeful = groups.filter((group) => !group.some((change) => refuseByState(change, known, now)));
  const { owners, won } = await reserveDigests(queries, hopeful.flat(), dialect);
  const begun: Begun[] = [];
  const accepted: (Change & { revision: number })[] = [];
  const refused: Change[] = [];
  for (const group of groups) {
    const refusal = group.map((change) => refuse(change, { known, owners, now })).find((why) => why !== undefined);
    if (refusal) {
      begun.push(refusal);
      refused.push(...group);
      continue;
    }
    const revisions = group.map((change) => {
      const row = known.get(change.inputId);
      const revision = (row?.revision ?? 0) + 1;
      // the next one of this batch finds it busy
      if (row) known.set(row.id, { ...row, revision, busy_until: busyUntil });
      accepted.push({ ...change, revision });
      return revision;
    });
    begun.push({ ok: true, revisions, at: now });
  }
  // the same change twice: what the refused one won is the accepted one's
  const kept = new Set(accepted.map(keyOf));
  for (const change of refused) {
    const key = keyOf(change);
    if (won.has(key) && !kept.has(key) && owners.get(key) === change.inputId) await releaseDigest(queries, change);
  }
  await writeBegun(queries, accepted, { dialect, now, busyUntil });
  return begun;
}

function refuse(
  change: Change,
  { known, owners, now }: { known: Map<string, KnownInput>; owners: Map<string, string>; now: Timestamp },
): Extract<Begun, { ok: false }> | undefined {
  const { inputId } = change;
  const refusal = refuseByState(change, known, now);
  if (refusal || change.kind !== "set") return refusal;
  const owner = owners.get(keyOf(change));
  // nobody: whoever had it let go at this very moment
  if (owner === undefined) return { ok: false, why: "busy", inputId };
  return owner === inputId ? undefined : { ok: false, why: "duplicate", inputId: owner };
}

function refuseByState(
  change: Change,
  known: ReadonlyMap<string, KnownInput>,
  now: Timestamp,
): Extract<Begun, { ok: false }> | undefined {
  const { inputId } = change;
  if (change.isNew) return undefined;
  const row = known.get(inputId);
  const isGone = row?.agent_number !== change.agentNumber || (row.removed === 1 && change.kind !== "set");
  if (!row || isGone) return { ok: false, why: "gone", inputId };
  if (row.busy_until > now) return { ok: false, why: "busy", inputId };
  if (change.baseRevision !== undefined && row.revision !== change.baseRevision)
    return { ok: false, why: "outdated", inputId };
  return undefined;
}

function keyOf(change: Pick<Change, "agentNumber" | "input" | "digest">): string {
  return `${change.agentNumber}\n${change.input}\n${change.digest}`;
}

async function lockInputs(
  queries: Queries,
  changes: readonly Change[],
  dialect: Dialect,
): Promise<Map<string, KnownInput>> {
  const ids = [...new Set(changes.filter((change) => !change.isNew).map((change) => change.inputId))].sort();
  const known = new Map<string, KnownInput>();
  for (const slice of slices(ids, 1, dialect)) {
    const select = queries
      .selectFrom("inputs")
      .select(["id", "agent_number", "digest", "revision", "removed", "busy_until"])
      .where("id", "in", slice)
      .orderBy("id");
    for (const row of await (dialect.locking ? select.forUpdate() : select).execute()) known.set(row.id, row);
  }
  return known;
}

/** Who owns each meaning now, and which of them were free until now. */
async function reserveDigests(
  queries: Queries,
  changes: readonly Change[],
  dialect: Dialect,
): Promise<{ owners: Map<string, string>; won: Set<string> }> {
  const wanted = changes
    .filter((change) => change.kind === "set")
    .map((change) => ({ ...change, key: keyOf(change) }))
    .sort((left, right) => Number(left.key > right.key) - Number(left.key < right.key)); // the first of two comes first
  const owners = new Map<string, string>();
  const won = new Set<string>();
  for (const slice of slices(wanted, 4, dialect)) {
    const taken = await queries
      .insertInto("input_digests")
      .values(slice.map(toReservation))
      .onConflict((conflict) => conflict.columns(["agent_number", "input", "digest"]).doNothing())
      .returning(["agent_number", "input", "digest", "input_id"])
      .execute();
    for (const row of taken) {
      const key = keyOfRow(row);
      owners.set(key, row.input_id);
      won.add(key);
    }
  }
  const losers = wanted.filter(({ key }) => !owners.has(key));
  for (const slice of slices(losers, 3, dialect))
    for (const row of await findOwners(queries, slice)) owners.set(keyOfRow(row), row.input_id);
  return { owners, won };
}

function toReservation(change: Change) {
  return {
    agent_number: change.agentNumber,
    input: change.input,
    digest: change.digest ?? "",
    input_id: change.inputId,
  };
}

function keyOfRow(row: Selectable<InputDigestsTable>): string {
  return keyOf({ agentNumber: row.agent_number, input: row.input, digest: row.digest });
}

function findOwners(queries: Queries, changes: readonly Change[]): Promise<Selectable<InputDigestsTable>[]> {
  const keys = changes.map(
    ({ agentNumber, input, digest }) =>
      sql`(cast(${agentNumber} as bigint), cast(${input} as text), cast(${digest} as text))`,
  );
  return queries
    .selectFrom("input_digests")
    .selectAll()
    .where(sql<SqlBool>`(agent_number, input, digest) in (values ${sql.join(keys)})`)
    .execute();
}

async function releaseDigest(queries: Queries, change: Change): Promise<void> {
  await queries
    .deleteFrom("input_digests")
    .where("agent_number", "=", change.agentNumber)
    .where("input", "=", change.input)
    .where("digest", "=", change.digest ?? "")
    .where("input_id", "=", change.inputId)
    .execute();
}

async function writeBegun(
  queries: Queries,
  accepted: readonly (Change & { readonly revision: number })[],
  { dialect, now, busyUntil }: ChangeContext & { readonly busyUntil: Timestamp },
): Promise<void> {
  const fresh = accepted.filter((change) => change.isNew);
  for (const slice of slices(fresh, 8, dialect)) {
    const rows = slice.map((change) => ({
      id: change.inputId,
      agent_number: change.agentNumber,
      input: change.input,
      input_type: change.inputType,
      revision: change.revision,
      removed: 0,
      busy_until: busyUntil,
      unsettled: 1,
      updated_at: now,
      updated_by: change.by,
    }));
    await queries.insertInto("inputs").values(rows).execute();
  }
  const changed = accepted.filter((change) => !change.isNew).map((change) => change.inputId);
  for (const slice of slices(changed, 1, dialect)) {
    await queries
      .updateTable("inputs")
      .set(({ eb }) => ({ revision: eb("revision", "+", 1), busy_until: busyUntil, unsettled: 1 }))
      .where("id", "in", slice)
      .execute();
  }
  for (const slice of slices(accepted, 11, dialect)) {
    const rows = slice.map((change) => ({
      input_id: change.inputId,
      revision: change.revision,
      agent_number: change.agentNumber,
      kind: change.kind,
      toml: change.toml,
      digest: change.digest,
      message: change.message,
      created_at: now,
      created_by: change.by,
      outcome: "unknown",
      reason: "the agent has not answered yet",
    }));
    await queries.insertInto("input_revisions").values(rows).execute();
  }
}

/** Writes down what came of changes, and gives back what they had reserved and do not need. Repeats are harmless. */
export async function settleChanges(
  queries: Queries,
  settlements: readonly Settlement[],
  { dialect }: Pick<ChangeContext, "dialect">,
): Promise<void> {
  const groups = Map.groupBy(settlements, ({ outcome, reason }) => `${outcome}\n${reason}`);
  for (const group of groups.values()) {
    for (const slice of slices(group, 2, dialect)) await writeOutcome(queries, slice);
  }
  const applied = settlements.filter(({ outcome }) => outcome === "applied");
  for (const slice of slices(applied, 2, dialect)) await takeOver(queries, slice);
  const others = settlements.filter(({ outcome }) => outcome !== "applied").map(({ inputId }) => inputId);
  for (const slice of slices(others, 1, dialect)) await endAttempts(queries, slice);
  const ended = settlements.filter(({ outcome }) => outcome !== "unknown").map(({ inputId }) => inputId);
  for (const slice of slices([...new Set(ended)], 1, dialect)) await releaseUnneeded(queries, slice);
}

async function writeOutcome(queries: Queries, group: readonly Settlement[]): Promise<void> {
  const [first] = group;
  if (!first) return;
  await queries
    .updateTable("input_revisions")
    .set({ outcome: first.outcome, reason: first.reason })
    .where(sql<SqlBool>`(input_id, revision) in (values ${listRevisions(group)})`)
    .execute();
}

function listRevisions(settlements: readonly Settlement[]) {
  return sql.join(
    settlements.map(({ inputId, revision }) => sql`(cast(${inputId} as text), cast(${revision} as bigint))`),
  );
}

/** The input is from now on what its revision says. */
async function takeOver(queries: Queries, applied: readonly Settlement[]): Promise<void> {
  await sql`
    update inputs set
      digest = told.digest,
      applied_revision = told.revision,
      removed = case when told.kind = 'removed' then 1 else 0 end,
      busy_until = 0,
      unsettled = case when exists (
        select 1 from input_revisions as newer where newer.input_id = told.input_id and newer.outcome = 'unknown'
        and newer.revision > told.revision) then 1 else 0 end,
      updated_at = told.created_at,
      updated_by = told.created_by
    from input_revisions as told
    where told.input_id = inputs.id and (told.input_id, told.revision) in (values ${listRevisions(applied)})
  `.execute(queries);
}

/** An input stays unsettled as long as a revision after the one that it runs may have been taken or not. */
async function endAttempts(queries: Queries, inputIds: readonly string[]): Promise<void> {
  await queries
    .updateTable("inputs")
    .set({
      busy_until: 0,
      unsettled: sql<number>`case when exists (
        select 1 from input_revisions as told where told.input_id = inputs.id and told.outcome = 'unknown'
        and told.revision > coalesce(inputs.applied_revision, 0)) then 1 else 0 end`,
    })
    .where("id", "in", inputIds)
    .execute();
}

/** Only the meaning that an input has, and those that it may have got while an answer was lost, stay taken. */
async function releaseUnneeded(queries: Queries, inputIds: readonly string[]): Promise<void> {
  await queries
    .deleteFrom("input_digests")
    .where("input_id", "in", inputIds)
    .where(
      sql<SqlBool>`not exists (select 1 from inputs where inputs.id = input_digests.input_id
        and inputs.digest = input_digests.digest)`,
    )
    .where(
      sql<SqlBool>`not exists (select 1 from input_revisions as told join inputs on inputs.id = told.input_id
        where told.input_id = input_digests.input_id and told.digest = input_digests.digest
        and told.outcome = 'unknown' and told.revision > coalesce(inputs.applied_revision, 0))`,
    )
    .execute();
}
