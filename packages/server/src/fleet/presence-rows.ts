import type { Timestamp } from "@muster/core";
import { sql } from "kysely";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { type AgentState, countConnections } from "./agent-state.ts";

const COLUMNS = 11;

/** An agent of which another process holds a newer connection, as its row says. */
export interface Overruled {
  readonly state: AgentState;
  readonly holder: string;
  readonly connectedAt: Timestamp;
}

/**
 * Writes how these agents are. Only the process that holds an agent does; who has lost it to another one keeps quiet. A row
 * that tells of a newer connection elsewhere is left as it is, and answered.
 */
export async function writePresence(
  queries: Queries,
  dialect: Dialect,
  states: readonly AgentState[],
  processId: string,
): Promise<Overruled[]> {
  for (const state of states) state.dirty = false;
  const ours = new Map(states.filter((state) => state.elsewhere === null).map((state) => [state.number, state]));
  for (const slice of slices([...ours.values()], COLUMNS, dialect)) {
    // both databases call the columns of VALUES column1, column2, …; the casts tell PostgreSQL their types
    const rows = slice.map((state) => {
      const openedAt = state.sessions.at(-1)?.openedAt ?? null;
      return sql`(cast(${state.number} as bigint), ${state.status}, ${state.statusReason}, cast(${state.statusAt} as bigint),
          cast(${state.lastSeenAt} as bigint), cast(${state.clockSkewMs} as bigint), cast(${countConnections(state)} as integer),
          ${openedAt === null ? null : processId}, cast(${openedAt} as bigint),
          ${state.tookOverFrom}, cast(${state.elsewhereAt} as bigint))`;
    });
    const { rows: written } = await sql<{ number: number }>`
      update agents set status = told.column2, status_reason = told.column3, status_at = told.column4,
        last_seen_at = told.column5, clock_skew_ms = told.column6, connections = told.column7, holder = told.column8,
        connected_at = told.column9
      from (values ${sql.join(rows)}) as told
      where agents.number = told.column1
        and (agents.holder is null or agents.holder = ${processId}
          or told.column9 > coalesce(agents.connected_at, 0)
          or (told.column9 = agents.connected_at and agents.holder < ${processId})
          or (told.column8 is not null and agents.holder = told.column10 and agents.connected_at <= told.column11))
      returning agents.number
    `.execute(queries);
    for (const { number } of written) ours.delete(number);
  }
  const unwritten = [...ours.values()].filter((state) => state.sessions.length > 0).map((state) => state.number);
  const holders = await readHolders(queries, dialect, unwritten);
  return holders.flatMap(({ number, holder, connectedAt }) => {
    const state = ours.get(number);
    return state && holder !== null ? [{ state, holder, connectedAt }] : [];
  });
}

/** Writes that we hold these agents no more, unless somebody else does by now. */
export async function writeReleased(
  queries: Queries,
  dialect: Dialect,
  states: readonly AgentState[],
  by: { readonly processId: string; readonly now: Timestamp },
): Promise<void> {
  const numbers = states.map((state) => state.number);
  for (const slice of slices(numbers, 1, dialect)) {
    await queries
      .updateTable("agents")
      .set({
        status: "offline",
        status_reason: "its connection ended",
        status_at: by.now,
        holder: null,
        connections: 0,
      })
      .where("number", "in", slice)
      .where("holder", "=", by.processId)
      .execute();
  }
}

/** Who holds these agents, by what is stored. */
export async function readHolders(queries: Queries, dialect: Dialect, numbers: readonly number[]) {
  const rows: { number: number; holder: string | null; connectedAt: Timestamp }[] = [];
  for (const slice of slices(numbers, 1, dialect)) {
    const found = await queries
      .selectFrom("agents")
      .select(["number", "holder", "connected_at"])
      .where("number", "in", slice)
      .execute();
    for (const row of found) rows.push({ number: row.number, holder: row.holder, connectedAt: row.connected_at ?? 0 });
  }
  return rows;
}
