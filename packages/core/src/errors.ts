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

/** True for a MusterError, also for one that the copy of this class in another bundle made. */
export function isMusterError(error: unknown): error is MusterError {
  if (error instanceof MusterError) return true;
  if (!(error instanceof Error) || error.name !== "MusterError" || !("code" in error)) return false;
  return ERROR_CODES.some((code) => code === error.code);
}

/** True for an error with the given code, whatever threw it. */
export function hasCode(error: unknown, code: ErrorCode): error is MusterError {
  return isMusterError(error) && error.code === code;
}

/** Turns anything thrown into a MusterError; what nobody foresaw becomes `internal` with the original as its cause. */
export function toMusterError(error: unknown): MusterError {
  return isMusterError(error) ? error : new MusterError("internal", "internal error", {}, error);
}
