import { hasCode, newMessageId } from "@muster/core";
import {
  type Action,
  answerG0,
  answerG1Agent,
  answerG1User,
  answerG2,
  CONFIGSERVER_CODES,
  type Generation,
  type Outcome,
  UNDECODABLE_ANSWERS,
} from "@muster/protocols/configserver";
import type { PlainResponse } from "../../listeners/door.ts";
import type { ConfigServerLog } from "./parts.ts";

/** What an action came to: an outcome with what is told beside it, or an answer that is written already. */
export type Reply =
  | { readonly outcome: Outcome; readonly payload?: object; readonly status?: number }
  | { readonly bytes: Uint8Array };

const HEADERS = { "content-type": "application/x-protobuf" } as const;

/** As the original's router says it, whatever the method. */
export const NOT_FOUND: PlainResponse = {
  status: 404,
  headers: { "content-type": "text/plain" },
  body: "404 page not found",
};

/** The answer to a request of this id. */
export function toResponse(
  generation: Generation,
  action: Action,
  asked: { readonly requestId: string | Uint8Array; readonly reply: Reply },
): PlainResponse {
  const { requestId, reply } = asked;
  if ("bytes" in reply) return { status: 200, headers: HEADERS, body: reply.bytes };
  const { outcome, payload, status } = reply;
  const body = action.response.encode({ ...headOf(generation, action, { requestId, outcome }), ...payload });
  return { status: status ?? CONFIGSERVER_CODES[outcome.code], headers: HEADERS, body };
}

export function undecodable(generation: Generation, action: Action): PlainResponse {
  return { status: 400, headers: HEADERS, body: action.response.encode(UNDECODABLE_ANSWERS[generation]) };
}

/** What comes before anything of the request was read, so that it has no id. */
export function busy(generation: Generation, action: Action): PlainResponse {
  return toResponse(generation, action, { requestId: "", reply: { outcome: BUSY } });
}

const BUSY: Outcome = { code: "ServerBusy", message: "The server is busy, try again later." };

/** The outcome of a call that threw. What an internal error says stays in the log. */
export function explain(error: unknown, log: ConfigServerLog): Outcome {
  if (hasCode(error, "deadline_exceeded"))
    return { code: "RequestTimeout", message: "The store did not answer in time." };
  if (hasCode(error, "resource_exhausted")) return { ...BUSY, message: error.message };
  if (hasCode(error, "unavailable")) return { code: "InternalServerError", message: error.message };
  if (hasCode(error, "invalid_argument")) return { code: "BadRequest", message: error.message };
  const errorId = newMessageId();
  log.warn({ err: error, errorId }, "a ConfigServer call failed inside the server");
  return { code: "InternalServerError", message: `internal error ${errorId}` };
}

/** Where the originals have nothing to say: they know no credentials. */
export function refuseCaller(
  generation: Generation,
  action: Action,
  refusal: { readonly requestId: string | Uint8Array; readonly status: 401 | 403; readonly message: string },
): PlainResponse {
  const { requestId, status, message } = refusal;
  const code = status === 401 ? "Unauthorized" : "Forbidden";
  const outcome: Outcome = { code: "BadRequest", message };
  const head = headOf(generation, action, { requestId, outcome });
  const own = { g0: { code }, g1: {}, g2: { commonResponse: { status, errorMessage: Buffer.from(code) } } };
  return { status, headers: HEADERS, body: action.response.encode({ ...head, ...own[generation] }) };
}

function headOf(
  generation: Generation,
  { side }: Action,
  { requestId, outcome }: { readonly requestId: string | Uint8Array; readonly outcome: Outcome },
): object {
  if (generation === "g2") {
    const head = answerG2(typeof requestId === "string" ? Buffer.from(requestId) : requestId, outcome);
    // its error has room for a name only; where we refuse what the originals take, it says why
    const isOurs = outcome.code === "InvalidParameter" && outcome.message !== "";
    const errorMessage = isOurs ? Buffer.from(`${outcome.code}: ${outcome.message}`) : head.commonResponse.errorMessage;
    return { ...head, commonResponse: { ...head.commonResponse, errorMessage } };
  }
  const id = typeof requestId === "string" ? requestId : Buffer.from(requestId).toString();
  if (generation === "g0") return answerG0(id, outcome);
  return side === "User" ? answerG1User(id, outcome) : answerG1Agent(id, outcome);
}

const ID_TAG = 0x0a;

/**
 * The id of a request, which every answer has in field 1, before the rest of an answer that was written before: most beats of
 * a fleet are answered alike.
 */
export function withId(id: string | Uint8Array, rest: Uint8Array): Uint8Array {
  const length = typeof id === "string" ? Buffer.byteLength(id) : id.length;
  if (length === 0) return rest;
  const bytes = Buffer.allocUnsafe(6 + length + rest.length);
  bytes[0] = ID_TAG;
  let at = 1;
  let left = length;
  for (; left > 0x7f; left >>>= 7) bytes[at++] = (left & 0x7f) | 0x80;
  bytes[at++] = left;
  if (typeof id === "string") bytes.write(id, at, length, "utf8");
  else bytes.set(id, at);
  bytes.set(rest, at + length);
  return bytes.subarray(0, at + length + rest.length);
}
