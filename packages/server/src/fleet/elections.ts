import type { Clock } from "@muster/core";
import type { Store } from "../store/store.ts";

/** Whether a candidate does what only one of its namespace may do, and who does it otherwise. */
export interface Election {
  readonly isElected: boolean;
  readonly holder: string;
}

/** A holder that has not come back for so long is no holder any more: several of the intervals in which it should. */
const LEASE_MS = 20_000;

/** Lets one of several agents be the one, per namespace. The lease is in the database, so it is one for all our processes. */
export class Elections {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(parts: { store: Store; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Takes or renews the lease when nobody else has it. Agents of another realm elect for themselves. */
  async stand(place: { realm: string; namespace: string }, candidate: string): Promise<Election> {
    const now = this.#clock.now();
    const { db } = this.#store;
    await db
      .insertInto("elections")
      .values({ ...place, holder: candidate, until: now + LEASE_MS })
      .onConflict((conflict) =>
        conflict
          .columns(["realm", "namespace"])
          .doUpdateSet((update) => ({ holder: update.ref("excluded.holder"), until: update.ref("excluded.until") }))
          .where((where) => where.or([where("elections.until", "<", now), where("elections.holder", "=", candidate)])),
      )
      .execute();
    const row = await db
      .selectFrom("elections")
      .select("holder")
      .where("realm", "=", place.realm)
      .where("namespace", "=", place.namespace)
      .executeTakeFirst();
    const holder = row?.holder ?? candidate;
    return { isElected: holder === candidate, holder };
  }
}
