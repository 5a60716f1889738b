/** How a value stands on the wire; `bits` is a uint64 of which the low 53 bits are kept, enums are `int32`. */
export type FieldKind = "string" | "bytes" | "int64" | "int32" | "uint64" | "bits" | "float" | "message";

/** One row of a message's table. `Value` is what the field is in a decoded message. */
export interface Field<Value> {
  readonly number: number;
  readonly kind: FieldKind;
  readonly shape: "one" | "list" | "map";
  readonly inner?: Fields;
  /** For the compiler alone; never set. */
  readonly holds?: Value;
}

export interface Fields {
  readonly [name: string]: Field<unknown>;
}

/** The message that a table describes. Absent fields have their default, an absent sub-message is undefined. */
export type MessageOf<Table extends Fields> = {
  readonly [Name in keyof Table]: Table[Name] extends Field<infer Value> ? Value : never;
};

/** What one gives to be encoded: whatever is left out is left out on the wire, too. */
export type Draft<Value> = Value extends
  | string
  | number
  | boolean
  | undefined
  | Uint8Array
  | ReadonlyMap<string, unknown>
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Draft<Item>[]
    : { readonly [Name in keyof Value]?: Draft<Value[Name]> | undefined };

export const string = (number: number): Field<string> => ({ number, kind: "string", shape: "one" });
export const bytes = (number: number): Field<Uint8Array> => ({ number, kind: "bytes", shape: "one" });
export const int64 = (number: number): Field<number> => ({ number, kind: "int64", shape: "one" });
export const int32 = (number: number): Field<number> => ({ number, kind: "int32", shape: "one" });
export const uint64 = (number: number): Field<number> => ({ number, kind: "uint64", shape: "one" });
export const bits = (number: number): Field<number> => ({ number, kind: "bits", shape: "one" });
export const float = (number: number): Field<number> => ({ number, kind: "float", shape: "one" });

export function message<Table extends Fields>(number: number, inner: Table): Field<MessageOf<Table> | undefined> {
  return { number, kind: "message", shape: "one", inner };
}

export function strings(number: number): Field<readonly string[]> {
  return { number, kind: "string", shape: "list" };
}

export function list<Table extends Fields>(number: number, inner: Table): Field<readonly MessageOf<Table>[]> {
  return { number, kind: "message", shape: "list", inner };
}

interface MapValues {
  string: string;
  bytes: Uint8Array;
  int64: number;
}

/** A map with text keys. Map entries are messages with the key as field 1 and the value as field 2. */
export function map<Kind extends keyof MapValues>(
  number: number,
  kind: Kind,
): Field<ReadonlyMap<string, MapValues[Kind]>> {
  return { number, kind, shape: "map" };
}
