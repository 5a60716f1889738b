import type { ConfigServerLimits } from "./limits.ts";

export type UndecodableReason = "too_large" | "malformed" | "too_deep" | "too_many_items";

/** Thrown within the codec only; `decode` makes a result of it. */
export class UndecodableError extends Error {
  readonly reason: UndecodableReason;

  constructor(reason: UndecodableReason) {
    super(reason);
    this.reason = reason;
  }
}

/** Of the wire; what a message holds is told by its table. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

const TWO_32 = 0x1_0000_0000;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where in a body one reads, and up to where; strict wherever the original's decoder is. */
export class WireReader {
  readonly limits: ConfigServerLimits;
  at = 0;
  end: number;
  readonly #bytes: Buffer;
  #items = 0;
  /** The halves of the last varint, unsigned. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, limits: ConfigServerLimits) {
    if (bytes.length > limits.bodyBytes) throw new UndecodableError("too_large");
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limits = limits;
    this.end = bytes.length;
  }

  /** Counts one entry of a list or map. */
  countItem(): void {
    if (++this.#items > this.limits.items) throw new UndecodableError("too_many_items");
  }

  /** Number and wire type as one: `number * 8 + type`. */
  readTag(): number {
    const first = this.at < this.end ? (this.#bytes[this.at] as number) : 0;
    if (first >= 8 && first < 0x80) {
      this.at++;
      return checkWireType(first);
    }
    this.#readVarint();
    if (this.#high !== 0 || this.#low < 8) throw new UndecodableError("malformed");
    return checkWireType(this.#low);
  }

  /** Beyond what a number holds exactly, the nearest that it does. */
  readInt64(): number {
    this.#readVarint();
    if (this.#high === 0) return this.#low;
    return clamp((this.#high | 0) * TWO_32 + this.#low);
  }

  readUint64(): number {
    this.#readVarint();
    return clamp(this.#high * TWO_32 + this.#low);
  }

  /** The low 53 bits: the others are nobody's yet, and clamping would set bits that were not. */
  readBits(): number {
    this.#readVarint();
    return (this.#high & 0x1f_ffff) * TWO_32 + this.#low;
  }

  readInt32(): number {
    this.#readVarint();
    return this.#low | 0;
  }

  readFloat(): number {
    const start = this.#advance(4);
    return this.#bytes.readFloatLE(start);
  }

  readString(): string {
    const start = this.#advance(this.readLength());
    const bytes = this.#bytes;
    const end = this.at;
    let at = start;
    while (at < end && (bytes[at] as number) < 0x80) at++;
    if (at === end) return bytes.toString("latin1", start, end);
    try {
      return UTF8.decode(bytes.subarray(start, end));
    } catch {
      throw new UndecodableError("malformed");
    }
  }

  /** A copy: the body need not be kept for it. */
  readBytes(): Uint8Array {
    const start = this.#advance(this.readLength());
    return new Uint8Array(this.#bytes.subarray(start, this.at));
  }

  /** Of what follows; it lies within the message. */
  readLength(): number {
    this.#readVarint();
    if (this.#high !== 0 || this.#low > this.end - this.at) throw new UndecodableError("malformed");
    return this.#low;
  }

  /** Passes the value of a field whose tag was read. */
  skip(tag: number, depth = 0): void {
    const type = tag & 7;
    if (type === WIRE.varint) this.#readVarint();
    else if (type === WIRE.fixed64) this.#advance(8);
    else if (type === WIRE.bytes) this.#advance(this.readLength());
    else if (type === WIRE.fixed32) this.#advance(4);
    else if (type === WIRE.startGroup) this.#skipGroup(tag >>> 3, depth + 1);
    else throw new UndecodableError("malformed");
  }

  #skipGroup(number: number, depth: number): void {
    if (depth > this.limits.depth) throw new UndecodableError("too_deep");
    for (;;) {
      const tag = this.readTag();
      if ((tag & 7) !== WIRE.endGroup) this.skip(tag, depth);
      else if (tag >>> 3 === number) return;
      else throw new UndecodableError("malformed");
    }
  }

  #advance(length: number): number {
    const start = this.at;
    if (length > this.end - start) throw new UndecodableError("malformed");
    this.at = start + length;
    return start;
  }

  #readVarint(): void {
    const bytes = this.#bytes;
    const end = this.end;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new UndecodableError("malformed");
      const byte = bytes[at++] as number;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else if (shift < 63) high |= part << (shift - 32);
      else if (byte > 1) break;
      else high |= part << 31;
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        this.at = at;
        return;
      }
    }
    throw new UndecodableError("malformed");
  }
}

function checkWireType(tag: number): number {
  if ((tag & 7) > WIRE.fixed32) throw new UndecodableError("malformed");
  return tag;
}

function clamp(value: number): number {
  return Math.max(Math.min(value, Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER);
}
