import { type ErrorCode, MusterError } from "@muster/core";
import type { InputFailure } from "@muster/core/resources";

/** How a status that an agent or the DataWay's catalogue names is called here. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "permission_denied",
  403: "permission_denied",
  404: "not_found",
  409: "conflict",
  412: "failed_precondition",
  429: "resource_exhausted",
  501: "unimplemented",
  504: "deadline_exceeded",
};

/**
 * A failure of the inputs' own catalogue as an error of ours. `details.reason` is its `from.errCode`, `details.status`
 * the HTTP status that it stands for, `line` and `column` where a text is wrong.
 */
export function inputError(failure: InputFailure, details: Readonly<Record<string, unknown>> = {}): MusterError {
  const { code: reason, status, message, line, column } = failure;
  const code = CODE_OF_STATUS[status] ?? (status >= 500 ? "unavailable" : "invalid_argument");
  const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
  return new MusterError(code, message, { reason, status, ...place, ...details });
}

export function inputNotFound(inputId: string): MusterError {
  const message = "the agent has no such input";
  return inputError({ code: "datakit.inputNotFound", status: 404, message }, { inputId });
}

/** `inputId` is who has it; null where one text says the same twice. */
export function duplicateInput(inputId: string | null): MusterError {
  const message =
    inputId === null
      ? "two blocks of this configuration say the same"
      : "the agent has this input with the same configuration already";
  return inputError({ code: "dataway.duplicateInput", status: 409, message }, { inputId });
}

export function unmanagedInput(inputId: string): MusterError {
  const message = "this file was not made from here and cannot be changed from here";
  return inputError({ code: "datakit.inputUnmanaged", status: 403, message }, { inputId });
}

export function busyInput(inputId: string): MusterError {
  const message = "another change of this input is under way; try again when it has ended";
  return inputError({ code: "dataway.inputBusy", status: 409, message }, { inputId });
}

export function outdatedRevision(inputId: string): MusterError {
  const message = "somebody else changed this input since you read it";
  return inputError({ code: "dataway.outdatedRevision", status: 409, message }, { inputId });
}
