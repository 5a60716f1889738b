import type { InputFailure } from "@muster/core/resources";
import { isObject } from "../node/envelope.ts";
import { failureOfWords, isErrorCode, isErrorStatus, makeFailure, statusOf } from "./errors.ts";
import { DATAWAY_LIMITS } from "./limits.ts";
import { type DatawayEra, type DatawayKind, findKind, isWordOfB } from "./types.ts";
import { Fields, fromBase64, parseJson, readTexts } from "./values.ts";

/** One message of any era and direction. */
export interface DatawayFrame {
  readonly ok: true;
  readonly era: DatawayEra;
  readonly kind: DatawayKind;
  /** As it was written, to be echoed; empty for the seed's errors. */
  readonly type: string | number;
  readonly traceId: string | undefined;
  /** Ids of DataKits that it is meant for, or comes from. */
  readonly dest: readonly string[];
  /** How it went, in answers; undefined in whatever else, and in answers that do not tell. */
  readonly outcome: { readonly ok: true } | { readonly ok: false; readonly failure: InputFailure } | undefined;
  /** Out of its base64 and JSON; undefined when there is none. Configurations in it are still in theirs. */
  readonly payload: unknown;
  /** Our own extension of the seed's messages: what an agent tells of its inputs, not looked into. */
  readonly inventory: unknown;
}

export interface DatawayDecodeFailure {
  readonly ok: false;
  readonly reason: "too_large" | "not_json" | "not_an_object" | "bad_payload" | "no_type";
  readonly message: string;
  /** The message's, when readable, for an answer. */
  readonly traceId?: string;
}

/** Decodes one message of either direction. Unknown types are frames of the kind `unknown`. Never throws. */
export function decodeDatawayFrame(text: string): DatawayFrame | DatawayDecodeFailure {
  if (text.length > DATAWAY_LIMITS.frameBytes) return fail("too_large", "the message is too long");
  const parsed = parseJson(text);
  if (!parsed) return fail("not_json", "the message is no JSON, or one of too many parts");
  if (!isObject(parsed.value)) return fail("not_an_object", "the message is no object");
  const fields = new Fields(parsed.value);
  const type = readType(fields.get("type"));
  const era = findEra(fields, type);
  const traceId = readTraceId(fields);
  const payload = readPayload(fields, era);
  if (!payload) return fail("bad_payload", "what is inside the message is no base64", traceId);
  const outcome = readOutcome(fields, era, payload.value);
  if (type === undefined && outcome?.ok !== false) return fail("no_type", "the message has no type", traceId);
  return {
    ok: true,
    era,
    kind: type === undefined ? "error" : findKind(type),
    type: type ?? "",
    traceId,
    dest: readTexts(fields.get("dest", "uuid")),
    outcome,
    payload: payload.value,
    inventory: fields.get("inventory"),
  };
}

function readType(value: unknown): string | number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && value !== "" && value.length <= DATAWAY_LIMITS.typeLength ? value : undefined;
}

const SEED_NAMES = ["msgs", "msg", "traceid", "msgtraceid", "status"];

function findEra(fields: Fields, type: string | number | undefined): DatawayEra {
  if (typeof type === "number") return "a";
  if (fields.has("b64data") || fields.has("raw")) return "b";
  if (SEED_NAMES.some((name) => fields.has(name)) || type === undefined) return "seed";
  return isWordOfB(type) || ["dest", "id", "code"].some((name) => fields.has(name)) ? "b" : "seed";
}

function readTraceId(fields: Fields): string | undefined {
  const value = fields.get("traceid", "msgtraceid", "id");
  const isUsable = typeof value === "string" && value !== "" && value.length <= DATAWAY_LIMITS.traceIdLength;
  return isUsable ? value : undefined;
}

/** Undefined when it should be base64 and is not. */
function readPayload(fields: Fields, era: DatawayEra): { readonly value: unknown } | undefined {
  if (era === "seed") return { value: fields.get("msgs", "msg") };
  // era A answers with the request's own message, to which it adds the response
  const packed = era === "b" ? fields.get("b64data") : fields.get("resp", "msgs", "msg");
  if (packed === undefined || packed === "") return { value: undefined };
  if (typeof packed !== "string") return era === "a" ? { value: packed } : undefined;
  const text = fromBase64(packed);
  if (text === undefined) return era === "a" ? { value: packed } : undefined;
  const parsed = parseJson(text);
  // error texts were documented bare and sent in quotes; a word of era A may look like base64 by chance
  return parsed ?? { value: era === "a" ? packed : text };
}

function readOutcome(fields: Fields, era: DatawayEra, payload: unknown): DatawayFrame["outcome"] {
  const code = fields.text("code");
  if (era === "a") return readResponse(fields.get("resp"));
  if (era === "seed") {
    if (code === "ok" || code === "200" || (code === "" && fields.get("status") === 200)) return { ok: true };
    return code === "" && !isErrorStatus(fields.get("status"))
      ? undefined
      : { ok: false, failure: readFailure(fields) };
  }
  if (code === "") return undefined;
  if (code === "ok" || code === "200") return { ok: true };
  if (isErrorCode(code)) return { ok: false, failure: readFailure(fields) };
  const words = typeof payload === "string" ? payload : "";
  const otherwise = code === "bad_request" ? "datakit.badRequest" : undefined;
  return { ok: false, failure: failureOfWords(words, otherwise) };
}

function readResponse(resp: unknown): DatawayFrame["outcome"] {
  if (resp === undefined) return undefined;
  const fields = new Fields(resp);
  if (fields.text("code") !== "" && fields.text("code") !== "ok") return { ok: false, failure: readFailure(fields) };
  if (typeof resp !== "string" || resp === "" || resp.toLowerCase() === "ok") return { ok: true };
  // an error in words is told from base64 by its spaces
  return / /.test(resp) ? { ok: false, failure: failureOfWords(resp) } : { ok: true };
}

/** The seed's `{code, status, msg}`, and the place of a mistake where ours says it. */
function readFailure(fields: Fields): InputFailure {
  const told = fields.text("code");
  const words = fields.get("msg", "message", "msgs");
  const message = typeof words === "string" ? words : "the DataKit refused without a reason";
  const given = fields.get("status");
  const base = isErrorCode(told)
    ? { ...makeFailure("datakit.internalError", message), code: told }
    : failureOfWords(message);
  const status = isErrorStatus(given) ? given : (statusOf(base.code) ?? base.status);
  return { ...base, status, ...readPlace(fields, "line"), ...readPlace(fields, "column") };
}

function readPlace(fields: Fields, name: "line" | "column"): { line?: number; column?: number } {
  const value = fields.get(name);
  return Number.isSafeInteger(value) && (value as number) > 0 ? { [name]: value as number } : {};
}

function fail(reason: DatawayDecodeFailure["reason"], message: string, traceId?: string): DatawayDecodeFailure {
  return traceId === undefined ? { ok: false, reason, message } : { ok: false, reason, message, traceId };
}
