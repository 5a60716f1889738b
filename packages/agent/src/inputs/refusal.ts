import { type ErrorCode, isMusterError, MusterError } from "@muster/core";
import type { InputFailure } from "@muster/core/resources";

/** Why a call about inputs is refused: code, the HTTP status it stands for, and ours. docs/agent.md lists them. */
const REASONS = {
  inputNotFound: [404, "not_found"],
  invalidConfig: [400, "invalid_argument"],
  invalidInputId: [400, "invalid_argument"],
  unsupportedInputType: [400, "invalid_argument"],
  badRequest: [400, "invalid_argument"],
  /** It could not be started: the reason is in the message. */
  startFailed: [400, "failed_precondition"],
  /** A dry run did not collect. */
  testFailed: [400, "failed_precondition"],
  unmanagedInput: [403, "permission_denied"],
  notAllowed: [403, "permission_denied"],
  duplicateInput: [409, "already_exists"],
  inputAlreadyEnabled: [409, "failed_precondition"],
  inputAlreadyDisabled: [409, "failed_precondition"],
  tooManyInputs: [409, "resource_exhausted"],
  writeFailed: [500, "internal"],
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
    message: error.message.slice(0, 4000),
    ...(typeof line === "number" ? { line } : {}),
    ...(typeof column === "number" ? { column } : {}),
  };
}
