import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { hasCode, MusterError } from "@muster/core";
import { problemSchema } from "@muster/core/resources";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Access, Identity } from "../fleet/access.ts";
import { authorize } from "../fleet/access-rules.ts";
import { actorOf, assertOwnPage, findCaller, type OwnAddresses, readCredentials } from "./callers.ts";
import type { Call, RawAnswer, Route } from "./route.ts";

/** Where a request comes from, as the listener found out. */
export interface Visit {
  readonly source: { readonly address: string };
  readonly secure: boolean;
}

export interface MountContext {
  readonly access: Access;
  readonly own: OwnAddresses;
  visitOf(request: FastifyRequest): Visit;
  /** Told of an error after the answer's head has left. */
  reportFailure(error: unknown, where: string): void;
}

/** Refusals of a mutation that are worth a line in the audit log. */
const REFUSALS = ["unauthenticated", "permission_denied", "failed_precondition", "resource_exhausted"] as const;
const MAX_KEY = 200;

/** Puts one route behind the checks that all share: who is calling, may they, and is it written down. */
export function mountRoute(app: FastifyInstance, route: Route, context: MountContext): void {
  const identities = new WeakMap<FastifyRequest, Identity>();
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyLimitBytes,
    exposeHeadRoute: route.contentType === undefined,
    schema: describeRoute(route),
    // before the body is read: nobody fills our memory who may not
    onRequest: async (request) => {
      const identity = await admit(route, request, context);
      if (identity) identities.set(request, identity);
    },
    handler: async (request, reply) => {
      reply.code(route.status);
      const call = toCall(request, reply, { identity: identities.get(request), visit: context.visitOf(request) });
      const result = await runAudited(route, call, context);
      if (route.contentType !== undefined) {
        return sendRaw(reply, result as RawAnswer, { context, route, signal: call.signal });
      }
      return route.response ? result : reply.send();
    },
  });
}

/** The choke point: everything but public routes passes `authorize`, and every refusal is recorded. */
async function admit(route: Route, request: FastifyRequest, context: MountContext): Promise<Identity | undefined> {
  const asked = { headers: request.headers, needsOrigin: isWrite(route.method) };
  let identity: Identity | undefined;
  try {
    if (route.action === "public") {
      // a login is a browser's own act; whatever cookie it carries is not looked at
      if (isWrite(route.method)) assertOwnPage({ ...asked, needsOrigin: false }, context.own);
      return undefined;
    }
    identity = await findCaller(asked, context);
    authorize(identity?.principal, route.action);
    return identity;
  } catch (error) {
    const reason = error instanceof MusterError ? error.code : "internal";
    // a browser that is simply not logged in is nobody's attack
    if (
      reason !== "unauthenticated" ||
      readCredentials(request.headers).bearer !== undefined ||
      isWrite(route.method)
    ) {
      await context.access.audit.record({
        actor: actorOf(identity?.principal),
        address: context.visitOf(request).source.address,
        action: route.action,
        outcome: "refused",
        details: { reason, method: route.method, path: route.path },
      });
    }
    throw error;
  }
}

async function runAudited(route: Route, call: Call, context: MountContext): Promise<unknown> {
  if (route.audit === "none") return route.handler(call);
  const audited = { actor: call.actor, address: call.address, action: route.action };
  try {
    const result = await route.handler(call);
    const { target, details = {} } = route.audit(call, result);
    await context.access.audit.record({ ...audited, target: target ?? null, details, outcome: "ok" });
    return result;
  } catch (error) {
    if (REFUSALS.some((code) => hasCode(error, code)) && error instanceof MusterError) {
      const details = { reason: error.code, ...error.details };
      await context.access.audit.record({ ...audited, outcome: "refused", details });
    }
    throw error;
  }
}

function toCall(
  request: FastifyRequest,
  reply: FastifyReply,
  who: { identity: Identity | undefined; visit: Visit },
): Call {
  const key = request.headers["idempotency-key"];
  if (typeof key === "string" && (key.length === 0 || key.length > MAX_KEY)) {
    throw new MusterError("invalid_argument", `an idempotency key has 1 to ${MAX_KEY} characters`, {});
  }
  const abort = new AbortController();
  reply.raw.once("close", () => abort.abort());
  return {
    params: request.params,
    query: request.query,
    body: request.body,
    identity: who.identity,
    actor: actorOf(who.identity?.principal),
    address: who.visit.source.address,
    secure: who.visit.secure,
    bearer: readCredentials(request.headers).bearer,
    idempotencyKey: typeof key === "string" ? key : undefined,
    signal: abort.signal,
    setHeader: (name, value) => void reply.header(name, value),
    setStatus: (status) => void reply.code(status),
  };
}

/** Streams leave at once, head first, so that a reader knows it is connected before there is anything to read. */
async function sendRaw(
  reply: FastifyReply,
  answer: RawAnswer,
  { context, route, signal }: { context: MountContext; route: Route; signal: AbortSignal },
): Promise<FastifyReply> {
  const headers = { "content-type": answer.contentType, ...answer.headers };
  if (!(answer.body instanceof Readable)) return reply.headers(headers).send(answer.body);
  reply.headers(headers).hijack();
  if (answer.endless === true) reply.raw.socket?.setTimeout(0);
  reply.raw.writeHead(200, { "x-content-type-options": "nosniff", ...(reply.getHeaders() as Record<string, string>) });
  reply.raw.flushHeaders();
  try {
    await pipeline(answer.body, reply.raw, { signal });
  } catch (error) {
    // a reader that goes away is no error of ours
    if (!signal.aborted) context.reportFailure(error, route.path);
    reply.raw.destroy();
  }
  return reply;
}

/** What OpenAPI shows, and what the compilers of the schema check. */
function describeRoute(route: Route) {
  const ok = route.response ?? z.undefined().meta({ description: "nothing" });
  const raw = { content: { [route.contentType ?? "text/plain"]: { schema: z.string() } } };
  return {
    summary: route.summary,
    description: route.action === "public" ? "Nobody needs to be logged in." : `Action: \`${route.action}\`.`,
    operationId: operationIdOf(route),
    tags: [route.tag],
    security: route.action === "public" ? [] : [{ token: [] }, { session: [] }],
    ...(route.params && { params: strict(route.params) }),
    ...(route.query && { querystring: strict(route.query) }),
    ...(route.body && { body: route.body }),
    response: {
      [route.status]: route.contentType === undefined ? ok : raw,
      default: { description: "a problem (RFC 9457)", content: PROBLEM_CONTENT },
    },
  };
}

const PROBLEM_CONTENT = { "application/problem+json": { schema: problemSchema } };

/** A parameter that nobody knows is a typing mistake that would silently widen a list. */
function strict(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject ? schema.strict() : schema;
}

function operationIdOf(route: Route): string {
  const words = route.path
    .replace(/^(?!\/fleet\/v1\/)/, "/server")
    .replace("/fleet/v1", "")
    .split(/[^A-Za-z]+/);
  const name = words.filter((word) => word !== "").map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  return `${route.method.toLowerCase()}${name.join("")}`;
}

function isWrite(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}
