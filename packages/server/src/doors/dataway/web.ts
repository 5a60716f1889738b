import { MusterError, newMessageId } from "@muster/core";
import type { Agent, Principal } from "@muster/core/resources";
import type { z } from "zod";
import { authorize } from "../../fleet/access-rules.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";
import { type DatawayParts, DOOR_LIMITS, PROTOCOL } from "./parts.ts";
import type { WebRoute } from "./web-call.ts";
import { describeFailure, WebFailure } from "./web-failures.ts";
import { WEB_ROUTES } from "./web-routes.ts";

/** The largest configuration in base64, with room for the rest. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_WORD = 500;

/** Any page may call, since nothing is done for a cookie. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, content-type, x-token",
  "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
  "access-control-max-age": "600",
};

/** True for what belongs to the web: everything else on this door is a DataKit's. */
export function isWebPath(path: string): boolean {
  return path === "/v1/datakits" || path.startsWith("/v1/datakits/");
}

/** Answers one request of the web. Never throws. */
export async function respondWeb(parts: DatawayParts, request: PlainRequest): Promise<PlainResponse> {
  if (request.method === "OPTIONS") return { status: 204, headers: CORS };
  try {
    return await answer(parts, request);
  } catch (error) {
    const { failure, isInternal } = describeFailure(error);
    if (!isInternal) return json(failure.status, failure);
    const errorId = newMessageId();
    parts.log.warn({ err: error, errorId }, "a request of the web failed inside the server");
    return json(failure.status, { ...failure, error_id: errorId });
  }
}

async function answer(parts: DatawayParts, request: PlainRequest): Promise<PlainResponse> {
  const matches = WEB_ROUTES.flatMap((route) => {
    const path = matchPath(route.path, request.path);
    return path ? [{ route, path }] : [];
  });
  if (matches.length === 0) throw new WebFailure("dataway.pathNotFound", "there is no such path");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const match = matches.find(({ route }) => route.method === method);
  if (!match) throw new WebFailure("dataway.methodNotAllowed", "the path does not take this method");
  const { route, path } = match;
  const actor = await admit(parts, { route, request, datakit: path.id ?? null });
  const agent = once(() => findDatakit(parts, path.id ?? ""));
  const query = parse(route.query, Object.fromEntries(request.query));
  const body = parse(route.body, route.body && readBody(request));
  const audit = (outcome: "ok" | "refused", details: Record<string, unknown>) =>
    parts.access.audit.record({
      actor,
      address: request.remoteAddress,
      action: route.action,
      target: path.id === undefined ? null : `datakit:${path.id}`,
      outcome,
      details: { method: route.method, path: route.path, ...details },
    });
  try {
    const content = await route.handle({ parts, path, query, body, actor, agent });
    if (route.method !== "GET") await audit("ok", path.inputId === undefined ? {} : { input: path.inputId });
    return succeed(route, content);
  } catch (error) {
    if (route.method !== "GET") await audit("refused", { reason: describeFailure(error).failure.code });
    throw error;
  }
}

/** A new input's id is also where the contract shows it, beside `code`. */
function succeed(route: WebRoute, content: unknown): PlainResponse {
  const base = { code: "ok", status: route.status, content: content ?? null };
  return json(route.status, route.status === 201 ? { ...base, ...(content as object) } : base);
}

/**
 * The choke point: nothing is handled before the one table of rights said yes. A token that is not ours is the backend's
 * to judge, where one is configured. Answers the caller's name.
 */
async function admit(
  parts: DatawayParts,
  visit: { readonly route: WebRoute; readonly request: PlainRequest; readonly datakit: string | null },
): Promise<string> {
  const { route, request, datakit } = visit;
  const token = readCredential(request);
  if (token === undefined) throw new WebFailure("dataway.tokenMissing", "send an API token");
  const identity = await parts.access.authenticate({ bearer: token });
  if (!identity && parts.checkWeb) {
    const asked = { token, action: route.action, method: route.method, path: request.path, datakit };
    const { verdict, name } = await parts.checkWeb(asked);
    if (verdict === "good") return `dataway-backend:${name ?? "web"}`;
    if (verdict === "unknown") throw new WebFailure("dataway.backendUnavailable", "the backend does not answer");
    await refuse(parts, visit, "anonymous");
    throw new WebFailure("dataway.forbidden", "the backend does not allow this");
  }
  if (!identity) throw new WebFailure("dataway.tokenInvalid", "the token is not valid");
  try {
    authorize(identity.principal, route.action);
  } catch (error) {
    await refuse(parts, visit, nameOf(identity.principal));
    throw error;
  }
  return nameOf(identity.principal);
}

function refuse(
  parts: DatawayParts,
  {
    route,
    request,
    datakit,
  }: { readonly route: WebRoute; readonly request: PlainRequest; readonly datakit: string | null },
  actor: string,
): Promise<void> {
  return parts.access.audit.record({
    actor,
    address: request.remoteAddress,
    action: route.action,
    target: datakit === null ? null : `datakit:${datakit}`,
    outcome: "refused",
    details: { method: route.method, path: route.path },
  });
}

/** People by their name, the others with their kind in front, as the rest of the server writes them down. */
export function nameOf(principal: Principal): string {
  return principal.kind === "user" ? principal.name : `${principal.kind}:${principal.name}`;
}

/** `Bearer`, the password of `Basic`, or `X-Token`. Not the query: addresses end up in logs. */
export function readCredential(request: PlainRequest): string | undefined {
  const header = request.headers.authorization;
  const given = typeof header === "string" ? readAuthorization(header) : request.headers["x-token"];
  if (typeof given !== "string" || given === "" || given.length > DOOR_LIMITS.tokenLength) return undefined;
  return given;
}

function readAuthorization(header: string): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header)?.[1];
  if (basic === undefined) return undefined;
  const pair = Buffer.from(basic, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

/**
 * By the id that we gave it, or by its own, which it may choose: one that calls itself by another agent's id must not be
 * given what is meant for that one. Only agents with inputs are DataKits.
 */
export async function findDatakit(parts: Pick<DatawayParts, "fleet">, id: string): Promise<Agent> {
  const { agents } = parts.fleet;
  const agent = (await agents.find(id)) ?? (await agents.findByExternalId(PROTOCOL, id));
  if (agent?.capabilities.includes("inputs")) return agent;
  throw new MusterError("not_found", `datakit ${id.slice(0, 100)} not found`, { id });
}

function readBody(request: PlainRequest): unknown {
  if (request.body.length > MAX_BODY_BYTES)
    throw new WebFailure("dataway.bodyTooLarge", `at most ${MAX_BODY_BYTES} bytes`);
  try {
    return JSON.parse(Buffer.from(request.body).toString("utf8"));
  } catch {
    throw new WebFailure("dataway.badRequest", "the body is not JSON");
  }
}

function parse(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 10).map(({ path, message }) => {
    const field = path.map(String).join(".");
    return field === "" ? message : `${field}: ${message}`;
  });
  throw new WebFailure("dataway.badRequest", issues.join("; "));
}

/** The named words of the path, decoded; undefined when it does not fit. */
function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const expected = pattern.split("/");
  const words = path.split("/");
  if (expected.length !== words.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const word = words[index] ?? "";
    if (!part.startsWith(":")) {
      if (part !== word) return undefined;
      continue;
    }
    const decoded = decodeWord(word);
    if (decoded === undefined || decoded === "" || decoded.length > MAX_WORD) return undefined;
    names[part.slice(1)] = decoded;
  }
  return names;
}

function decodeWord(word: string): string | undefined {
  try {
    return decodeURIComponent(word);
  } catch {
    return undefined; // a lone percent sign names nothing
  }
}

function json(status: number, body: unknown): PlainResponse {
  const headers = { ...CORS, "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  // Bearer only: a browser that is asked for Basic would send it along for every page from then on
  const challenge = status === 401 ? { "www-authenticate": 'Bearer realm="muster"' } : {};
  return { status, headers: { ...headers, ...challenge }, body: JSON.stringify(body) };
}

function once<Value>(task: () => Promise<Value>): () => Promise<Value> {
  let running: Promise<Value> | undefined;
  return () => {
    running ??= task();
    return running;
  };
}
