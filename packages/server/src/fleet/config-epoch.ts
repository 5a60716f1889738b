import { sql } from "kysely";
import type { Queries } from "../store/store.ts";

/**
 * Counts every change of what agents should have. The first statement of its transaction: of two changes one waits for the
 * other, so that they are stored in the order of their numbers, and what one has read the other does not change.
 */
export async function nextEpoch(queries: Queries): Promise<number> {
  const row = await queries
    .insertInto("config_epoch")
    .values({ id: 1, epoch: 1 })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ epoch: sql<number>`config_epoch.epoch + 1` }))
    .returning("epoch")
    .executeTakeFirstOrThrow();
  return row.epoch;
}

export async function readEpoch(queries: Queries): Promise<number> {
  const row = await queries.selectFrom("config_epoch").select("epoch").where("id", "=", 1).executeTakeFirst();
  return row?.epoch ?? 0;
}
