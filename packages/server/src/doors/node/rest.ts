import { hasCode, newMessageId } from "@muster/core";
import { CODE_MESSAGES, WORDS } from "@muster/protocols/node";
import type { Identity } from "../../fleet/access.ts";
import type { PlainRequest, PlainResponse } from "../../listeners/door.ts";
import { isAllowed, plainText, readToken, refuseToken } from "./credentials.ts";
import type { NodeDoorParts } from "./parts.ts";
import { BadQuery, jsonAnswer, RestFailure, type RestRoute } from "./rest-call.ts";
import { COMMAND_ROUTES, nameActor } from "./rest-commands.ts";
import { METRIC_ROUTES } from "./rest-metrics.ts";
import { NODE_ROUTES } from "./rest-nodes.ts";

/** Every REST route of the seed. Fixed words come before `:id`, so a node that is called "stats" cannot be asked for. */
export const REST_ROUTES: readonly RestRoute[] = [...NODE_ROUTES, ...METRIC_ROUTES, ...COMMAND_ROUTES];

/** Answers one request. Never throws. */
export async function respondRest(parts: NodeDoorParts, request: PlainRequest): Promise<PlainResponse> {
  try {
    return await answer(parts, request);
  } catch (error) {
    return describeFailure(parts, error);
  }
}

async function answer(parts: NodeDoorParts, request: PlainRequest): Promise<PlainResponse> {
  const matches = matchPath(request.path);
  if (matches.length === 0) return plainText(404, "");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const match = matches.find(({ route }) => route.method === method);
  if (!match) return plainText(405, "");
  const { route, path } = match;
  const identity = await identify(parts, request);
  const isOpen = parts.restOpen && route.alwaysToken !== true;
  const isStranger = !identity || identity.credential.kind === "enrollment";
  if (isStranger && !isOpen) return refuseToken(parts.timestamp());
  const record = (outcome: "ok" | "refused") =>
    parts.access.audit.record({
      actor: nameActor(identity),
      address: request.remoteAddress,
      action: route.audited ?? route.action,
      target: path.id ?? null,
      outcome,
    });
  if (!isStranger && !isAllowed(identity.principal, route.action)) {
    await record("refused");
    throw new RestFailure({ message: WORDS.forbidden, code: "UNAUTHORIZED", status: 403 });
  }
  const data = await route.handle({ parts, request, path, identity });
  if (route.audited !== undefined) await record("ok");
  return jsonAnswer(200, { success: true, message: WORDS.success, data, timestamp: parts.timestamp() });
}

/** Who asks; null for nobody. An enrolment token is nobody here: it lies on every host and opens no reading. */
async function identify(parts: NodeDoorParts, request: PlainRequest): Promise<Identity | null> {
  const token = readToken(request);
  if (token === undefined) return null;
  return (await parts.access.authenticate({ bearer: token })) ?? null;
}

function describeFailure(parts: NodeDoorParts, error: unknown): PlainResponse {
  const timestamp = parts.timestamp();
  const fail = (status: number, failure: { message: string; code: string; details?: unknown }) => {
    const { message, code, details } = failure;
    const base = { success: false, message, data: null, timestamp, error_code: code };
    return jsonAnswer(status, details === undefined ? base : { ...base, details });
  };
  if (error instanceof BadQuery) return plainText(400, error.message);
  if (error instanceof RestFailure) return fail(error.status, error);
  if (hasCode(error, "not_found")) return fail(200, { message: CODE_MESSAGES.NODE_NOT_FOUND, code: "NODE_NOT_FOUND" });
  if (hasCode(error, "invalid_argument") || hasCode(error, "failed_precondition")) {
    return fail(200, {
      message: WORDS.invalidRequest,
      code: "VALIDATION_ERROR",
      details: { request: [error.message] },
    });
  }
  const errorId = newMessageId();
  parts.log.warn({ err: error, errorId }, "a REST request of the node door failed");
  return fail(503, { message: CODE_MESSAGES.DATABASE_ERROR, code: "DATABASE_ERROR", details: { error_id: errorId } });
}

/** The routes that a path fits, the ones with more fixed words first. */
function matchPath(path: string): { route: RestRoute; path: Readonly<Record<string, string>> }[] {
  const found: { route: RestRoute; path: Readonly<Record<string, string>>; names: number }[] = [];
  const words = path.split("/");
  for (const route of REST_ROUTES) {
    const names = matchWords(route.path.split("/"), words);
    if (names) found.push({ route, path: names, names: Object.keys(names).length });
  }
  const least = Math.min(...found.map((match) => match.names));
  return found.filter((match) => match.names === least);
}

function matchWords(pattern: readonly string[], words: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== words.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const word = words[index] ?? "";
    if (!expected.startsWith(":")) {
      if (word !== expected) return undefined;
      continue;
    }
    const decoded = decodeWord(word);
    if (decoded === undefined || decoded === "") return undefined;
    names[expected.slice(1)] = decoded;
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
