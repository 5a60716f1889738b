import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { MusterError } from "@muster/core";
import type { PlainRequest, PlainResponse } from "./door.ts";

/** A request target in two halves; undefined when it is none that we serve (`*`, `host:port`, nonsense). */
export interface RequestTarget {
  readonly path: string;
  readonly query: string;
}

export function readTarget(url: string | undefined): RequestTarget | undefined {
  let text = url ?? "";
  // a proxy may send the absolute form; its authority means nothing to us
  const absolute = /^https?:\/\/[^/?#]*/i.exec(text);
  if (absolute) text = text.slice(absolute[0].length) || "/";
  if (!text.startsWith("/")) return undefined;
  const mark = text.indexOf("?");
  return mark === -1 ? { path: text, query: "" } : { path: text.slice(0, mark), query: text.slice(mark + 1) };
}

/** What a listener knows of a request besides its bytes. */
export interface PlainContext {
  readonly target: RequestTarget;
  readonly remoteAddress: string;
  readonly listener: string;
}

export function toPlainRequest(request: IncomingMessage, context: PlainContext, body: Uint8Array): PlainRequest {
  return {
    method: request.method ?? "GET",
    path: context.target.path,
    query: new URLSearchParams(context.target.query),
    rawQuery: context.target.query,
    headers: request.headers,
    body,
    remoteAddress: context.remoteAddress,
    listener: context.listener,
  };
}

/** What all bodies together may hold in memory. Whoever has read one gives its bytes back when it is done with it. */
export class BodyBudget {
  readonly limit: number;
  used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/**
 * Reads a body whole. Throws resource_exhausted as soon as it is longer than the door takes, and unavailable when all
 * bodies together hold too much already.
 */
export async function readBody(request: IncomingMessage, maxBytes: number, budget: BodyBudget): Promise<Uint8Array> {
  const tooLarge = () => new MusterError("resource_exhausted", "the body is too large", { maxBytes });
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      budget.used += part.length;
      if (size > maxBytes) throw tooLarge();
      if (budget.used > budget.limit) throw new MusterError("unavailable", "too many bodies at once");
      parts.push(part);
    }
  } catch (error) {
    budget.used -= size;
    throw error;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, size);
}

export function writePlainResponse(response: ServerResponse, plain: PlainResponse): void {
  const body = toBuffer(plain.body);
  response.writeHead(plain.status, {
    "x-content-type-options": "nosniff",
    ...plain.headers,
    ...(mayHaveBody(plain.status) ? { "content-length": body.length } : {}),
  });
  response.end(mayHaveBody(plain.status) ? body : undefined);
}

/** Answers an upgrade without upgrading, on the bare socket, and ends it. */
export function refuseUpgrade(socket: Duplex, plain: PlainResponse): void {
  endWith(socket, renderRefusal(plain));
}

/** The same for agents that came too early, as cheaply as it gets: the same bytes for all with the same wait. */
export class LaterAnswers {
  /** As many as there are waits in whole seconds; admission bounds them. */
  readonly #bytes = new Map<number, Buffer>();

  send(socket: Duplex, waitS: number): void {
    let bytes = this.#bytes.get(waitS);
    if (!bytes) {
      bytes = renderRefusal(plainProblem(503, "too many at once", { "retry-after": String(waitS) }));
      this.#bytes.set(waitS, bytes);
    }
    endWith(socket, bytes);
  }
}

function renderRefusal(plain: PlainResponse): Buffer {
  const body = toBuffer(plain.body);
  const lines = [`HTTP/1.1 ${plain.status} ${STATUS_CODES[plain.status] ?? "Unknown"}`];
  const headers = { ...plain.headers, "content-length": String(body.length), connection: "close" };
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value.replace(/[\r\n]+/g, " ")}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

function endWith(socket: Duplex, bytes: Buffer): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.once("finish", destroyThis);
  socket.end(bytes);
}

function destroyThis(this: Duplex): void {
  this.destroy();
}

/** An answer in the form of our API's errors, for what no door or API ever saw. */
export function plainProblem(status: number, detail: string, headers: Record<string, string> = {}): PlainResponse {
  const title = STATUS_CODES[status] ?? "Error";
  const code = PROBLEM_CODES[status] ?? "internal";
  const problem = { type: `urn:muster:error:${code}`, title, status, code, detail };
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body: JSON.stringify(problem) };
}

const PROBLEM_CODES: Readonly<Record<number, string>> = {
  400: "invalid_argument",
  403: "permission_denied",
  404: "not_found",
  413: "resource_exhausted",
  431: "resource_exhausted",
  503: "unavailable",
};

function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

function toBuffer(body: string | Uint8Array | undefined): Buffer {
  return body === undefined ? Buffer.alloc(0) : typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
}
