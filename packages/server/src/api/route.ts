import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Identity } from "../fleet/access.ts";
import type { Action } from "../fleet/access-rules.ts";

/** A validated request, with whoever sent it. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Undefined on public routes only. */
  readonly identity: Identity | undefined;
  /** The name under which the caller is written down. */
  readonly actor: string;
  readonly address: string;
  /** The browser's connection is encrypted. */
  readonly secure: boolean;
  /** The token that was presented; only the installer may look at it. */
  readonly bearer: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** Aborted when the caller goes away before the answer is complete. */
  readonly signal: AbortSignal;
  setHeader(name: string, value: string): void;
  setStatus(status: number): void;
}

/** An answer that is no JSON. */
export interface RawAnswer {
  readonly contentType: string;
  readonly body: string | Readable;
  /** May be silent for hours; other streams end when nothing moves. */
  readonly endless?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the audit log keeps of a change. Never a secret, a password or the value of a variable. */
export interface AuditNote {
  readonly target?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A route that changes something says what is written down; `none` is for those that only look. */
export type AuditRule<SomeCall, Result> = "none" | ((call: SomeCall, result: Result) => AuditNote);

/** `public` means that nobody needs to be logged in; the contract lists those routes. */
export type RouteAction = Action | "public";

/** A route with the types forgotten, as it is mounted. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As Fastify writes it: `/fleet/v1/agents/:id`. */
  readonly path: string;
  readonly action: RouteAction;
  readonly summary: string;
  readonly tag: string;
  readonly status: number;
  readonly bodyLimitBytes: number;
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  /** Undefined: nothing is answered (204), or a raw answer of `contentType`. */
  readonly response: z.ZodType | undefined;
  readonly contentType: string | undefined;
  readonly audit: AuditRule<Call, unknown>;
  readonly handler: (call: Call) => Promise<unknown>;
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Input<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

interface RouteSpec<Params, Query, Body, Response> {
  readonly method: Route["method"];
  /** Below `/fleet/v1`, or from the root where it begins with `//`. */
  readonly path: string;
  readonly action: RouteAction;
  readonly summary: string;
  readonly params?: Params | undefined;
  readonly query?: Query | undefined;
  readonly body?: Body | undefined;
  readonly response?: Response | undefined;
  /** Default 200, or 204 without a response. */
  readonly status?: number | undefined;
  readonly bodyLimitBytes?: number | undefined;
}

type Handler<Params, Query, Body, Result> = (
  call: Call<Output<Params>, Output<Query>, Output<Body>>,
) => Promise<Result>;

type AuditOf<Method, Params, Query, Body, Result> = Method extends "GET"
  ? { readonly audit?: undefined }
  : { readonly audit: AuditRule<Call<Output<Params>, Output<Query>, Output<Body>>, Result> };

/** The least that most bodies need. */
const DEFAULT_BODY_BYTES = 256 * 1024;

/**
 * The only way to add a route: it cannot be written down without saying who may use it, what it takes, what it
 * answers and, when it changes something, what the audit log keeps.
 */
export function defineRoute<
  const Method extends Route["method"],
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Response extends z.ZodType | undefined = undefined,
>(
  spec: RouteSpec<Params, Query, Body, Response> & { readonly method: Method } & AuditOf<
      Method,
      Params,
      Query,
      Body,
      Input<Response>
    > & { readonly handler: Handler<Params, Query, Body, Input<Response> extends undefined ? void : Input<Response>> },
): Route {
  const { audit, handler, ...rest } = spec;
  return complete(rest, audit as Route["audit"] | undefined, handler as unknown as Route["handler"]);
}

/** The same for answers that are no JSON: text, files and streams. */
export function defineRawRoute<
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(
  spec: Omit<RouteSpec<Params, Query, undefined, undefined>, "method"> & {
    readonly contentType: string;
    readonly handler: Handler<Params, Query, undefined, RawAnswer>;
  },
): Route {
  const { handler, contentType, ...rest } = spec;
  return {
    ...complete({ ...rest, method: "GET", status: 200 }, undefined, handler as unknown as Route["handler"]),
    contentType,
  };
}

function complete(
  spec: RouteSpec<z.ZodType | undefined, z.ZodType | undefined, z.ZodType | undefined, z.ZodType | undefined>,
  audit: Route["audit"] | undefined,
  handler: Route["handler"],
): Route {
  const path = spec.path.startsWith("//") ? spec.path.slice(1) : `/fleet/v1${spec.path}`;
  return {
    method: spec.method,
    path,
    action: spec.action,
    summary: spec.summary,
    tag: path.replace("/fleet/v1", "").split("/")[1] ?? "server",
    status: spec.status ?? (spec.response ? 200 : 204),
    bodyLimitBytes: spec.bodyLimitBytes ?? DEFAULT_BODY_BYTES,
    params: spec.params,
    query: spec.query,
    body: spec.body,
    response: spec.response,
    contentType: undefined,
    audit: audit ?? "none",
    handler,
  };
}
