import type { Clock } from "@muster/core";

/** One request to a place that the operator named. */
export interface OutboundRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  /** Not sent with GET. */
  readonly body: Uint8Array<ArrayBuffer> | string;
  /** For the whole exchange, the answer's last byte included. */
  readonly timeoutMs: number;
  /** A longer answer is an error. */
  readonly maxAnswerBytes: number;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** How long the peer asks us to wait, when it does. */
  readonly retryAfterMs: number | undefined;
}

/**
 * Sends one request. Redirects are answers like any other and never followed: what the operator named is where our
 * credentials go. Rejects when no whole answer came in time; the message is fit for a log.
 */
export async function sendRequest(
  request: OutboundRequest,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<OutboundAnswer> {
  const end = new AbortController();
  const stop = () => end.abort(new Error("stopped"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const cancel = clock.after(request.timeoutMs, () => end.abort(new Error(`no answer in ${request.timeoutMs} ms`)));
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.method === "GET" ? null : request.body,
      redirect: "manual",
      signal: end.signal,
    });
    const body = await readBounded(response, request.maxAnswerBytes);
    return { status: response.status, body, retryAfterMs: readRetryAfter(response.headers, clock) };
  } catch (error) {
    throw end.signal.aborted ? end.signal.reason : explain(error);
  } finally {
    cancel();
    signal.removeEventListener("abort", stop);
  }
}

async function readBounded(response: Response, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // leaving the loop early cancels the body
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function readRetryAfter(headers: Headers, clock: Clock): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now());
}

/** `fetch` hides what happened in the cause of its error. */
function explain(error: unknown): Error {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0];
  if (cause instanceof Error) return cause;
  return error instanceof Error ? error : new Error(String(error));
}
