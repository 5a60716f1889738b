import { hasCode } from "@muster/core";
import type { Principal } from "@muster/core/resources";
import type { Action } from "@muster/protocols/configserver";
import { authorize, type Action as Right } from "../../fleet/access-rules.ts";
import type { PlainRequest } from "../../listeners/door.ts";
import type { ConfigServerParts } from "./parts.ts";

/** Somebody who may, or why not. */
export type Admitted =
  | { readonly actor: string; note(isOk: boolean): Promise<void> }
  | { readonly refusal: { readonly status: 401 | 403; readonly message: string } };

const MAX_TOKEN = 500;

/**
 * A user with a token may what the token may. One without may everything from an address that the operator trusts with that:
 * the originals know no tokens.
 */
export async function admitCaller(parts: ConfigServerParts, request: PlainRequest, action: Action): Promise<Admitted> {
  const right = rightFor(action.name);
  const { authorization } = request.headers;
  if (authorization === undefined && parts.trustsUsersAt(request.remoteAddress))
    return noted(parts, request, { action, right, actor: PEER });
  const token = /^Bearer +(\S+)$/i.exec(typeof authorization === "string" ? authorization : "")?.[1];
  const identity = token && token.length <= MAX_TOKEN ? await parts.access.authenticate({ bearer: token }) : undefined;
  if (!identity) return { refusal: { status: 401, message: "send an API token" } };
  try {
    const actor = nameOf(authorize(identity.principal, right));
    return noted(parts, request, { action, right, actor });
  } catch (error) {
    if (!hasCode(error, "permission_denied")) throw error;
    const actor = nameOf(identity.principal);
    await record(parts, request, { action, right, actor, isOk: false });
    return { refusal: { status: 403, message: error.message } };
  }
}

/** For the audit log: whoever the address belongs to. */
const PEER = "configserver:user";

function noted(
  parts: ConfigServerParts,
  request: PlainRequest,
  { action, right, actor }: { action: Action; right: Right; actor: string },
): Admitted {
  const isWrite = right.endsWith(".write");
  return {
    actor,
    note: async (isOk) => {
      if (isWrite) await record(parts, request, { action, right, actor, isOk });
    },
  };
}

function record(
  parts: ConfigServerParts,
  request: PlainRequest,
  { action, right, actor, isOk }: { action: Action; right: Right; actor: string; isOk: boolean },
): Promise<void> {
  return parts.access.audit.record({
    actor,
    address: request.remoteAddress,
    action: right,
    target: null,
    outcome: isOk ? "ok" : "refused",
    details: { call: action.name },
  });
}

/** Reading and writing groups, configs, and who has what. */
function rightFor(name: string): Right {
  const isRead = /^(Get|List)/.test(name);
  if (name === "ListAgents") return "agents.read";
  if (/^(Create|Update|Delete|Get|List)AgentGroups?$/.test(name)) return isRead ? "groups.read" : "groups.write";
  return isRead ? "configs.read" : "configs.write";
}

function nameOf(principal: Principal): string {
  return principal.kind === "user" ? principal.name : `${principal.kind}:${principal.name}`;
}
