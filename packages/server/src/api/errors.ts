import { STATUS_CODES } from "node:http";
import { type ErrorCode, MusterError, newMessageId, toMusterError } from "@muster/core";
import type { Problem } from "@muster/core/resources";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

/** The one table from what went wrong to what HTTP calls it. A new code does not compile until it is here. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  failed_precondition: 412,
  resource_exhausted: 429,
  deadline_exceeded: 504,
  unavailable: 503,
  unimplemented: 501,
  internal: 500,
};

/** Statuses that the framework picks before a route is reached. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  403: "permission_denied",
  404: "not_found",
  405: "unimplemented",
  413: "resource_exhausted",
  415: "invalid_argument",
};

/** An error as it leaves the process. `logged` is what only the log may know. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  readonly logged?: { readonly errorId: string; readonly error: unknown };
}

/** RFC 9457. The text of an internal error stays here; an id that finds it in the log leaves. */
export function toProblem(error: unknown): ProblemAnswer {
  const mistake = readMistake(error);
  if (mistake) return mistake;
  const known = toMusterError(error);
  const status = STATUS_OF[known.code];
  if (known.code === "internal") {
    const errorId = newMessageId();
    return { problem: { ...frame("internal", status), errorId }, headers: {}, logged: { errorId, error } };
  }
  const details = Object.keys(known.details).length === 0 ? {} : { details: { ...known.details } };
  return { problem: { ...frame(known.code, status), detail: known.message, ...details }, headers: headersOf(known) };
}

/** What callers did wrong before a handler saw it: the schema's issues, or a status of the framework. */
function readMistake(error: unknown): ProblemAnswer | undefined {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = "validationContext" in error ? String(error.validationContext) : "request";
    const issues = error.validation.map((issue) => ({
      field: issue.instancePath.replace(/^\//, "").replaceAll("/", "."),
      message: issue.message ?? "is not valid",
    }));
    const detail = issues.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ");
    return { problem: { ...frame("invalid_argument", 400), detail, details: { in: where, issues } }, headers: {} };
  }
  const status = statusOf(error);
  if (status === undefined || status < 400 || status >= 500) return undefined;
  const detail = error instanceof Error ? error.message : "bad request";
  return { problem: { ...frame(CODE_OF_STATUS[status] ?? "invalid_argument", status), detail }, headers: {} };
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof MusterError || !(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

function frame(code: ErrorCode, status: number): Problem {
  return { type: `urn:muster:error:${code}`, title: STATUS_CODES[status] ?? "Error", status, code };
}

function headersOf(error: MusterError): Record<string, string> {
  if (error.code === "unauthenticated") return { "www-authenticate": 'Bearer realm="muster"' };
  const { retryAfterMs } = error.details;
  if (typeof retryAfterMs !== "number") return {};
  return { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}
