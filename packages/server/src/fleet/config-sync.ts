import type { CancelTimer, Clock } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { Store } from "../store/store.ts";
import {
  type Catalog,
  type CatalogChange,
  type PlannedGroup,
  type Revision,
  readTexts,
  toPlannedConfig,
} from "./config-catalog.ts";
import { readEpoch } from "./config-epoch.ts";
import { toPlannedGroups } from "./group-rows.ts";

const SWEEP_MS = 1000;
/** Whoever changes all the time must not keep others from reading at all. */
const MAX_READS = 5;

interface SyncParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly catalog: Catalog;
  /** Secrets as they are now. */
  readonly readSecrets: () => Promise<ReadonlyMap<string, string>>;
  /** Revisions whose texts are needed beside those that groups have. */
  readonly needed: () => Iterable<Revision>;
  /** The catalog is another one; `sinceEpoch` null when this process made the change itself. */
  readonly onChanged: (sinceEpoch: number | null) => Promise<void>;
  readonly onHint: (agents: readonly number[]) => void;
}

/**
 * Keeps the catalog of this process at what the database says. Its own changes it takes over at once; of those that other
 * processes make it learns by a hint, or by the epoch, which it reads each second.
 */
export class ConfigSync {
  readonly #parts: SyncParts;
  #epoch = -1;
  #reading: Promise<void> = Promise.resolve();
  #stop: CancelTimer | undefined;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    parts.bus.on("configs", ({ epoch, agents }) => {
      if (epoch > this.#epoch) void this.reload().catch(() => {}); // the store is away: with the next sweep
      parts.onHint(agents);
    });
  }

  async start(): Promise<void> {
    await this.reload();
    if (!this.#parts.store.dialect.shared) return; // nobody else changes anything
    this.#stop = this.#parts.clock.every(SWEEP_MS, () => void this.#sweep());
  }

  stop(): void {
    this.#stop?.();
  }

  /** Takes over a change that was stored with this epoch. The plan follows it when this resolves. */
  async commit(epoch: number, changes: readonly CatalogChange[]): Promise<void> {
    if (epoch > this.#epoch) {
      if (epoch === this.#epoch + 1) {
        this.#epoch = epoch;
        for (const change of changes) this.#parts.catalog.apply(change);
        await this.#parts.onChanged(null);
      } else await this.reload();
    }
    this.hint([]);
  }

  /** Tells the others; `agents` are those of which they have to read again what failed. */
  hint(agents: readonly number[]): void {
    this.#parts.bus.publish("configs", { epoch: this.#epoch, agents: [...agents] });
  }

  reload(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#read());
    return this.#reading;
  }

  /** Texts that the plan needs and has not read. */
  async ensureTexts(revisions: Iterable<Revision>): Promise<boolean> {
    const missing = this.#parts.catalog.missingTexts(revisions);
    if (missing.length === 0) return false;
    for (const text of await readTexts(this.#parts.store, missing)) this.#parts.catalog.apply({ kind: "text", text });
    return true;
  }

  async #sweep(): Promise<void> {
    try {
      if ((await readEpoch(this.#parts.store.db)) > this.#epoch) await this.reload();
    } catch {
      // the store is away: with the next sweep
    }
  }

  async #read(): Promise<void> {
    const { store, catalog } = this.#parts;
    const before = this.#epoch;
    for (let attempt = 1; ; attempt++) {
      const epoch = await readEpoch(store.db);
      const rows = await this.#readRows();
      const isWhole = (await readEpoch(store.db)) === epoch;
      if (!isWhole && attempt < MAX_READS) continue;
      if (epoch < this.#epoch) return; // a change of our own overtook this
      const configs = new Map(rows.configs.map((config) => [config.id, config]));
      const assigned = rows.assignments.map((row) => ({ configId: row.config_id, revision: row.revision }));
      const missing = catalog.missingTexts([...assigned, ...this.#parts.needed()], configs);
      const texts = await readTexts(store, missing);
      if (epoch < this.#epoch) return;
      catalog.replace(rows);
      for (const text of texts) catalog.apply({ kind: "text", text });
      catalog.forgetTexts(this.#parts.needed());
      this.#epoch = epoch;
      break;
    }
    await this.#parts.onChanged(before);
  }

  async #readRows() {
    const { db } = this.#parts.store;
    const configs = await db.selectFrom("configs").selectAll().where("deleted_at", "is", null).execute();
    const assignments = await db
      .selectFrom("config_assignments")
      .select(["config_id", "group_id", "revision"])
      .execute();
    const groups = await db.selectFrom("groups").selectAll().execute();
    const members = await db.selectFrom("group_members").selectAll().execute();
    const planned: PlannedGroup[] = toPlannedGroups(groups, members);
    return {
      configs: configs.map(toPlannedConfig),
      assignments,
      groups: planned,
      secrets: await this.#parts.readSecrets(),
    };
  }
}
