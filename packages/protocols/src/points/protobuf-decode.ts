import { BinaryReader, type WireType } from "@bufbuild/protobuf/wire";
import type { FieldValue, Point } from "@muster/core";
import { BodyReader } from "./body-reader.ts";
import { type DecodedPoints, PointError, ValueBudget } from "./decoded.ts";
import { putField, putTag } from "./json-decode.ts";
import { POINT_LIMITS } from "./limits.ts";
import type { LineOptions } from "./line-decode.ts";
import { checkPoint } from "./line-values.ts";
import { runSteps, type Steps } from "./steps.ts";

/*
 * PBPoints   { repeated PBPoint arr = 1 }
 * PBPoint    { string name = 1; repeated Field fields = 2; int64 time = 3 (ns) }
 * Field      { string key = 1; oneof { int64 i = 2; uint64 u = 3; double f = 4; bool b = 5; bytes d = 6; Any a = 7; string s = 11 }
 *              bool is_tag = 8 }
 * Any        { string type_url = 1; bytes value = 2 }, holding Array { repeated BasicTypes arr = 1 }
 * BasicTypes { oneof { int64 i = 1; uint64 u = 2; double f = 3; bool b = 4; bytes d = 5; string s = 6 } }
 * What else there is (warnings, debugging, units) is skipped.
 */

/** Reads the protobuf messages that today's agents send. Times are ns. */
export function decodeProtobufPoints(body: Uint8Array, options: Pick<LineOptions, "receivedAtNs">): DecodedPoints {
  return runSteps(decodeProtobufInSteps(body, options));
}

/** The same in steps. */
export function decodeProtobufInSteps(
  body: Uint8Array,
  options: Pick<LineOptions, "receivedAtNs">,
): Steps<DecodedPoints> {
  const how = { receivedAtNs: options.receivedAtNs, budget: new ValueBudget() };
  return new BodyReader().readAll(
    () => listMessages(body),
    (bytes) => guard(() => readPoint(bytes, how)),
  );
}

interface PointHow {
  readonly receivedAtNs: bigint;
  readonly budget: ValueBudget;
}

/** Positions of each kind of value within a message. */
interface ValueTags {
  readonly i: number;
  readonly u: number;
  readonly f: number;
  readonly b: number;
  readonly d: number;
  readonly s: number;
}

const FIELD_TAGS: ValueTags = { i: 2, u: 3, f: 4, b: 5, d: 6, s: 11 };
const ITEM_TAGS: ValueTags = { i: 1, u: 2, f: 3, b: 4, d: 5, s: 6 };

function* listMessages(body: Uint8Array): Generator<Uint8Array> {
  const reader = new BinaryReader(body);
  while (reader.pos < reader.len) {
    const message = guard(() => {
      const [number, type] = reader.tag();
      if (number === 1) return reader.bytes();
      reader.skip(type, number);
      return undefined;
    });
    if (message) yield message;
  }
}

function readPoint(bytes: Uint8Array, { receivedAtNs, budget }: PointHow): Point {
  const point = { measurement: "", tags: {}, fields: {}, timeNs: receivedAtNs };
  const reader = new BinaryReader(bytes);
  let fields = 0;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1) point.measurement = reader.string();
    else if (number === 2) {
      if (++fields > POINT_LIMITS.fields + POINT_LIMITS.tags) throw new PointError("too many fields");
      budget.spend(1);
      readField(reader.bytes(), point, budget);
    } else if (number === 3) {
      const time = BigInt(reader.int64());
      if (time !== 0n) point.timeNs = time;
    } else reader.skip(type, number);
  }
  return checkPoint({ ...point, measurement: point.measurement || "__default" });
}

function readField(
  bytes: Uint8Array,
  point: { tags: Record<string, string>; fields: Record<string, FieldValue> },
  budget: ValueBudget,
): void {
  const reader = new BinaryReader(bytes);
  let key = "";
  let isTag = false;
  let value: FieldValue | undefined;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 8) isTag = reader.bool();
    else if (number === 7) value = readAny(reader.bytes(), budget);
    else value = readValue(reader, FIELD_TAGS, { number, type }) ?? value;
  }
  if (isTag) putTag(point.tags, key, typeof value === "string" ? value : String(value ?? ""));
  else putField(point.fields, key, typeof value === "number" && !Number.isFinite(value) ? undefined : value);
}

function readAny(bytes: Uint8Array, budget: ValueBudget): FieldValue | undefined {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 2) return readArray(reader.bytes(), budget);
    reader.skip(type, number);
  }
  return undefined;
}

function readArray(bytes: Uint8Array, budget: ValueBudget): FieldValue[] {
  const items: FieldValue[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number !== 1) {
      reader.skip(type, number);
      continue;
    }
    if (items.length >= POINT_LIMITS.items) throw new PointError(`more than ${POINT_LIMITS.items} items`);
    budget.spend(1);
    const item = new BinaryReader(reader.bytes());
    let value: FieldValue | undefined;
    while (item.pos < item.len) {
      const [itemNumber, itemType] = item.tag();
      value = readValue(item, ITEM_TAGS, { number: itemNumber, type: itemType }) ?? value;
    }
    if (value !== undefined) items.push(value);
  }
  return items;
}

/** Undefined for what is no value; it is skipped. */
function readValue(
  reader: BinaryReader,
  tags: ValueTags,
  { number, type }: { number: number; type: WireType },
): FieldValue | undefined {
  switch (number) {
    case tags.i:
      return BigInt(reader.int64());
    case tags.u:
      return BigInt(reader.uint64());
    case tags.f:
      return reader.double();
    case tags.b:
      return reader.bool();
    case tags.d:
      return Uint8Array.from(reader.bytes());
    case tags.s:
      return reader.string();
    default:
      reader.skip(type, number);
      return undefined;
  }
}

/** The library throws errors of several kinds about bytes that are no message. */
function guard<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof PointError ? error : new PointError("bytes that are no message of points");
  }
}
