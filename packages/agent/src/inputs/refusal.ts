import { type ErrorCode, INPUT_LIMITS, isMusterError, MusterError } from "@muster/core";
import type { InputFailure } from "@muster/core/resources";

/** Why a call about inputs is refused: the HTTP status it stands for, and our code. docs/protocols/dataway.md lists them. */
const REASONS = {
  badRequest: [400, "invalid_argument"],
  invalidConfig: [400, "invalid_argument"],
  unsupportedInputType: [400, "invalid_argument"],
  inputAlreadyEnabled: [400, "failed_precondition"],
  inputNotEnabled: [400, "failed_precondition"],
  inputUnmanaged: [403, "permission_denied"],
  forbiddenInput: [403, "permission_denied"],
  inputNotFound: [404, "not_found"],
  duplicateInput: [409, "already_exists"],
  internalError: [500, "internal"],
} as const satisfies Record<string, readonly [status: number, code: ErrorCode]>;

export type RefusalReason = keyof typeof REASONS;

/** Where in the text a mistake is, counted from 1. */
export interface TextPlace {
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** The error of a refused call; `details` carry what `failureOf` makes of it. */
export function refuse(reason: RefusalReason, message: string, place: TextPlace = {}): MusterError {
  const [status, code] = REASONS[reason];
  return new MusterError(code, message, {
    reason: `datakit.${reason}`,
    status,
    ...(place.line === undefined ? {} : { line: place.line }),
    ...(place.column === undefined ? {} : { column: place.column }),
  });
}

/** What the fleet is told of an error; undefined for one that nobody foresaw. */
export function failureOf(error: unknown): InputFailure | undefined {
  if (!isMusterError(error) || typeof error.details.reason !== "string") return undefined;
  const { reason, status, line, column } = error.details;
  return {
    code: reason,
    status: Number(status),
    message: error.message.slice(0, INPUT_LIMITS.messageLength),
    ...(typeof line === "number" ? { line } : {}),
    ...(typeof column === "number" ? { column } : {}),
  };
}
