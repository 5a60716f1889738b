/**
 * As much of Protocol Buffers as a test needs to have an opinion of its own: written from the specification, slow, strict,
 * and sharing nothing with the codecs that it judges.
 */
export type TinyType = "string" | "bytes" | "int64" | "float" | "bool" | TinySchema;

/** A field by its number. `map` has text keys. */
export interface TinyField {
  readonly number: number;
  readonly type: TinyType;
  readonly is?: "repeated" | "map";
}

export interface TinySchema {
  readonly [name: string]: TinyField;
}

/** A message as a plain object: absent fields have their default, as proto3 says; sub-messages are undefined. */
// biome-ignore lint/suspicious/noExplicitAny: tests read any field of any message
export type TinyMessage = any;

export function one(number: number, type: TinyType): TinyField {
  return { number, type };
}

export function many(number: number, type: TinyType): TinyField {
  return { number, type, is: "repeated" };
}

export function mapOf(number: number, type: TinyType): TinyField {
  return { number, type, is: "map" };
}

/** Writes a message; what is absent or has its default value is left out, but an empty sub-message is written. */
export function encodeTiny(schema: TinySchema, message: TinyMessage): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(message)) {
    const field = schema[name];
    if (!field) throw new Error(`the message has no field ${name}`);
    if (value === undefined) continue;
    if (field.is === "repeated") for (const item of value as unknown[]) parts.push(encodeField(field, item, true));
    else if (field.is === "map")
      for (const entry of Object.entries(value as object)) parts.push(encodeEntry(field, entry));
    else parts.push(encodeField(field, value, false));
  }
  return Buffer.concat(parts);
}

/** Reads a message; what it does not know is skipped, what is no protobuf throws. */
export function decodeTiny(schema: TinySchema, bytes: Uint8Array): TinyMessage {
  const message: TinyMessage = {};
  const byNumber = new Map<number, readonly [string, TinyField]>();
  for (const [name, field] of Object.entries(schema)) {
    byNumber.set(field.number, [name, field]);
    message[name] = emptyValue(field);
  }
  for (const { number, wire, value } of readFields(bytes)) {
    const [name, field] = byNumber.get(number) ?? [];
    if (name === undefined || field === undefined || wire !== (field.is === "map" ? 2 : wireOf(field.type))) continue;
    if (field.is === "repeated") message[name].push(decodeValue(field.type, value));
    else if (field.is === "map") {
      const entry = decodeTiny({ key: one(1, "string"), value: one(2, field.type) }, value as Uint8Array);
      message[name][entry.key] = entry.value;
    } else message[name] = decodeValue(field.type, value);
  }
  return message;
}

/** Every field of a message as it stands in the bytes: for tests of what is on the wire at all. */
export function* readFields(
  bytes: Uint8Array,
): Generator<{ readonly number: number; readonly wire: number; readonly value: bigint | Uint8Array }> {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const key = readVarint(reader);
    const number = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (number === 0) throw new Error("a field has the number 0");
    if (wire === 0) yield { number, wire, value: readVarint(reader) };
    else if (wire === 1) yield { number, wire, value: take(reader, 8) };
    else if (wire === 2) yield { number, wire, value: take(reader, Number(readVarint(reader))) };
    else if (wire === 5) yield { number, wire, value: take(reader, 4) };
    else throw new Error(`wire type ${wire} is not expected`);
  }
}

/** A field of any kind by hand, for messages that no schema would write. */
export function rawField(number: number, wire: number, content: Uint8Array): Buffer {
  const length = wire === 2 ? varint(BigInt(content.length)) : Buffer.alloc(0);
  return Buffer.concat([varint(BigInt(number * 8 + wire)), length, content]);
}

function encodeField(field: TinyField, value: unknown, always: boolean): Buffer {
  const content = encodeValue(field.type, value);
  const isDefault = typeof field.type === "string" && content.every((byte) => byte === 0);
  return isDefault && !always ? Buffer.alloc(0) : rawField(field.number, wireOf(field.type), content);
}

function encodeEntry(field: TinyField, [key, value]: [string, unknown]): Buffer {
  const entry = encodeTiny({ key: one(1, "string"), value: one(2, field.type) }, { key, value });
  return rawField(field.number, 2, entry);
}

function encodeValue(type: TinyType, value: unknown): Buffer {
  if (typeof type === "object") return encodeTiny(type, value);
  if (type === "string") return Buffer.from(value as string, "utf8");
  if (type === "bytes") return typeof value === "string" ? Buffer.from(value) : Buffer.from(value as Uint8Array);
  if (type === "bool") return varint(value === true ? 1n : 0n);
  if (type === "int64") return varint(BigInt.asUintN(64, BigInt(value as number | bigint)));
  const float = Buffer.alloc(4);
  float.writeFloatLE(value as number);
  return float;
}

function decodeValue(type: TinyType, value: bigint | Uint8Array): unknown {
  if (typeof type === "object") return decodeTiny(type, value as Uint8Array);
  if (type === "string") return new TextDecoder("utf-8", { fatal: true }).decode(value as Uint8Array);
  if (type === "bytes") return Buffer.from(value as Uint8Array);
  if (type === "bool") return value !== 0n;
  if (type === "int64") return Number(BigInt.asIntN(64, value as bigint));
  return Buffer.from(value as Uint8Array).readFloatLE(0);
}

function emptyValue({ type, is }: TinyField): unknown {
  if (is === "repeated") return [];
  if (is === "map") return {};
  if (type === "string") return "";
  if (type === "bytes") return Buffer.alloc(0);
  if (type === "bool") return false;
  return typeof type === "object" ? undefined : 0;
}

function wireOf(type: TinyType): number {
  if (type === "float") return 5;
  return type === "int64" || type === "bool" ? 0 : 2;
}

interface TinyReader {
  readonly bytes: Uint8Array;
  at: number;
}

function readVarint(reader: TinyReader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error("the message ends in a number");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Error("a number is too long");
}

function take(reader: TinyReader, length: number): Uint8Array {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new Error("the message ends in a field");
  const slice = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return slice;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
