import { findAction, type Generation, type Method } from "./actions.ts";
import { CONFIGSERVER_LIMITS } from "./limits.ts";
import { USER_TEXTS, type UserActionTexts } from "./user-texts.ts";
import { WIRE, WireReader } from "./wire-reader.ts";

export interface SniffedRequest {
  /** With or without a slash at the end, from `/User` or `/Agent` on. */
  readonly path: string;
  readonly method: Method | (string & {});
  readonly body: Uint8Array;
  /** Whether an agent of this id beats in G2; decides about fetches that ask for nothing, whose bytes are the same in G1. */
  readonly isG2Instance?: (id: string) => boolean;
}

/** Ambiguous is also what cannot be read: whoever asks has a default, and it answers in that one's words. */
export type Sniffed = Generation | "ambiguous";

/** A field as it stands in the bytes, from where its value begins to where it ends. */
interface RawField {
  readonly number: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/** Which generation a request is of, as far as it tells. Never throws. */
export function sniffGeneration(request: SniffedRequest): Sniffed {
  const speakers = (["g0", "g1", "g2"] as const).filter((generation) => findAction(generation, request.path));
  if (speakers.length === 1) return speakers[0] ?? "ambiguous";
  const name = findAction(speakers[0] ?? "g0", request.path)?.name;
  if (name === undefined) return "ambiguous";
  if (name === "HeartBeat") return sniffHeartBeat(request.body);
  if (name === "FetchPipelineConfig") return sniffFetch(request);
  if (name === "CreateConfig" || name === "UpdateConfig") return sniffConfig(request.body);
  const texts: UserActionTexts | undefined = Object.hasOwn(USER_TEXTS, name)
    ? USER_TEXTS[name as keyof typeof USER_TEXTS]
    : undefined;
  return texts?.verb === "read" && request.method === "POST" ? "g1" : "ambiguous";
}

/** The original of G1 fails without attributes (4), so that a body without them is of G0, whose field 4 is a version. */
function sniffHeartBeat(body: Uint8Array): Sniffed {
  const fields = readFields(body);
  if (!fields) return "ambiguous";
  if (fields.some(({ number, type }) => (number === 9 || number === 10) && type === WIRE.bytes)) return "g1";
  const seventh = fields.findLast(({ number }) => number === 7);
  if (seventh?.type === WIRE.bytes) return "g0";
  if (seventh?.type === WIRE.varint) return "g1";
  const fourth = fields.findLast(({ number, type }) => number === 4 && type === WIRE.bytes);
  return fourth && looksLikeAttributes(fourth.value) ? "g1" : "g0";
}

/** An empty one, too: an empty version would not have been written. */
function looksLikeAttributes(value: Uint8Array): boolean {
  const fields = readFields(value);
  return fields?.every(({ number, type }) => type === WIRE.bytes && (number <= 6 || number === 100)) ?? false;
}

/** An item's field 1 is the name in G2 and a number in G1, where the name is field 2. */
function sniffFetch({ body, isG2Instance }: SniffedRequest): Sniffed {
  const fields = readFields(body);
  if (!fields) return "ambiguous";
  for (const { number, type, value } of fields) {
    if (number !== 3 || type !== WIRE.bytes) continue;
    const item = readFields(value);
    if (!item) return "ambiguous";
    if (item.some((field) => field.number === 1 && field.type === WIRE.bytes)) return "g2";
    if (item.some((field) => field.number === 2 && field.type === WIRE.bytes)) return "g1";
  }
  if (!isG2Instance) return "ambiguous";
  const id = fields.findLast(({ number, type }) => number === 2 && type === WIRE.bytes)?.value;
  return isG2Instance(id ? Buffer.from(id).toString() : "") ? "g2" : "g1";
}

function sniffConfig(body: Uint8Array): Sniffed {
  const config = readFields(body)?.findLast(({ number, type }) => number === 2 && type === WIRE.bytes);
  const fields = config && readFields(config.value);
  if (!fields) return "ambiguous";
  if (fields.some(({ number, type }) => number === 5 || ((number === 1 || number === 3) && type === WIRE.varint))) {
    return "g1";
  }
  return fields.some(({ number, type }) => number === 1 && type === WIRE.bytes) ? "g0" : "ambiguous";
}

/** Undefined for what is no message. */
function readFields(bytes: Uint8Array): readonly RawField[] | undefined {
  try {
    const reader = new WireReader(bytes, CONFIGSERVER_LIMITS);
    const fields: RawField[] = [];
    while (reader.at < reader.end) {
      const tag = reader.readTag();
      reader.countItem();
      const type = tag & 7;
      if (type === WIRE.bytes) {
        const end = reader.readLength() + reader.at;
        fields.push({ number: tag >>> 3, type, value: bytes.subarray(reader.at, end) });
        reader.at = end;
      } else {
        const start = reader.at;
        reader.skip(tag);
        fields.push({ number: tag >>> 3, type, value: bytes.subarray(start, reader.at) });
      }
    }
    return fields;
  } catch {
    return undefined;
  }
}
