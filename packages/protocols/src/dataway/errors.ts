import { type ErrorCode, isMusterError } from "@muster/core";
import type { InputFailure } from "@muster/core/resources";
import { DATAWAY_LIMITS } from "./limits.ts";

/** Everything that can be answered: the HTTP status, and when. Codes are `from.errCode`: who says so, and what is wrong. */
export const DATAWAY_ERRORS = {
  "dataway.badRequest": [400, "the request cannot be read: its body, a name or an id"],
  "dataway.tokenMissing": [401, "neither the query nor a header carries a token"],
  "dataway.tokenInvalid": [401, "nobody is known by this token"],
  "dataway.tokenRefused": [403, "the backend, or this installation, does not know the token"],
  "dataway.idTaken": [403, "a DataKit with another token is connected under this id"],
  "dataway.forbidden": [403, "the backend, or the caller's role, does not allow it"],
  "dataway.datakitNotFound": [404, "no such DataKit, or it is not online"],
  "dataway.pathNotFound": [404, "no such path"],
  "dataway.methodNotAllowed": [405, "the path is there, the method is not"],
  "dataway.duplicateInput": [409, "this DataKit has an input of this name that means the same"],
  "dataway.conflict": [409, "somebody else changes the same input at this moment"],
  "dataway.inputBusy": [409, "another change of this input is under way; try again when it has ended"],
  "dataway.outdatedRevision": [409, "somebody else changed the input since the caller read it"],
  "dataway.bodyTooLarge": [413, "the body is longer than is taken"],
  "dataway.tooManyRequests": [429, "too many requests wait already; Retry-After says how long to wait"],
  "dataway.internalError": [500, "a mistake of ours; our log tells more"],
  "dataway.notSupported": [501, "this DataKit's protocol has no word for it"],
  "dataway.connectionLost": [502, "the DataKit's connection ended before it answered: it may have been done"],
  "dataway.backendUnavailable": [503, "the backend cannot be asked; try again"],
  "dataway.unavailable": [503, "this process is starting or ending; try again"],
  "dataway.timeout": [504, "the DataKit did not answer in time: it may have been done"],
  "datakit.badRequest": [400, "the DataKit could not read what it was asked"],
  "datakit.invalidConfig": [400, "the configuration is not TOML or has wrong options; line and column where known"],
  "datakit.unsupportedInputType": [400, "inputs of this type do not run there"],
  "datakit.inputNotEnabled": [400, "it is disabled already"],
  "datakit.inputAlreadyEnabled": [400, "it is enabled already"],
  "datakit.inputUnmanaged": [403, "its file was not made from here, and is not ours to change"],
  "datakit.forbiddenInput": [403, "the host's policy does not allow this input"],
  "datakit.inputNotFound": [404, "no such collector, or no such input-id"],
  "datakit.duplicateInput": [409, "the DataKit runs the same already"],
  "datakit.busy": [409, "it is changing its inputs for somebody else"],
  "datakit.internalError": [500, "the DataKit could not do it"],
  "datakit.notSupported": [501, "the DataKit does not know this message"],
} as const satisfies Readonly<Record<string, readonly [status: number, meaning: string]>>;

export type DatawayErrorCode = keyof typeof DATAWAY_ERRORS;

/** `from.errCode`, as it is accepted from anybody. */
const CODE = /^[a-z][A-Za-z0-9]{0,30}\.[A-Za-z][A-Za-z0-9]{0,60}$/;

export function isErrorCode(text: string): boolean {
  return CODE.test(text);
}

/** The status of a known code; undefined for others. */
export function statusOf(code: string): number | undefined {
  return Object.hasOwn(DATAWAY_ERRORS, code) ? DATAWAY_ERRORS[code as DatawayErrorCode][0] : undefined;
}

/** `("kodo", "token not found")` → `kodo.tokenNotFound`: the rule by which the originals name their errors. */
export function deriveCode(from: string, words: string): string {
  const [first = "", ...others] = words
    .trim()
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return `${from}.${first}${others.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}`;
}

export function makeFailure(code: DatawayErrorCode, message: string): InputFailure {
  return { code, status: DATAWAY_ERRORS[code][0], message: message.slice(0, DATAWAY_LIMITS.messageLength) };
}

/** The words of DataKits that name no code, and what they mean. The misspelling is the original's. */
const PHRASES: readonly (readonly [phrase: RegExp, code: DatawayErrorCode])[] = [
  [/unknown? (message )?type/i, "datakit.notSupported"],
  [/already enabled?/i, "datakit.inputAlreadyEnabled"],
  [/not enabled?/i, "datakit.inputNotEnabled"],
  [/is exist|same config|already exists?/i, "dataway.duplicateInput"],
  [/not exists?|not found|unknown input/i, "datakit.inputNotFound"],
];

/** What the bare words of an older DataKit mean, with the place where they name one. */
export function failureOfWords(words: string, otherwise: DatawayErrorCode = "datakit.invalidConfig"): InputFailure {
  const [, code = otherwise] = PHRASES.find(([phrase]) => phrase.test(words)) ?? [];
  const failure = makeFailure(code, words === "" ? "the DataKit refused without a reason" : words);
  const place = code === "datakit.invalidConfig" ? /line (\d{1,7})(?:,? column (\d{1,7}))?/i.exec(words) : null;
  const line = Number(place?.[1] ?? 0);
  const column = Number(place?.[2] ?? 0);
  return { ...failure, ...(line > 0 ? { line } : {}), ...(column > 0 ? { column } : {}) };
}

const CODE_OF: Readonly<Record<ErrorCode, DatawayErrorCode>> = {
  invalid_argument: "dataway.badRequest",
  unauthenticated: "dataway.tokenInvalid",
  permission_denied: "dataway.forbidden",
  not_found: "dataway.datakitNotFound",
  already_exists: "dataway.duplicateInput",
  conflict: "dataway.conflict",
  failed_precondition: "dataway.notSupported",
  resource_exhausted: "dataway.tooManyRequests",
  deadline_exceeded: "dataway.timeout",
  unavailable: "dataway.unavailable",
  unimplemented: "dataway.notSupported",
  internal: "dataway.internalError",
};

/** What goes out when something has failed. */
export interface DatawayError {
  /** `from.errCode` */
  readonly code: string;
  readonly status: number;
  readonly msg: string;
  readonly line?: number;
  readonly column?: number;
}

/** What the web is told of a failure. A failure of an input brings its code and status along; internal texts stay here. */
export function fromMusterError(error: unknown): DatawayError {
  if (!isMusterError(error) || error.code === "internal") return describe("dataway.internalError", "internal error");
  const { reason, status, line, column } = error.details;
  if (typeof reason === "string" && isErrorCode(reason) && isErrorStatus(status)) {
    const place = { ...(typeof line === "number" ? { line } : {}), ...(typeof column === "number" ? { column } : {}) };
    return { code: reason, status, msg: error.message, ...place };
  }
  if (reason === "offline") return describe("dataway.datakitNotFound", "the datakit is not online");
  if (reason === "lost") return describe("dataway.connectionLost", error.message);
  return describe(CODE_OF[error.code], error.message);
}

export function isErrorStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599;
}

function describe(code: DatawayErrorCode, msg: string): DatawayError {
  return { code, status: DATAWAY_ERRORS[code][0], msg };
}
