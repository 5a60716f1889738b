import {
  type ConnectionQuery,
  type DatawayError,
  type DatawayErrorCode,
  parseConnectionQuery,
} from "@muster/protocols/dataway";
import type { AgentFacts } from "../../fleet/session.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";
import type { DatakitVisit } from "./datakit-connection.ts";
import type { LiveDatakits } from "./live-datakits.ts";
import { type DatawayParts, DOOR_LIMITS } from "./parts.ts";
import { readCredential } from "./web.ts";
import { describeFailure, WebFailure } from "./web-failures.ts";

/** What no token has ever looked like is not worth a question to the backend. */
const TOKEN = /^[A-Za-z0-9_.~-]{4,500}$/;

/**
 * Decides about a DataKit before its socket is opened. 401 without a token, 403 with one that is not good or where another
 * one's DataKit is connected under the same id, 503 while nobody can say.
 */
export async function admitDatakit(
  parts: DatawayParts,
  live: LiveDatakits,
  request: PlainRequest,
): Promise<{ readonly visit: DatakitVisit } | { readonly failure: DatawayError }> {
  const told = parseConnectionQuery(request.rawQuery ?? request.query.toString());
  const token = told.token ?? readCredential(request);
  if (token === undefined || token === "") return refuse("dataway.tokenMissing", "a token is needed");
  if (token.length > DOOR_LIMITS.tokenLength || !TOKEN.test(token))
    return refuse("dataway.tokenRefused", "this is no token");
  const verdict = await parts.tokens.check(token);
  if (verdict.kind === "bad") return refuse("dataway.tokenRefused", "the token is not valid");
  if (verdict.kind === "unknown") return refuse("dataway.backendUnavailable", "the token cannot be checked now");
  const { id, heartbeatMs } = told;
  if (id !== undefined && id.length > DOOR_LIMITS.idLength) return refuse("dataway.badRequest", "the id is too long");
  if (id !== undefined && live.isTaken(id, token)) return refuse("dataway.idTaken", "another token has this id");
  const { remoteAddress } = request;
  return {
    visit: { id, token, tokenId: verdict.tokenId, facts: factsOf(told, remoteAddress), heartbeatMs, remoteAddress },
  };
}

function factsOf({ hostname, ip, os, arch, version }: ConnectionQuery, remoteAddress: string): AgentFacts {
  return {
    addresses: [ip ?? remoteAddress],
    ...(hostname === undefined ? {} : { hostname }),
    ...(os === undefined ? {} : { os }),
    ...(arch === undefined ? {} : { arch }),
    ...(version === undefined ? {} : { version }),
  };
}

export function refuseDatakit(failure: DatawayError): PlainResponse {
  const retry = failure.status === 503 ? { "retry-after": "5" } : {};
  const headers = { "content-type": "application/json; charset=utf-8", ...retry };
  return { status: failure.status, headers, body: JSON.stringify(failure) };
}

function refuse(code: DatawayErrorCode, message: string): { readonly failure: DatawayError } {
  return { failure: describeFailure(new WebFailure(code, message)).failure };
}
