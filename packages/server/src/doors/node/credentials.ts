import { hasCode, newMessageId } from "@muster/core";
import type { Principal } from "@muster/core/resources";
import { CODE_MESSAGES, encodeCoreFrame, type NodeErrorCode, WORDS } from "@muster/protocols/node";
import { type Action, authorize } from "../../fleet/access-rules.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";

/** The token of a request: our agent sends it in a header, where no log of addresses shows it, the original in the query. */
export function readToken(request: PlainRequest): string | undefined {
  const header = request.headers.authorization;
  if (typeof header === "string") return /^Bearer +(\S+)$/i.exec(header)?.[1];
  const token = request.query.get("token");
  return token === null || token === "" ? undefined : token;
}

/** An error frame of the wire: also the body of a refused upgrade. */
export function encodeError(
  error: { readonly code: NodeErrorCode; readonly message?: string; readonly details: string; readonly id?: string },
  timestamp: string,
): string {
  return encodeCoreFrame({
    type: "error",
    id: error.id ?? newMessageId(),
    timestamp,
    data: { error_code: error.code, message: error.message ?? CODE_MESSAGES[error.code], details: error.details },
  });
}

/** What a bad or missing token is answered with, on every path. */
export function refuseToken(timestamp: string): PlainResponse {
  return {
    status: 401,
    headers: { "content-type": "application/json; charset=utf-8", "www-authenticate": "Bearer" },
    body: encodeError({ code: "INVALID_TOKEN", details: WORDS.tokenDetails }, timestamp),
  };
}

export function plainText(status: number, body: string): PlainResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** Asks the one table of rights. */
export function isAllowed(principal: Principal, action: Action): boolean {
  try {
    authorize(principal, action);
    return true;
  } catch (error) {
    if (hasCode(error, "permission_denied")) return false;
    throw error;
  }
}
