import type { Timestamp } from "@muster/core";
import { sql } from "kysely";
import { givenRows } from "../store/given-rows.ts";
import { type Dialect, type Queries, slices } from "../store/store.ts";
import { type AgentState, countConnections } from "./agent-state.ts";

const COLUMNS = {
  number: "bigint",
  status: "text",
  status_reason: "text",
  status_at: "bigint",
  last_seen_at: "bigint",
  clock_skew_ms: "bigint",
  connections: "integer",
  holder: "text",
  connected_at: "bigint",
  took_over_from: "text",
  elsewhere_at: "bigint",
} as const;

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
  for (const slice of slices([...ours.values()], Object.keys(COLUMNS).length, dialect)) {
    const rows = slice.map((state) => {
      const openedAt = state.sessions.at(-1)?.openedAt ?? null;
      const { number, status, statusReason, statusAt, lastSeenAt, clockSkewMs, tookOverFrom, elsewhereAt } = state;
      const holder = openedAt === null ? null : processId;
      const connections = countConnections(state);
      const said = [number, status, statusReason, statusAt, lastSeenAt, clockSkewMs, connections, holder, openedAt];
      return [...said, tookOverFrom, elsewhereAt];
    });
    const { rows: written } = await sql<{ number: number }>`
      update agents set status = given.status, status_reason = given.status_reason, status_at = given.status_at,
        last_seen_at = given.last_seen_at, clock_skew_ms = given.clock_skew_ms, connections = given.connections,
        holder = given.holder, connected_at = given.connected_at
      from ${givenRows(dialect, COLUMNS, rows)}
      where agents.number = given.number
        and (agents.holder is null or agents.holder = ${processId}
          or given.connected_at > coalesce(agents.connected_at, 0)
          or (given.connected_at = agents.connected_at and agents.holder < ${processId})
          or (given.holder is not null and agents.holder = given.took_over_from
            and agents.connected_at <= given.elsewhere_at))
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
