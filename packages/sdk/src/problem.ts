import { ERROR_CODES, type ErrorCode, MusterError } from "@muster/core";

/** What an answer without a problem body means: proxies and old servers answer with a bare status. */
const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  408: "deadline_exceeded",
  409: "conflict",
  412: "failed_precondition",
  413: "resource_exhausted",
  415: "invalid_argument",
  422: "invalid_argument",
  429: "resource_exhausted",
  501: "unimplemented",
  502: "unavailable",
  503: "unavailable",
  504: "deadline_exceeded",
};

const MAX_FOREIGN_TEXT = 200;

/** Turns an answer that is not 2xx into the error its problem document names (RFC 9457). */
export async function readProblem(response: Response): Promise<MusterError> {
  const text = await response.text().catch(() => "");
  const problem = parseObject(text);
  const code = findCode(problem?.code) ?? CODE_BY_STATUS[response.status] ?? "internal";
  const message = findText(problem?.detail) ?? findText(problem?.title) ?? describeStatus(response, text);
  const details: Record<string, unknown> = { ...asObject(problem?.details), status: response.status };
  if (typeof problem?.errorId === "string") details.errorId = problem.errorId;
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(retryAfterS)) details.retryAfterMs = retryAfterS * 1000;
  return new MusterError(code, message, details);
}

/** A failure below HTTP: the name does not resolve, nobody listens, TLS fails, the connection breaks. */
export function networkError(url: string, error: unknown): MusterError {
  return new MusterError("unavailable", `${new URL(url).origin} does not answer: ${rootCause(error)}`, { url }, error);
}

/** The innermost message: fetch says "fetch failed" and hides the reason in its cause. */
export function rootCause(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error && current.cause !== undefined; depth++) {
    current = current.cause;
  }
  // several addresses were tried in turn: the first reason speaks for all
  if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
  return current instanceof Error ? current.message || current.name : String(current);
}

function describeStatus(response: Response, text: string): string {
  const words = /^\s*</.test(text) ? "" : text.trim().slice(0, MAX_FOREIGN_TEXT);
  return `the server answered ${response.status}${words === "" ? "" : `: ${words}`}`;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function findCode(value: unknown): ErrorCode | undefined {
  return ERROR_CODES.find((code) => code === value);
}

function findText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
