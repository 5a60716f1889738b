import { RespCode } from "./g1.ts";
import { CONFIGSERVER_CODES, type ConfigServerCode, type Outcome } from "./texts.ts";

/** The fields that every answer of a generation has, from an outcome; the payload is spread beside them. */
export function answerG0(requestId: string, { code, message }: Outcome) {
  return { responseId: requestId, code, message };
}

export function answerG1User(requestId: string, { code, message }: Outcome) {
  return { responseId: requestId, code: respCodeOf(code), message };
}

/** An agent takes an answer for its own if the id is the one that it sent, whatever the status: refusals have it, too. */
export function answerG1Agent(requestId: string, { code, message }: Outcome) {
  return { requestId, code: respCodeOf(code), message };
}

/** Of a success only the id, as 0 is the default. */
export function answerG2(requestId: Uint8Array, { code }: Outcome) {
  const isOk = code === "Accept";
  const status = isOk ? 0 : CONFIGSERVER_CODES[code];
  return { requestId, commonResponse: { status, errorMessage: isOk ? NOTHING : Buffer.from(code) } };
}

const NOTHING = new Uint8Array(0);

/** Whole answers, with status 400, to a body that is no message. */
export const UNDECODABLE_ANSWERS = {
  g0: { code: "BadRequest" },
  g1: { code: RespCode.INTERNAL_SERVER_ERROR },
  g2: { commonResponse: { status: 400, errorMessage: Buffer.from("BadRequest") } },
} as const;

export function respCodeOf(code: ConfigServerCode): number {
  const status = CONFIGSERVER_CODES[code];
  if (status === 200) return RespCode.ACCEPT;
  return status < 500 ? RespCode.INVALID_PARAMETER : RespCode.INTERNAL_SERVER_ERROR;
}
