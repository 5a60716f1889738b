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
  const absolute = text.startsWith("/") ? null : /^https?:\/\/[^/?#]*/i.exec(text);
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
  let query: URLSearchParams | undefined;
  return {
    method: request.method ?? "GET",
    path: context.target.path,
    // most requests of agents have none, and taking one apart costs more than routing them
    get query() {
      query ??= new URLSearchParams(context.target.query);
      return query;
    },
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
 * Reads a body whole. Rejects with resource_exhausted as soon as it is longer than the door takes, with unavailable when all
 * bodies together hold too much already, and when the peer goes away in the middle of it.
 */
export function readBody(request: IncomingMessage, maxBytes: number, budget: BodyBudget): Promise<Uint8Array> {
  // by events: an iterator over the stream costs several times as much as the rest of a small request
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const detach = () => {
      request.off("data", onData).off("end", onEnd).off("error", fail).off("close", onClose);
    };
    const fail = (error: unknown) => {
      detach();
      request.pause();
      budget.used -= size;
      reject(error);
    };
    const tooLarge = () => fail(new MusterError("resource_exhausted", "the body is too large", { maxBytes }));
    const onData = (part: Buffer) => {
      size += part.length;
      budget.used += part.length;
      if (size > maxBytes) tooLarge();
      else if (budget.used > budget.limit) fail(new MusterError("unavailable", "too many bodies at once"));
      else parts.push(part);
    };
    const onEnd = () => {
      detach();
      resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, size));
    };
    const onClose = () => fail(new Error("the peer went away in the middle of a body"));
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) tooLarge();
    else request.on("data", onData).on("end", onEnd).on("error", fail).on("close", onClose);
  });
}

export function writePlainResponse(response: ServerResponse, plain: PlainResponse): void {
  const body = toBytes(plain.body);
  response.writeHead(plain.status, {
    "x-content-type-options": "nosniff",
    ...plain.headers,
    ...(mayHaveBody(plain.status) ? { "content-length": body.length } : {}),
  });
  if (!mayHaveBody(plain.status)) response.end();
  // as a text it goes out in one piece with the head, which is the dearest part of a small answer
  else if (body.length <= ONE_PIECE) response.end(toLatin1(body), "latin1");
  else response.end(body);
}

/** Longer bodies are not worth the copy. */
const ONE_PIECE = 8192;

function toLatin1(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
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
  const body = toBytes(plain.body);
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

const NOTHING = new Uint8Array();

function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

function toBytes(body: string | Uint8Array | undefined): Uint8Array {
  return body === undefined ? NOTHING : typeof body === "string" ? Buffer.from(body) : body;
}
