import { createHash } from "node:crypto";
import { type Clock, type Timestamp, toIso } from "@muster/core";
import type { AvailableInput, Input, InputInventory, InputReport } from "@muster/core/resources";
import { type Queries, type Store, slices } from "../store/store.ts";
import { type AgentState, fingerprint } from "./agent-state.ts";
import { Batcher } from "./batcher.ts";
import type { Feed } from "./feed.ts";
import { repairInputs } from "./input-repair.ts";

interface InventoriesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: Feed;
}

interface Told {
  readonly agent: AgentState;
  readonly inventory: InputInventory;
}

/** What an agent said last, and when. */
export interface KnownInventory extends InputInventory {
  readonly reportedAt: Timestamp;
}

/** A row of `inputs`, as far as lists show it. */
interface InputRow {
  readonly id: string;
  readonly input: string;
  readonly input_type: string;
  readonly digest: string | null;
  readonly revision: number;
  readonly updated_at: number;
  readonly updated_by: string;
}

const BATCH = 200;
/** Catalogues kept in memory: one per version of agents. */
const MAX_CATALOGS = 100;

/** What agents say of their inputs: the newest inventory of each is stored, in batches, and settles lost answers. */
export class Inventories {
  readonly #parts: InventoriesParts;
  readonly #told: Batcher<Told, boolean>;
  /** Of what each agent said last, so that nobody is told of what is as it was. */
  readonly #prints = new WeakMap<AgentState, number>();
  readonly #catalogs = new Map<string, AvailableInput[]>();

  constructor(parts: InventoriesParts) {
    this.#parts = parts;
    this.#told = new Batcher(BATCH, (told) => this.#write(told));
  }

  /** Stored when it resolves. Watchers hear of it when it says something new, which counts of points are not. */
  async accept(agent: AgentState, inventory: InputInventory): Promise<void> {
    const settles = await this.#told.add({ agent, inventory });
    const print = printOf(inventory);
    if (!settles && this.#prints.get(agent) === print) return;
    this.#prints.set(agent, print);
    this.#parts.feed.publish({ kind: "inputs", agentId: agent.id });
  }

  async find(agentNumber: number): Promise<KnownInventory | undefined> {
    const row = await this.#parts.store.db
      .selectFrom("inventories")
      .select(["reported_at", "catalog", "inputs"])
      .where("agent_number", "=", agentNumber)
      .executeTakeFirst();
    if (!row) return undefined;
    const inputs = JSON.parse(row.inputs) as InputReport[];
    return { available: await this.#catalog(row.catalog), inputs, reportedAt: row.reported_at };
  }

  /** Every input of an agent: what it reports beside what it was given from here. */
  async list(agent: { readonly id: string; readonly number: number }): Promise<Input[]> {
    const inventory = await this.find(agent.number);
    const rows = await this.#parts.store.db
      .selectFrom("inputs")
      .select(["id", "input", "input_type", "digest", "revision", "updated_at", "updated_by"])
      .where("agent_number", "=", agent.number)
      .where("removed", "=", 0)
      .orderBy("id")
      .execute();
    const byId = new Map(rows.map((row) => [row.id, row]));
    const reports = inventory?.inputs ?? [];
    const reported = new Set(reports.map((report) => report.id));
    const missing = rows.filter((row) => row.digest !== null && !reported.has(row.id));
    return [
      ...reports.map((report) => toInput(agent.id, report, byId.get(report.id))),
      ...missing.map((row) => toMissing(agent.id, row, inventory?.reportedAt ?? 0)),
    ];
  }

  /** Forgets catalogues that no agent has any more. */
  async prune(): Promise<void> {
    await this.#parts.store.db
      .deleteFrom("input_catalogs")
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("inventories")
              .select("agent_number")
              .whereRef("inventories.catalog", "=", "input_catalogs.digest"),
          ),
        ),
      )
      .execute();
  }

  settle(): Promise<void> {
    return this.#told.settle();
  }

  async #catalog(digest: string): Promise<AvailableInput[]> {
    const known = this.#catalogs.get(digest);
    if (known) return known;
    const row = await this.#parts.store.db
      .selectFrom("input_catalogs")
      .select("available")
      .where("digest", "=", digest)
      .executeTakeFirst();
    const available = JSON.parse(row?.available ?? "[]") as AvailableInput[];
    if (this.#catalogs.size >= MAX_CATALOGS) this.#catalogs.clear();
    this.#catalogs.set(digest, available);
    return available;
  }

  /** Answers for each whether it settled a change whose answer was lost. Rows in order, so that processes do not wait in a circle. */
  async #write(told: readonly Told[]): Promise<boolean[]> {
    const { store, clock } = this.#parts;
    const newest = new Map(told.map(({ agent, inventory }) => [agent.number, inventory]));
    const rows = [...newest]
      .sort(([left], [right]) => left - right)
      .map(([number, inventory]) => {
        const available = JSON.stringify(inventory.available);
        return { number, available, catalog: hash(available), inputs: inventory.inputs };
      });
    const now = clock.now();
    const settled = await store.transaction(async (queries) => {
      const catalogs = new Map(rows.map(({ catalog, available }) => [catalog, available]));
      await writeCatalogs(queries, catalogs);
      for (const slice of slices(rows, 4, store.dialect)) {
        const values = slice.map(({ number, catalog, inputs }) => ({
          agent_number: number,
          reported_at: now,
          catalog,
          inputs: JSON.stringify(inputs),
        }));
        await queries
          .insertInto("inventories")
          .values(values)
          .onConflict((conflict) =>
            conflict.column("agent_number").doUpdateSet(({ ref }) => ({
              reported_at: ref("excluded.reported_at"),
              catalog: ref("excluded.catalog"),
              inputs: ref("excluded.inputs"),
            })),
          )
          .execute();
      }
      const reports = new Map(rows.map(({ number, inputs }) => [number, inputs]));
      return repairInputs(queries, reports, { dialect: store.dialect, now });
    });
    return told.map(({ agent }) => settled.has(agent.number));
  }
}

async function writeCatalogs(queries: Queries, catalogs: ReadonlyMap<string, string>): Promise<void> {
  for (const [digest, available] of [...catalogs].sort()) {
    await queries
      .insertInto("input_catalogs")
      .values({ digest, available })
      .onConflict((conflict) => conflict.column("digest").doNothing())
      .execute();
  }
}

function printOf({ available, inputs }: InputInventory): number {
  return fingerprint(
    JSON.stringify([available, inputs.map((report) => ({ ...report, points: 0, lastPointAt: null }))]),
  );
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** What the agent reports beside what it was given from here. */
export function toInput(
  agentId: string,
  report: InputReport,
  row: Pick<InputRow, "digest" | "revision" | "updated_at" | "updated_by"> | undefined,
): Input {
  // a file whose newest text failed runs an older one, and says so itself
  const compared = report.managed && report.status !== "fallback" && report.digest !== null;
  return {
    ...report,
    agentId,
    revision: row?.revision ?? null,
    updatedAt: row ? toIso(row.updated_at) : null,
    updatedBy: row?.updated_by ?? null,
    drifted: compared && row !== undefined && row.digest !== null && row.digest !== report.digest,
  };
}

/** Given from here, and not in the inventory: the host has not said so yet, or somebody removed the file. */
function toMissing(agentId: string, row: InputRow, reportedAt: Timestamp): Input {
  const isLost = reportedAt > row.updated_at;
  return {
    id: row.id,
    inputs: [row.input],
    inputType: row.input_type,
    managed: true,
    status: "pending",
    error: isLost ? "the file is no longer on the host" : null,
    file: `${row.id}.conf`,
    digest: null,
    points: 0,
    lastPointAt: null,
    agentId,
    revision: row.revision,
    updatedAt: toIso(row.updated_at),
    updatedBy: row.updated_by,
    drifted: isLost,
  };
}
