import type { Envelope, NodeErrorCode } from "./frames.ts";
import { NODE_LIMITS } from "./limits.ts";
import { exceedsLimits } from "./measure.ts";
import { CODE_MESSAGES } from "./words.ts";

/** Why a message is no frame, in the words of the error frame that answers it. `id` is the message's, when readable. */
export interface DecodeFailure {
  readonly frame?: undefined;
  readonly error: NodeErrorCode;
  readonly message: string;
  readonly details: string;
  readonly id?: string;
}

/** What decoding gives: a frame, or the reason why there is none. Decoders never throw. */
export type Decoded<Frame> = { readonly frame: Frame; readonly error?: undefined } | DecodeFailure;

/** Thrown by readers of one frame's content and caught by its decoder: the text says which field is wrong and how. */
export class FieldError extends Error {}

/** Reads the outer object. Extra keys are ignored; of a repeated key the last counts; `timestamp` is not looked into. */
export function readEnvelope(text: string): Decoded<Envelope> {
  if (text.length > NODE_LIMITS.frameBytes) return failParse("the frame is too long");
  if (text.length > NODE_LIMITS.measuredLength && exceedsLimits(text)) {
    return failParse("the frame is nested too deeply or has too many elements");
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return failParse(clip(error instanceof Error ? error.message : "not JSON", 200));
  }
  if (!isObject(parsed)) return failParse("expected an object");
  const { type, id, timestamp } = parsed;
  if (typeof id !== "string") return failParse("id: expected a string");
  if (id.length > NODE_LIMITS.idLength) return failParse(`id: longer than ${NODE_LIMITS.idLength} characters`);
  if (typeof type !== "string") return failParse("type: expected a string", id);
  if (typeof timestamp !== "string") return failParse("timestamp: expected a string", id);
  // an absent field, while null is a value
  if (parsed.data === undefined) return failParse("data: missing", id);
  return { frame: parsed as unknown as Envelope };
}

/** Runs a content reader and turns what it refuses into a failure with `code`. */
export function decodeContent<Frame>(code: NodeErrorCode, id: string, read: () => Frame): Decoded<Frame> {
  try {
    return { frame: read() };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    return { error: code, message: CODE_MESSAGES[code], details: error.message, id };
  }
}

/** The answer to a type that this end does not know. */
export function failUnknownType(type: string, id: string, known: readonly string[]): DecodeFailure {
  return {
    error: "UNKNOWN_MESSAGE_TYPE",
    message: `${CODE_MESSAGES.UNKNOWN_MESSAGE_TYPE}: ${clip(type, 100)}`,
    details: `支持的消息类型: ${known.join(", ")}`,
    id,
  };
}

function failParse(details: string, id?: string): DecodeFailure {
  const failure = { error: "PARSE_ERROR", message: CODE_MESSAGES.PARSE_ERROR, details } as const;
  return id === undefined ? failure : { ...failure, id };
}

/** At most `length` characters of a text. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
