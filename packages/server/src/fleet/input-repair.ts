import type { Timestamp } from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { type Settlement, settleChanges } from "./input-rows.ts";

interface OpenRevision {
  readonly input_id: string;
  readonly revision: number;
  readonly kind: string;
  readonly digest: string | null;
  readonly created_at: number;
}

interface OpenInput {
  readonly id: string;
  readonly agent_number: number;
  readonly applied_revision: number | null;
}

/** A change whose answer was lost may still be at work in the agent; after this long the inventory is believed instead. */
const DOUBT_MS = 60_000;

/**
 * Settles changes whose answers were lost by what agents say that they have: what is seen was applied, at once; what is
 * not seen was not, but only once the agent cannot be at it any more. Answers the agents of which something was settled.
 */
export async function repairInputs(
  queries: Queries,
  inventories: ReadonlyMap<number, readonly InputReport[]>,
  { dialect, now }: { readonly dialect: Dialect; readonly now: Timestamp },
): Promise<ReadonlySet<number>> {
  const open: OpenInput[] = [];
  for (const slice of slices([...inventories.keys()], 1, dialect)) {
    const rows = await queries
      .selectFrom("inputs")
      .select(["id", "agent_number", "applied_revision"])
      .where("unsettled", "=", 1)
      .where("busy_until", "<=", now)
      .where("agent_number", "in", slice)
      .execute();
    open.push(...rows);
  }
  if (open.length === 0) return new Set();
  const revisions = await listOpenRevisions(queries, open, dialect);
  const settled = new Set<number>();
  const settlements = open.flatMap((input) => {
    const reports = inventories.get(input.agent_number) ?? [];
    const report = reports.find(({ id }) => id === input.id);
    const found = judge(input, { report, now, revisions: revisions.get(input.id) ?? [] });
    if (found.length > 0) settled.add(input.agent_number);
    return found;
  });
  await settleChanges(queries, settlements, { dialect });
  return settled;
}

async function listOpenRevisions(
  queries: Queries,
  inputs: readonly OpenInput[],
  dialect: Dialect,
): Promise<Map<string, OpenRevision[]>> {
  const found: OpenRevision[] = [];
  for (const slice of slices(inputs, 1, dialect)) {
    const rows = await queries
      .selectFrom("input_revisions")
      .select(["input_id", "revision", "kind", "digest", "created_at"])
      .where("outcome", "=", "unknown")
      .where(
        "input_id",
        "in",
        slice.map((input) => input.id),
      )
      .orderBy("revision", "desc")
      .execute();
    found.push(...rows);
  }
  return Map.groupBy(found, (revision) => revision.input_id);
}

function judge(
  input: OpenInput,
  seen: { report: InputReport | undefined; now: Timestamp; revisions: readonly OpenRevision[] },
): Settlement[] {
  const open = seen.revisions.filter(({ revision }) => revision > (input.applied_revision ?? 0));
  const settlements: Settlement[] = [];
  for (const candidate of open) {
    const about = { inputId: input.id, revision: candidate.revision };
    if (isSeen(candidate, seen.report, input.applied_revision === null)) {
      settlements.push({ ...about, outcome: "applied", reason: null });
      break; // older ones were overtaken
    }
    if (candidate.created_at + DOUBT_MS <= seen.now) {
      const reason = "the answer was lost, and the agent does not have it";
      settlements.push({ ...about, outcome: "refused", reason });
    }
  }
  return settlements;
}

function isSeen(revision: OpenRevision, report: InputReport | undefined, isFirst: boolean): boolean {
  switch (revision.kind) {
    case "removed":
      return report === undefined;
    case "enabled":
      return report !== undefined && report.status !== "disabled";
    case "disabled":
      return report?.status === "disabled";
    default:
      if (!report) return false;
      // agents of other protocols tell no digest; a file of that name is all there is to see
      return report.digest === null ? isFirst : report.digest === revision.digest;
  }
}
