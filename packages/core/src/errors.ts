/** The closed list of what can go wrong. A new situation uses one of these; a new code needs an ADR. */
export const ERROR_CODES = [
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_found",
  "already_exists",
  "conflict",
  "failed_precondition",
  "resource_exhausted",
  "deadline_exceeded",
  "unavailable",
  "unimplemented",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What the caller may know besides the code: ids, field names, limits. Never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of Muster. `message` is plain text for people, without ids (those go in `details`).
 * The text of an `internal` error never leaves the process; every edge maps `code` through one exhaustive table.
 */
export class MusterError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "MusterError";
    this.code = code;
    this.details = details;
  }
}

/** True for an error with the given code, whatever threw it. */
export function hasCode(error: unknown, code: ErrorCode): error is MusterError {
  return error instanceof MusterError && error.code === code;
}

/** Turns anything thrown into a MusterError; what nobody foresaw becomes `internal` with the original as its cause. */
export function toMusterError(error: unknown): MusterError {
  return error instanceof MusterError ? error : new MusterError("internal", "internal error", {}, error);
}
