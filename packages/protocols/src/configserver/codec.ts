import type { Draft, Field, FieldKind, Fields, MessageOf } from "./fields.ts";
import { CONFIGSERVER_LIMITS, type ConfigServerLimits } from "./limits.ts";
import { UndecodableError, type UndecodableReason, WIRE, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

export type Decoded<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: UndecodableReason };

/** Reads and writes one kind of message. Both are pure; `decode` never throws. */
export interface Codec<Message extends object = object> {
  readonly table: Fields;
  decode(body: Uint8Array, limits?: Partial<ConfigServerLimits>): Decoded<Message>;
  encode(message: Draft<Message>): Buffer;
}

type Loose = Record<string, unknown>;

/** A row of a table, prepared. */
interface Step {
  readonly name: string;
  readonly kind: FieldKind;
  readonly shape: Field<unknown>["shape"];
  readonly tag: number;
  readonly inner: Plan | undefined;
}

interface Plan {
  readonly steps: readonly Step[];
  /** By field number; with holes. */
  readonly byNumber: readonly (Step | undefined)[];
  /** Every field at its default; copied for each message. */
  readonly blank: Loose;
}

const NO_ITEMS: readonly never[] = Object.freeze([]);
const NO_ENTRIES: ReadonlyMap<string, unknown> = new Map();
const NO_BYTES = new Uint8Array(0);
const MAP_KEY_TAG = 8 + WIRE.bytes;

export function codec<Table extends Fields>(table: Table): Codec<MessageOf<Table>> {
  const plan = makePlan(table);
  return {
    table,
    decode: (body, limits) => decode<MessageOf<Table>>(plan, body, limits),
    encode: (message) => {
      const writer = new WireWriter();
      writeMessage(writer, plan, message as Loose);
      return writer.finish();
    },
  };
}

function decode<Message>(plan: Plan, body: Uint8Array, limits?: Partial<ConfigServerLimits>): Decoded<Message> {
  try {
    const reader = new WireReader(body, limits ? { ...CONFIGSERVER_LIMITS, ...limits } : CONFIGSERVER_LIMITS);
    const message = { ...plan.blank };
    readMessage(reader, plan, message);
    return { ok: true, message: message as Message };
  } catch (error) {
    return { ok: false, reason: error instanceof UndecodableError ? error.reason : "malformed" };
  }
}

const plans = new WeakMap<Fields, Plan>();

/** Messages share the plans of those inside them. */
function makePlan(table: Fields): Plan {
  const made = plans.get(table);
  if (made) return made;
  const steps = Object.entries(table).map(([name, field]) => makeStep(name, field));
  const byNumber: (Step | undefined)[] = [];
  for (const step of steps) {
    while (byNumber.length <= step.tag >>> 3) byNumber.push(undefined);
    byNumber[step.tag >>> 3] = step;
  }
  const plan = { steps, byNumber, blank: Object.fromEntries(steps.map((step) => [step.name, defaultOf(step)])) };
  plans.set(table, plan);
  return plan;
}

function makeStep(name: string, { number, kind, shape, inner }: Field<unknown>): Step {
  const type = shape === "map" ? WIRE.bytes : wireTypeOf(kind);
  return { name, kind, shape, tag: number * 8 + type, inner: inner && makePlan(inner) };
}

function wireTypeOf(kind: FieldKind): number {
  if (kind === "float") return WIRE.fixed32;
  return kind === "string" || kind === "bytes" || kind === "message" ? WIRE.bytes : WIRE.varint;
}

function defaultOf({ kind, shape }: Pick<Step, "kind" | "shape">): unknown {
  if (shape === "list") return NO_ITEMS;
  if (shape === "map") return NO_ENTRIES;
  if (kind === "message") return undefined;
  if (kind === "string") return "";
  return kind === "bytes" ? NO_BYTES : 0;
}

/** Reads up to the reader's end into a message that may have been begun: the last value of a field counts, lists grow. */
function readMessage(reader: WireReader, plan: Plan, into: Loose): void {
  const { byNumber } = plan;
  while (reader.at < reader.end) {
    const tag = reader.readTag();
    const step = byNumber[tag >>> 3];
    if (step === undefined || step.tag !== tag) reader.skip(tag);
    else if (step.shape === "one") {
      into[step.name] = step.inner ? readInner(reader, step.inner, into[step.name]) : readScalar(reader, step.kind);
    } else if (step.shape === "list") {
      reader.countItem();
      const item = step.inner ? readInner(reader, step.inner, undefined) : readScalar(reader, step.kind);
      if (into[step.name] === NO_ITEMS) into[step.name] = [item];
      else (into[step.name] as unknown[]).push(item);
    } else {
      reader.countItem();
      if (into[step.name] === NO_ENTRIES) into[step.name] = new Map();
      readEntry(reader, step.kind, into[step.name] as Map<string, unknown>);
    }
  }
}

/** A sub-message in parts is one. */
function readInner(reader: WireReader, plan: Plan, begun: unknown): Loose {
  const into = (begun as Loose | undefined) ?? { ...plan.blank };
  const outerEnd = reader.end;
  const length = reader.readLength();
  reader.end = reader.at + length;
  readMessage(reader, plan, into);
  reader.end = outerEnd;
  return into;
}

function readEntry(reader: WireReader, kind: FieldKind, into: Map<string, unknown>): void {
  const outerEnd = reader.end;
  const length = reader.readLength();
  reader.end = reader.at + length;
  const valueTag = 16 + wireTypeOf(kind);
  let key = "";
  let value: unknown;
  while (reader.at < reader.end) {
    const tag = reader.readTag();
    if (tag === MAP_KEY_TAG) key = reader.readString();
    else if (tag === valueTag) value = readScalar(reader, kind);
    else reader.skip(tag);
  }
  reader.end = outerEnd;
  into.set(key, value ?? defaultOf({ kind, shape: "one" }));
}

function readScalar(reader: WireReader, kind: FieldKind): unknown {
  switch (kind) {
    case "string":
      return reader.readString();
    case "bytes":
      return reader.readBytes();
    case "int64":
      return reader.readInt64();
    case "int32":
      return reader.readInt32();
    case "uint64":
      return reader.readUint64();
    case "bits":
      return reader.readBits();
    default:
      return reader.readFloat();
  }
}

function writeMessage(writer: WireWriter, plan: Plan, message: Loose): void {
  for (const step of plan.steps) {
    const value = message[step.name];
    if (value === undefined) continue;
    if (step.shape === "list") {
      for (const item of value as readonly unknown[]) {
        writer.writeVarint32(step.tag);
        writeValue(writer, step, item);
      }
    } else if (step.shape === "map") {
      for (const [key, held] of value as ReadonlyMap<string, unknown>) {
        writer.writeVarint32(step.tag);
        const start = writer.begin();
        writer.writeVarint32(MAP_KEY_TAG);
        writer.writeString(key);
        writer.writeVarint32(16 + wireTypeOf(step.kind));
        writeValue(writer, step, held);
        writer.end(start);
      }
    } else if (!isDefault(step.kind, value)) {
      writer.writeVarint32(step.tag);
      writeValue(writer, step, value);
    }
  }
}

function isDefault(kind: FieldKind, value: unknown): boolean {
  if (kind === "message") return false;
  if (kind === "bytes") return (value as Uint8Array).length === 0;
  return value === "" || (kind === "float" ? Object.is(value, 0) : value === 0);
}

function writeValue(writer: WireWriter, { kind, inner }: Step, value: unknown): void {
  if (inner) {
    const start = writer.begin();
    writeMessage(writer, inner, value as Loose);
    writer.end(start);
  } else if (kind === "string") writer.writeString(value as string);
  else if (kind === "bytes") writer.writeBytes(value as Uint8Array);
  else if (kind === "float") writer.writeFloat(value as number);
  else if (kind === "int32") writer.writeVarint64((value as number) | 0);
  else writer.writeVarint64(toWhole(value as number, kind !== "int64"));
}

function toWhole(value: number, isUnsigned: boolean): number {
  const whole = Math.trunc(value) || 0;
  const lowest = isUnsigned ? 0 : Number.MIN_SAFE_INTEGER;
  return Math.min(Math.max(whole, lowest), Number.MAX_SAFE_INTEGER);
}
