import { makeFailure } from "@muster/protocols/dataway";
import { z } from "zod";
import { authorize } from "../../fleet/access-rules.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";
import type { DatawayParts } from "./parts.ts";
import { nameOf, readCredential } from "./web.ts";
import { WEB_ROUTES } from "./web-routes.ts";

/** What a gateway behind this one asks of its backend, and tells it; its socket tells more than its reports. */
const PATHS: readonly string[] = ["/v1/check/auth", "/v1/datakit/online", "/v1/datakit/info"];

export function isBackendPath(path: string): boolean {
  return PATHS.includes(path);
}

const question = z.object({ token: z.string().min(1).max(500), action: z.string().max(100) });

/** Answers a gateway that has this one for its backend, and shows an enrolment token. Never throws for what it sends. */
export async function respondGateway(parts: DatawayParts, request: PlainRequest): Promise<PlainResponse> {
  if (request.method !== "POST") return refuse(405, "dataway.methodNotAllowed");
  const token = readCredential(request) ?? request.query.get("token") ?? "";
  const verdict = await parts.tokens.check(token);
  if (verdict.kind !== "good")
    return verdict.kind === "bad" ? refuse(403, "dataway.tokenRefused") : refuse(503, "dataway.backendUnavailable");
  if (request.path !== "/v1/check/auth") return json(200, { code: 200, content: null });
  const asked = question.safeParse(parseJson(request.body));
  if (!asked.success) return refuse(400, "dataway.badRequest");
  const { token: webToken, action } = asked.data;
  const identity = await parts.access.authenticate({ bearer: webToken });
  const known = WEB_ROUTES.find((route) => route.action === action)?.action;
  if (!identity || known === undefined) return refuse(403, "dataway.forbidden");
  try {
    authorize(identity.principal, known);
  } catch {
    return refuse(403, "dataway.forbidden");
  }
  return json(200, { code: 200, errorCode: "", content: { name: nameOf(identity.principal) } });
}

function refuse(status: number, code: Parameters<typeof makeFailure>[0]): PlainResponse {
  const { message } = makeFailure(code, "refused");
  return json(status, { code: status, errorCode: code, message });
}

function json(status: number, body: unknown): PlainResponse {
  return { status, headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(body) };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
