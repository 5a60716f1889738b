import { type Clock, MusterError, toIso } from "@muster/core";
import type { RecordItem, RecordListQuery } from "@muster/core/resources";
import { type SelectQueryBuilder, type SqlBool, sql } from "kysely";
import type { Schema } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { readContent } from "./record-content.ts";

/** Rows that one query looks into for a text. */
const CHUNK_ROWS = 5_000;
/** Rows that one answer looks into at most: a page is then shorter than asked for, and its cursor goes on. */
const MAX_SCANNED = 100_000;
/** A transaction that began earlier may still commit lower numbers, so what follows a shared database stays behind it. */
const SETTLED_MS = 2_000;

interface ReaderParts {
  readonly store: Store;
  readonly clock: Clock;
}

interface FoundRow {
  readonly number: number;
  readonly category: string;
  readonly at: number;
  readonly sub_ns: number;
  readonly received_at: number;
  readonly measurement: string;
  readonly status: string | null;
  readonly message: string;
  readonly content: string;
  readonly agent_id: string;
  readonly agent_name: string;
  readonly given_name: string | null;
}

type RecordQuery = SelectQueryBuilder<Schema, "records" | "agents", object>;

/** Where a page ended: the time and number of the last row that was looked at. */
interface Place {
  readonly at: number;
  readonly number: number;
}

/**
 * Finds records. Times, agents and categories are found by index; texts and other words are looked for row by row, newest
 * first and never in more than MAX_SCANNED rows, so that no question holds up the database.
 */
export class RecordReader {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(parts: ReaderParts) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  async list(query: RecordListQuery): Promise<{ items: RecordItem[]; nextCursor: string | null; tailCursor: string }> {
    const agentNumber = query.agentId === undefined ? undefined : await this.#numberOf(query.agentId);
    const tail = await this.#newestNumber();
    if (query.latest) return { ...(await this.#listObjects(query, agentNumber)), tailCursor: String(tail) };
    if (query.after !== undefined) return this.#listAfter(query, agentNumber, tail);
    return { ...(await this.#listBackwards(query, agentNumber)), tailCursor: String(tail) };
  }

  async #listBackwards(query: RecordListQuery, agentNumber: number | undefined) {
    const items: RecordItem[] = [];
    let place = query.cursor === undefined ? undefined : readPlace(query.cursor);
    for (let scanned = 0; scanned < MAX_SCANNED; scanned += CHUNK_ROWS) {
      const chunk = this.#behind(this.#indexed(query, agentNumber), place);
      const order = (rows: RecordQuery) => rows.orderBy("records.at", "desc").orderBy("records.number", "desc");
      const end = await order(chunk)
        .select(["records.at", "records.number"])
        .offset(CHUNK_ROWS - 1)
        .limit(1)
        .executeTakeFirst();
      const inside = end ? this.#notBehind(chunk, end) : chunk;
      const wanted = query.limit - items.length;
      const rows = await this.#select(order(matching(inside, query)).limit(wanted + 1));
      for (const row of rows.slice(0, wanted)) items.push(toRecord(row));
      if (rows.length > wanted) return { items, nextCursor: writePlace(rows[wanted - 1] ?? end) };
      if (!end) return { items, nextCursor: null };
      place = end;
    }
    return { items, nextCursor: writePlace(place) };
  }

  async #listAfter(query: RecordListQuery, agentNumber: number | undefined, tail: number) {
    const after = readNumber(query.after ?? "");
    const end = Math.min(tail, after + MAX_SCANNED);
    const range = this.#indexed(query, agentNumber)
      .where("records.number", ">", after)
      .where("records.number", "<=", end);
    const rows = await this.#select(matching(range, query).orderBy("records.number").limit(query.limit));
    const last = rows.length === query.limit ? (rows.at(-1)?.number ?? end) : Math.max(after, end);
    return { items: rows.map(toRecord), nextCursor: null, tailCursor: String(last) };
  }

  async #listObjects(query: RecordListQuery, agentNumber: number | undefined) {
    const after = query.cursor === undefined ? undefined : readObjectPlace(query.cursor);
    let select = this.#store.db
      .selectFrom("record_objects")
      .innerJoin("agents", "agents.number", "record_objects.agent_number")
      .selectAll("record_objects")
      .select(["agents.id as agent_id", "agents.name as agent_name", "agents.given_name"]);
    if (agentNumber !== undefined) select = select.where("record_objects.agent_number", "=", agentNumber);
    if (query.category !== undefined) select = select.where("record_objects.category", "=", query.category);
    if (query.measurement !== undefined) select = select.where("record_objects.class", "=", query.measurement);
    if (query.status !== undefined) select = select.where("record_objects.status", "=", query.status.toLowerCase());
    if (query.from !== undefined) select = select.where("record_objects.at", ">=", Date.parse(query.from));
    if (query.to !== undefined) select = select.where("record_objects.at", "<", Date.parse(query.to));
    if (query.contains !== undefined) select = select.where(containsText("record_objects.message", query.contains));
    const key = sql`(record_objects.agent_number, record_objects.category, record_objects.class, record_objects.name)`;
    if (after) select = select.where(sql<SqlBool>`${key} > (${sql.join(after)})`);
    const rows = await select
      .orderBy("record_objects.agent_number")
      .orderBy("record_objects.category")
      .orderBy("record_objects.class")
      .orderBy("record_objects.name")
      .limit(query.limit)
      .execute();
    const items = rows.map((row) => toRecord({ ...row, number: 0, measurement: row.class }));
    const last = rows.length === query.limit ? rows.at(-1) : undefined;
    const place = last && JSON.stringify([last.agent_number, last.category, last.class, last.name]);
    return { items, nextCursor: place === undefined ? null : Buffer.from(place).toString("base64url") };
  }

  #indexed(query: RecordListQuery, agentNumber: number | undefined): RecordQuery {
    let rows: RecordQuery = this.#store.db
      .selectFrom("records")
      .innerJoin("agents", "agents.number", "records.agent_number");
    if (agentNumber !== undefined) rows = rows.where("records.agent_number", "=", agentNumber);
    if (query.category !== undefined) rows = rows.where("records.category", "=", query.category);
    if (query.from !== undefined) rows = rows.where("records.at", ">=", Date.parse(query.from));
    if (query.to !== undefined) rows = rows.where("records.at", "<", Date.parse(query.to));
    return rows;
  }

  #behind(rows: RecordQuery, place: Place | undefined): RecordQuery {
    if (!place) return rows;
    return rows.where(sql<SqlBool>`(records.at, records.number) < (${place.at}, ${place.number})`);
  }

  #notBehind(rows: RecordQuery, place: Place): RecordQuery {
    return rows.where(sql<SqlBool>`(records.at, records.number) >= (${place.at}, ${place.number})`);
  }

  #select(rows: RecordQuery): Promise<FoundRow[]> {
    return rows
      .select([
        "records.number",
        "records.category",
        "records.at",
        "records.sub_ns",
        "records.received_at",
        "records.measurement",
        "records.status",
        "records.message",
        "records.content",
        "agents.id as agent_id",
        "agents.name as agent_name",
        "agents.given_name",
      ])
      .execute();
  }

  async #numberOf(agentId: string): Promise<number> {
    const row = await this.#store.db.selectFrom("agents").select("number").where("id", "=", agentId).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    return row.number;
  }

  /** The number behind which nothing is missing any more. */
  async #newestNumber(): Promise<number> {
    let newest = this.#store.db.selectFrom("records").select("number").orderBy("number", "desc").limit(1);
    if (this.#store.dialect.shared) newest = newest.where("received_at", "<=", this.#clock.now() - SETTLED_MS);
    return (await newest.executeTakeFirst())?.number ?? 0;
  }
}

function matching(rows: RecordQuery, query: RecordListQuery): RecordQuery {
  let matched = rows;
  if (query.measurement !== undefined) matched = matched.where("records.measurement", "=", query.measurement);
  if (query.status !== undefined) matched = matched.where("records.status", "=", query.status.toLowerCase());
  if (query.contains !== undefined) matched = matched.where(containsText("records.message", query.contains));
  return matched;
}

/** Both databases fold the case of ASCII letters only, so that they find the same. */
function containsText(column: string, text: string) {
  const folded = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/[\\%_]/g, "\\$&");
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${`%${folded}%`} escape '\\'`;
}

function toRecord(row: FoundRow): RecordItem {
  return {
    id: String(row.number),
    category: row.category,
    agentId: row.agent_id,
    agentName: row.given_name ?? row.agent_name,
    at: toIso(row.at),
    timeNs: String(BigInt(row.at) * 1_000_000n + BigInt(row.sub_ns)),
    receivedAt: toIso(row.received_at),
    measurement: row.measurement,
    status: row.status,
    message: row.message,
    ...readContent(row.content),
  };
}

function writePlace(place: Place | undefined): string {
  return `${place?.at ?? 0}.${place?.number ?? 0}`;
}

function readPlace(cursor: string): Place {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(cursor);
  if (!match) throw new MusterError("invalid_argument", "the cursor is none of ours", { field: "cursor" });
  return { at: Number(match[1]), number: Number(match[2]) };
}

function readNumber(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor))
    throw new MusterError("invalid_argument", "the cursor is none of ours", { field: "after" });
  return Number(cursor);
}

function readObjectPlace(cursor: string): (string | number)[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(place) && place.length === 4 && typeof place[0] === "number" && place.slice(1).every(isText))
      return place;
  } catch {
    // told below
  }
  throw new MusterError("invalid_argument", "the cursor is none of ours", { field: "cursor" });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
