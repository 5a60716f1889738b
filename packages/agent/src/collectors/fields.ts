const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;

/** Walks over a text of /proc byte by byte, so that a reading makes no garbage. Never throws on odd content. */
export class Fields {
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;

  /** Starts over with other bytes. */
  reset(bytes: Uint8Array): this {
    this.#bytes = bytes;
    this.#at = 0;
    return this;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** True when the line goes on after optional blanks. */
  get hasMore(): boolean {
    this.#skipBlanks();
    return !this.isAtEnd && this.#bytes[this.#at] !== NEWLINE;
  }

  /** True when the next bytes are the given text; they are passed over then. */
  take(text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      if (this.#bytes[this.#at + index] !== text.charCodeAt(index)) return false;
    }
    this.#at += text.length;
    return true;
  }

  /** The next number, 0 where there is none; the sign and what follows the digits are passed over. */
  number(): number {
    this.#skipBlanks();
    let digits = 0;
    let divisor = 0; // 0 before the decimal point
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte === DOT && divisor === 0) divisor = 1;
      else if (byte < ZERO || byte > NINE) break;
      else {
        digits = digits * 10 + (byte - ZERO);
        divisor *= 10;
      }
    }
    this.#skipWord();
    return divisor === 0 ? digits : digits / divisor;
  }

  /** The next word, up to a blank or the end of the line. */
  word(): string {
    this.#skipBlanks();
    const start = this.#at;
    this.#skipWord();
    return String.fromCharCode(...this.#bytes.subarray(start, this.#at));
  }

  /** The text up to a byte, which is passed over; undefined when the line ends before it. */
  until(stop: string): string | undefined {
    this.#skipBlanks();
    const code = stop.charCodeAt(0);
    let end = this.#at;
    while (end < this.#bytes.length && this.#bytes[end] !== NEWLINE && this.#bytes[end] !== code) end++;
    if (this.#bytes[end] !== code) return undefined;
    const text = String.fromCharCode(...this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  /** Passes over the rest of the word that was partly taken. */
  skipRest(): void {
    this.#skipWord();
  }

  /** Passes over `count` words. */
  skip(count: number): void {
    for (let index = 0; index < count; index++) {
      this.#skipBlanks();
      this.#skipWord();
    }
  }

  /** Goes to the start of the next line. */
  nextLine(): void {
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== NEWLINE) this.#at++;
    this.#at++;
  }

  #skipBlanks(): void {
    while (this.#bytes[this.#at] === SPACE || this.#bytes[this.#at] === TAB) this.#at++;
  }

  #skipWord(): void {
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte === SPACE || byte === TAB || byte === NEWLINE) return;
    }
  }
}
