import type { RestAnswer } from "@muster/protocols/node";
import type { Identity } from "../../fleet/access.ts";
import type { Action } from "../../fleet/access-rules.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";
import type { NodeDoorParts } from "./parts.ts";

/** One request to a REST route, once it is known which route and who asks. */
export interface RestCall {
  readonly parts: NodeDoorParts;
  readonly request: PlainRequest;
  /** Decoded parts of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  /** Null where the operator opened the door and nobody proved who they are. */
  readonly identity: Identity | null;
}

/** A route of the seed. `handle` answers the `data` of a success; failures are thrown. */
export interface RestRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** `:name` stands for one part of the path. */
  readonly path: string;
  readonly action: Action;
  /** True for what runs commands: it needs a token even where the operator opened the door. */
  readonly alwaysToken?: true;
  /** Written to the audit log under this name. */
  readonly audited?: string;
  handle(call: RestCall): Promise<unknown>;
}

/** A failure in the seed's shape: HTTP 200 and `success: false`, unless its document names another status. */
export class RestFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(failure: { message: string; code: string; details?: unknown; status?: number }) {
    super(failure.message);
    this.status = failure.status ?? 200;
    this.code = failure.code;
    this.details = failure.details;
  }
}

/** A query parameter of the wrong type: the original's framework answers 400 with text. */
export class BadQuery extends Error {}

export function jsonAnswer(status: number, answer: RestAnswer): PlainResponse {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: JSON.stringify(answer),
  };
}

/** `limit` and `offset`. What is negative or huge is brought into range, what is no integer is refused. */
export function readPage(query: URLSearchParams, defaultLimit: number): { limit: number; offset: number } {
  const limit = readInteger(query, "limit") ?? defaultLimit;
  const offset = readInteger(query, "offset") ?? 0;
  // the original hands a negative limit to SQLite, where it means "all"
  return {
    limit: limit < 0 ? MAX_LIMIT : Math.min(limit, MAX_LIMIT),
    offset: Math.max(0, Math.min(offset, MAX_OFFSET)),
  };
}

const MAX_LIMIT = 1000;
const MAX_OFFSET = 1_000_000;

function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^[+-]?\d{1,19}$/.test(text)) throw new BadQuery(`${name}: expected an integer`);
  return Number(text);
}
