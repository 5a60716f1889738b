const TWO_32 = 0x1_0000_0000;
/** Up to this long, a loop over the text is quicker than asking for its length and having it written. */
const SHORT_TEXT = 40;

/** Writes a message front to back; a sub-message's length is put before it when it is known. */
export class WireWriter {
  #bytes: Buffer = Buffer.allocUnsafe(512);
  #at = 0;

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  writeVarint32(value: number): void {
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Of a whole number that a JavaScript number holds exactly; negative ones take ten bytes. */
  writeVarint64(value: number): void {
    if (value >= 0 && value < TWO_32) {
      this.writeVarint32(value);
      return;
    }
    this.#reserve(10);
    let low = value >>> 0;
    let high = Math.floor(value / TWO_32) >>> 0;
    while (high > 0 || low > 0x7f) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#at++] = low;
  }

  writeFloat(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  writeString(text: string): void {
    if (text.length <= SHORT_TEXT && this.#writeShortAscii(text)) return;
    const length = Buffer.byteLength(text);
    this.writeVarint32(length);
    this.#reserve(length);
    this.#at += this.#bytes.write(text, this.#at);
  }

  writeBytes(bytes: Uint8Array): void {
    this.writeVarint32(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Leaves room for a length; answers where what it counts begins. */
  begin(): number {
    this.#reserve(1);
    return ++this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.#reserve(more);
    this.#bytes.copyWithin(start + more, start, this.#at);
    this.#at = start - 1;
    this.writeVarint32(length);
    this.#at += length;
  }

  /** False, with nothing written, when a character needs more than one byte. */
  #writeShortAscii(text: string): boolean {
    const length = text.length;
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
