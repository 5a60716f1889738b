import type { Agent } from "@muster/core/resources";
import type { z } from "zod";
import type { Action } from "../../fleet/access-rules.ts";
import type { DatawayParts } from "./parts.ts";

/** One request of the web, once it is known which route, who asks and that they may. */
export interface WebCall<Query = unknown, Body = unknown> {
  readonly parts: DatawayParts;
  /** Decoded parts of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Under which the caller is written down. */
  readonly actor: string;
  /** The DataKit of the path. Throws not_found. */
  agent(): Promise<Agent>;
}

/** A route with the types forgotten. */
export interface WebRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `:name` stands for one part of the path. */
  readonly path: string;
  readonly action: Action;
  readonly summary: string;
  readonly status: number;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  /** Of `content`; undefined for none. */
  readonly content: z.ZodType | undefined;
  handle(call: WebCall): Promise<unknown>;
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** The only way to add a route: it cannot be written down without saying who may use it, what it takes and what it answers. */
export function defineWebRoute<
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Content extends z.ZodType | undefined = undefined,
>(spec: {
  readonly method: WebRoute["method"];
  readonly path: string;
  readonly action: Action;
  readonly summary: string;
  /** Default 200. */
  readonly status?: number;
  readonly query?: Query;
  readonly body?: Body;
  readonly content?: Content;
  readonly handle: (
    call: WebCall<Output<Query>, Output<Body>>,
  ) => Promise<Content extends z.ZodType ? z.input<Content> : void>;
}): WebRoute {
  return {
    method: spec.method,
    path: spec.path,
    action: spec.action,
    summary: spec.summary,
    status: spec.status ?? 200,
    query: spec.query,
    body: spec.body,
    content: spec.content,
    handle: spec.handle as WebRoute["handle"],
  };
}
