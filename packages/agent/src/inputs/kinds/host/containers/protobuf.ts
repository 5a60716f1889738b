/** A message of Protocol Buffers by the numbers of its fields; numbers as they are, everything else as bytes. */
export type Message = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

const MAX_FIELDS = 100_000;

/** Reads the fields of a message. Throws on bytes that are none. */
export function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a message ends inside a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error("a message has a number that is too long");
  };
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw new Error("a message ends inside a field");
    at += length;
    return bytes.subarray(at - length, at);
  };
  for (let count = 0; at < bytes.length; count++) {
    if (count >= MAX_FIELDS) throw new Error("a message has too many fields");
    const key = readVarint();
    const number = Number(key >> 3n);
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    switch (Number(key & 7n)) {
      case 0:
        values.push(readVarint());
        break;
      case 1:
        values.push(take(8));
        break;
      case 2:
        values.push(take(Number(readVarint())));
        break;
      case 5:
        values.push(take(4));
        break;
      default:
        throw new Error("a message has a field of an unknown type");
    }
  }
  return fields;
}

export function textAt(message: Message, number: number): string {
  const value = message.get(number)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString("utf8") : "";
}

/** Undefined where the field is absent. */
export function numberAt(message: Message, number: number): number | undefined {
  const value = message.get(number)?.at(-1);
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : undefined;
}

/** Messages inside a message; an absent one reads as empty. */
export function messageAt(message: Message, number: number): Message {
  const value = message.get(number)?.at(-1);
  return Buffer.isBuffer(value) ? readMessage(value) : new Map();
}

export function messagesAt(message: Message, number: number): Message[] {
  return (message.get(number) ?? []).filter((value) => Buffer.isBuffer(value)).map(readMessage);
}

/** A map of texts. */
export function textMapAt(message: Message, number: number): Record<string, string> {
  return Object.fromEntries(messagesAt(message, number).map((entry) => [textAt(entry, 1), textAt(entry, 2)]));
}
