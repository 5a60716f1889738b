import type * as Http from "node:http";
import { type Action, CONFIGSERVER_LIMITS, type Draft } from "@muster/protocols/configserver";
import { errorText } from "../../log.ts";

/** As the original agent waits. */
const ANSWER_WITHIN_MS = 15_000;

/** What became of a request that was not answered well. */
export type Trouble =
  /** No answer of this protocol, or one of a server in trouble: another one may do. */
  | { readonly kind: "unreachable"; readonly reason: string; readonly waitMs?: number }
  /** We may not ask. */
  | { readonly kind: "unauthorized"; readonly reason: string }
  /** An answer in order that says no. */
  | { readonly kind: "refused"; readonly reason: string; readonly code: string };

/** Ends a turn early. Never leaves this folder. */
export class CallFailed extends Error {
  readonly trouble: Trouble;
  /** No such path there. */
  readonly isUnknown: boolean;

  constructor(trouble: Trouble, isUnknown = false) {
    super(trouble.reason);
    this.trouble = trouble;
    this.isUnknown = isUnknown;
  }
}

/** What all answers have in common, whatever the generation calls it. */
export interface Verdict {
  /** False when it answers something else than what was asked. */
  readonly isOurs: boolean;
  /** Undefined when it is a success. */
  readonly refusal?: { readonly code: string; readonly message: string } | undefined;
}

/** How a generation marks requests, and what it says of success. */
export interface Dialect {
  newRequestId(): string | Uint8Array;
  judge(response: object, requestId: string | Uint8Array): Verdict;
}

/**
 * Asks one server; the request's id is put in. Rejects with `CallFailed` unless the answer is ours and a success: nothing
 * else of it is looked at.
 */
export type Ask = <Request extends object, Response extends object>(
  action: Action<Request, Response>,
  message: Draft<Omit<Request, "requestId">>,
) => Promise<Response>;

export interface CallerOptions {
  readonly server: string;
  readonly dialect: Dialect;
  readonly token: string;
  readonly authorities: readonly string[] | undefined;
  readonly userAgent: string;
  readonly answerWithinMs?: number;
  readonly signal: AbortSignal;
}

/** Where a server's paths begin. */
export function buildBaseUrl(server: string): string {
  const url = new URL(server);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "https:" : "http:";
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** A way to ask one server over a connection that is kept. */
export function createCaller(options: CallerOptions): { readonly ask: Ask; close(): void } {
  let agent: Http.Agent | undefined;
  const base = buildBaseUrl(options.server);
  const post = async (path: string, body: Buffer): Promise<Reply> => {
    // TLS costs megabytes of memory: loaded where it is used
    const http = base.startsWith("https:") ? await import("node:https") : await import("node:http");
    agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
    const { token, authorities, userAgent, answerWithinMs = ANSWER_WITHIN_MS } = options;
    const headers = {
      "content-type": "application/x-protobuf",
      "content-length": body.length,
      "user-agent": userAgent,
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    };
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(answerWithinMs)]);
    const ca = authorities === undefined ? {} : { ca: [...authorities] };
    return new Promise((resolve, reject) => {
      const request = http.request(`${base}${path}`, { method: "POST", headers, agent, signal, ...ca }, (response) => {
        readReply(response).then(resolve, (error: unknown) => {
          request.destroy(); // an answer without end must not hold the connection
          reject(error);
        });
      });
      request.once("error", reject);
      request.end(body);
    });
  };
  const { dialect } = options;
  const ask: Ask = async <Request extends object, Response extends object>(
    action: Action<Request, Response>,
    message: Draft<Omit<Request, "requestId">>,
  ) => {
    const requestId = dialect.newRequestId();
    let reply: Reply;
    try {
      reply = await post(action.path, action.request.encode(Object.assign({ requestId }, message) as Draft<Request>));
    } catch (error) {
      throw new CallFailed({ kind: "unreachable", reason: errorText(error) });
    }
    return readAnswer(action, reply, (response) => dialect.judge(response, requestId));
  };
  return { ask, close: () => agent?.destroy() };
}

interface Reply {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfterMs: number | undefined;
}

async function readReply(response: Http.IncomingMessage): Promise<Reply> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > CONFIGSERVER_LIMITS.bodyBytes) throw new Error("the answer is too large");
    parts.push(part);
  }
  const seconds = Number(response.headers["retry-after"]);
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts), retryAfterMs };
}

function readAnswer<Response extends object>(
  { path, response }: Pick<Action<object, Response>, "path" | "response">,
  { status, body, retryAfterMs }: Reply,
  judge: (response: Response) => Verdict,
): Response {
  if (status === 401 || status === 403) throw new CallFailed({ kind: "unauthorized", reason: `status ${status}` });
  const decoded = response.decode(body);
  const verdict = decoded.ok ? judge(decoded.message) : undefined;
  if (!decoded.ok || !verdict?.isOurs) {
    const reason = `${path} was answered with ${status} and no answer to it`;
    const advice = status === 404 ? "; does the server speak this generation?" : "";
    throw new CallFailed(unreachable(`${reason}${advice}`, retryAfterMs), status === 404);
  }
  const { code, message } = verdict.refusal ?? { code: String(status), message: "" };
  if (status === 200 && !verdict.refusal) return decoded.message;
  const reason = `${path} was refused with ${status}: ${code} ${message.slice(0, 300)}`.trim();
  if (status >= 500 || status < 400) throw new CallFailed(unreachable(reason, retryAfterMs));
  throw new CallFailed({ kind: "refused", reason, code }, status === 404);
}

function unreachable(reason: string, retryAfterMs: number | undefined): Trouble {
  return { kind: "unreachable", reason, ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }) };
}
