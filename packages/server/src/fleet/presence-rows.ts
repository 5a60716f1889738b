import { sql } from "kysely";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { type AgentState, countConnections } from "./agent-state.ts";

const COLUMNS = 8;

/** Writes how these agents are. Only the process that holds an agent does; who has lost it to another one keeps quiet. */
export async function writePresence(
  queries: Queries,
  dialect: Dialect,
  states: readonly AgentState[],
  processId: string,
): Promise<void> {
  for (const state of states) state.dirty = false;
  const ours = states.filter((state) => state.elsewhere === null);
  for (const slice of slices(ours, COLUMNS, dialect)) {
    // both databases call the columns of VALUES column1, column2, …; the casts tell PostgreSQL their types
    const rows = slice.map(
      (state) =>
        sql`(cast(${state.number} as bigint), ${state.status}, ${state.statusReason}, cast(${state.statusAt} as bigint),
          cast(${state.lastSeenAt} as bigint), cast(${state.clockSkewMs} as bigint), cast(${countConnections(state)} as integer),
          ${state.sessions.length > 0 ? processId : null})`,
    );
    await sql`
      update agents set status = told.column2, status_reason = told.column3, status_at = told.column4,
        last_seen_at = told.column5, clock_skew_ms = told.column6, connections = told.column7, holder = told.column8
      from (values ${sql.join(rows)}) as told
      where agents.number = told.column1
        and (told.column8 is not null or agents.holder is null or agents.holder = ${processId})
    `.execute(queries);
  }
}
