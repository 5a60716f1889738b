import { type ErrorCode, toMusterError } from "@muster/core";

/** Why a configuration was not taken, and where in its text, counted from one. */
export interface InputFault {
  readonly code: ErrorCode;
  /** `from.errCode` where the failure is of the inputs' own catalogue. */
  readonly reason: string | undefined;
  readonly message: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** The input that says the same already. */
  readonly twinId: string | undefined;
  /** The answer was lost: the change may have been made all the same. */
  readonly isUnknown: boolean;
}

export function readFault(error: unknown): InputFault {
  const { code, message, details } = toMusterError(error);
  return {
    code,
    message,
    reason: typeof details.reason === "string" ? details.reason : undefined,
    line: readPlace(details.line),
    column: readPlace(details.column),
    twinId:
      details.reason === "dataway.duplicateInput" && typeof details.inputId === "string" ? details.inputId : undefined,
    isUnknown: details.outcome === "unknown",
  };
}

export function isOutdated(fault: InputFault): boolean {
  return fault.reason === "dataway.outdatedRevision";
}

function readPlace(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

/** What to underline in a text: from the column to the line's end, or the line's words where no column is known. */
export function findSpan(text: string, line: number, column: number | undefined): { from: number; to: number } {
  const lines = text.split("\n");
  const index = Math.min(line, lines.length) - 1;
  const start = lines.slice(0, index).reduce((sum, before) => sum + before.length + 1, 0);
  const words = lines[index] ?? "";
  const indent = words.length - words.trimStart().length;
  const end = words.trimEnd().length;
  // a mistake at the end of a line is what is missing there: the whole line is shown
  const from = column === undefined || column > end ? Math.min(indent, end) : column - 1;
  return { from: start + from, to: start + Math.max(from, end) };
}
