import { type AuditId, type Clock, newId, toIso } from "@muster/core";
import type { AuditEntry, Page } from "@muster/core/resources";
import type { Insertable } from "kysely";
import type { AuditTable } from "../store/access-tables.ts";
import { type Store, slices } from "../store/store.ts";
import { toPage } from "./access-secrets.ts";
import { Batcher } from "./batcher.ts";

/** One thing that was done or refused. `details` never holds a secret, a password or the value of a variable. */
export interface AuditRecord {
  /** A person's name, `token:…`, `enrollment:…`, `anonymous` or `server`. */
  readonly actor: string;
  readonly address: string | null;
  readonly action: string;
  readonly target?: string | null;
  readonly outcome: "ok" | "refused";
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface AuditQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
}

/** Refusals written per minute; more are counted, so that an attacker cannot fill the disk. */
const MAX_REFUSALS = 120;
const WINDOW_MS = 60_000;
const MAX_TEXT = 300;
const BATCH = 200;
const COLUMNS = 8;

/** The log of every change and every refusal. A change that cannot be logged is reported as an error. */
export class Audit {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #rows: Batcher<Insertable<AuditTable>, undefined>;
  #windowStart = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  #suppressed = 0;

  constructor(context: { readonly store: Store; readonly clock: Clock }) {
    this.#store = context.store;
    this.#clock = context.clock;
    this.#rows = new Batcher(BATCH, (rows) => this.#write(rows));
  }

  /** Stored when it resolves; what many requests record at once is stored together. */
  async record(record: AuditRecord): Promise<void> {
    if (record.outcome === "refused" && !(await this.#admitRefusal())) return;
    await this.#insert(record);
  }

  async list(query: AuditQuery): Promise<Page<AuditEntry>> {
    let select = this.#store.db.selectFrom("audit").selectAll().orderBy("id", "desc");
    if (query.cursor !== undefined) select = select.where("id", "<", query.cursor);
    if (query.actor !== undefined) select = select.where("actor", "=", query.actor);
    if (query.action !== undefined) select = select.where("action", "=", query.action);
    const rows = await select.limit(query.limit + 1).execute();
    return toPage(rows, query.limit, (row) => ({
      id: row.id,
      at: toIso(row.at),
      actor: row.actor,
      address: row.address,
      action: row.action,
      target: row.target,
      outcome: row.outcome === "ok" ? "ok" : "refused",
      details: JSON.parse(row.details) as Record<string, unknown>,
    }));
  }

  /** Forgets what is older; answers how many entries that were. */
  async prune(before: number): Promise<number> {
    const result = await this.#store.db.deleteFrom("audit").where("at", "<", before).executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  /** Resolves when everything recorded so far is stored. */
  settle(): Promise<void> {
    return this.#rows.settle();
  }

  async #admitRefusal(): Promise<boolean> {
    const now = this.#clock.monotonic();
    if (now - this.#windowStart >= WINDOW_MS) {
      const suppressed = this.#suppressed;
      this.#windowStart = now;
      this.#refusals = 0;
      this.#suppressed = 0;
      if (suppressed > 0) {
        const details = { suppressed };
        await this.#insert({ actor: "server", address: null, action: "audit.suppressed", outcome: "refused", details });
      }
    }
    this.#refusals += 1;
    if (this.#refusals <= MAX_REFUSALS) return true;
    this.#suppressed += 1;
    return false;
  }

  async #insert(record: AuditRecord): Promise<void> {
    const at = this.#clock.now();
    await this.#rows.add({
      id: newId<AuditId>(at),
      at,
      actor: cut(record.actor),
      address: record.address,
      action: record.action,
      target: record.target === undefined || record.target === null ? null : cut(record.target),
      outcome: record.outcome,
      details: JSON.stringify(record.details ?? {}),
    });
  }

  async #write(rows: readonly Insertable<AuditTable>[]): Promise<undefined[]> {
    const { db, dialect } = this.#store;
    const [first = [], ...others] = slices(rows, COLUMNS, dialect);
    // one statement is all or nothing by itself, and a lone entry is one
    if (others.length === 0) await db.insertInto("audit").values(first).execute();
    else
      await this.#store.transaction(async (queries) => {
        for (const slice of [first, ...others]) await queries.insertInto("audit").values(slice).execute();
      });
    return rows.map(() => undefined);
  }
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
