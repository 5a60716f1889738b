import type { InputReport } from "@muster/core/resources";
import type { Queries, Store } from "../store/store.ts";
import { duplicateInput, inputNotFound, unmanagedInput } from "./input-failures.ts";
import type { KnownInventory } from "./input-inventories.ts";

/** An input that may be changed from here, as far as a change has to know it. */
export interface ManagedInput {
  readonly inputId: string;
  readonly agentNumber: number;
  readonly input: string;
  readonly inputType: string;
  readonly digest: string | null;
  readonly toml: null;
  readonly isNew: false;
}

interface Context {
  readonly store: Store;
  readonly now: number;
  readonly agentNumber: number;
  readonly inventory: KnownInventory | undefined;
}

/**
 * The inputs of these ids, in their order. What the agent has and we do not is taken over: it came from a server before
 * us, or through another gateway. Throws for files that were not made from here, and for what is not there.
 */
export async function manageInputs(
  inputIds: readonly string[],
  context: Context & { readonly by: string },
): Promise<ManagedInput[]> {
  const { store, agentNumber, inventory } = context;
  const reports = new Map((inventory?.inputs ?? []).map((report) => [report.id, report]));
  for (const id of inputIds) if (reports.get(id)?.managed === false) throw unmanagedInput(id);
  let known = await findInputs(store.db, agentNumber, inputIds);
  const strangers: InputReport[] = [];
  for (const id of inputIds) {
    if (known.has(id)) continue;
    const report = reports.get(id);
    if (!report) throw inputNotFound(id);
    strangers.push(report);
  }
  if (strangers.length > 0) {
    await store.transaction((queries) => adoptInputs(queries, strangers, context));
    known = await findInputs(store.db, agentNumber, inputIds);
  }
  return inputIds.map((id) => {
    const found = known.get(id);
    if (!found) throw inputNotFound(id);
    return found;
  });
}

async function findInputs(
  db: Queries,
  agentNumber: number,
  inputIds: readonly string[],
): Promise<Map<string, ManagedInput>> {
  const rows = await db
    .selectFrom("inputs")
    .select(["id", "input", "input_type", "digest"])
    .where("agent_number", "=", agentNumber)
    .where("removed", "=", 0)
    .where("id", "in", [...inputIds])
    .execute();
  return new Map(
    rows.map(({ id, input, input_type, digest }) => [
      id,
      { inputId: id, agentNumber, input, inputType: input_type, digest, toml: null, isNew: false },
    ]),
  );
}

async function adoptInputs(
  queries: Queries,
  reports: readonly InputReport[],
  { agentNumber, by, now }: Context & { readonly by: string },
): Promise<void> {
  for (const report of reports) {
    const input = report.inputs[0] ?? "";
    await queries
      .insertInto("inputs")
      .values({
        id: report.id,
        agent_number: agentNumber,
        input,
        input_type: report.inputType,
        digest: report.digest,
        revision: 0,
        removed: 0,
        busy_until: 0,
        unsettled: 0,
        updated_at: now,
        updated_by: by,
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
    if (report.digest === null) continue;
    await queries
      .insertInto("input_digests")
      .values({ agent_number: agentNumber, input, digest: report.digest, input_id: report.id })
      .onConflict((conflict) => conflict.columns(["agent_number", "input", "digest"]).doNothing())
      .execute();
  }
}

/** Files that were not given from here reserve nothing, and measure the same all the same. */
export async function refuseReportedDuplicate(
  { store, agentNumber, inventory }: Context,
  wanted: { readonly input: string; readonly digest: string; readonly inputId?: string },
): Promise<void> {
  const same = (inventory?.inputs ?? []).filter(
    ({ id, digest, inputs }) => digest === wanted.digest && inputs.includes(wanted.input) && id !== wanted.inputId,
  );
  if (same.length === 0) return;
  // of ours the reservations tell, which are newer than any inventory
  const ours = await findInputs(
    store.db,
    agentNumber,
    same.map(({ id }) => id),
  );
  const foreign = same.find(({ id }) => !ours.has(id));
  if (foreign) throw duplicateInput(foreign.id);
}
