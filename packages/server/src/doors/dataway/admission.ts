import type { TokenId } from "@muster/core";
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
import { type DatawayParts, isUsableId } from "./parts.ts";
import { readCredential } from "./web.ts";
import { describeFailure, WebFailure } from "./web-failures.ts";

interface Refusal {
  readonly failure: DatawayError;
}

/**
 * Decides about a DataKit before its socket is opened. 401 without a token, 403 with one that is not good or where another
 * one's DataKit is connected under the same id, 503 while nobody can say.
 */
export async function admitDatakit(
  parts: DatawayParts,
  live: LiveDatakits,
  request: PlainRequest,
): Promise<{ readonly visit: DatakitVisit } | Refusal> {
  const told = parseConnectionQuery(request.rawQuery ?? request.query.toString());
  const { id, heartbeatMs } = told;
  if (id !== undefined && !isUsableId(id)) return refuse("dataway.badRequest", "the id is no id");
  const token = told.token ?? readCredential(request) ?? "";
  const tokenId = await checkToken(parts, token);
  if (typeof tokenId === "object" && tokenId !== null) return tokenId;
  if (id !== undefined && live.isTaken(id, token)) return refuse("dataway.idTaken", "another token has this id");
  const { remoteAddress } = request;
  return { visit: { id, token, tokenId, facts: factsOf(told, remoteAddress), heartbeatMs, remoteAddress } };
}

/** The token's id; null where it is none of ours, or none is needed. */
async function checkToken(parts: DatawayParts, token: string): Promise<TokenId | null | Refusal> {
  if (token === "" && parts.isOpen === true) return null;
  if (token === "") return refuse("dataway.tokenMissing", "a token is needed");
  const verdict = await parts.tokens.check(token);
  if (verdict.kind === "good") return verdict.tokenId;
  if (verdict.kind === "bad") return refuse("dataway.tokenRefused", "the token is not valid");
  return refuse("dataway.backendUnavailable", "the token cannot be checked now");
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

function refuse(code: DatawayErrorCode, message: string): Refusal {
  return { failure: describeFailure(new WebFailure(code, message)).failure };
}
