/** Bytes, one character each, and what they mean. */
export interface Known<Value> {
  readonly text: string;
  readonly value: Value;
}

interface Entry<Value> extends Known<Value> {
  readonly hash: number;
  readonly cost: number;
}

/**
 * What ranges of bytes mean, for a reader that meets the same ones again and again: they are found without making a string.
 * Each range has two places where it may stand and takes the older one's, so that neither many nor hostile ones make a search
 * longer; what was pushed out is only read again. Forgets all when it costs too much.
 */
export class ByteCache<Value> {
  readonly #places: (Entry<Value> | undefined)[];
  readonly #maxCost: number;
  #cost = 0;

  /** `places` is rounded up to a power of two. */
  constructor(places: number, maxCost: number) {
    this.#places = Array(2 ** Math.ceil(Math.log2(Math.max(2, places)))).fill(undefined);
    this.#maxCost = maxCost;
  }

  /** What all that is kept costs. */
  get cost(): number {
    return this.#cost;
  }

  find(bytes: Uint8Array, range: ByteRange): Known<Value> | undefined {
    const place = range.hash & (this.#places.length - 1);
    const first = this.#places[place];
    if (first !== undefined && isSame(first, bytes, range)) return first;
    const second = this.#places[place ^ 1];
    return second !== undefined && isSame(second, bytes, range) ? second : undefined;
  }

  /** What costs more than all may is answered and not kept. */
  keep(
    bytes: Buffer,
    range: ByteRange,
    { value, cost }: { readonly value: Value; readonly cost: number },
  ): Known<Value> {
    const { start, end, hash } = range;
    const entry = { text: bytes.toString("latin1", start, end), hash, value, cost };
    if (cost > this.#maxCost) return entry;
    if (this.#cost + cost > this.#maxCost) {
      this.#places.fill(undefined);
      this.#cost = 0;
    }
    const place = hash & (this.#places.length - 1);
    this.#cost += cost - (this.#places[place ^ 1]?.cost ?? 0);
    this.#places[place ^ 1] = this.#places[place];
    this.#places[place] = entry;
    return entry;
  }
}

/** Bytes of a body, and a number that is the same for the same bytes. */
export interface ByteRange {
  start: number;
  end: number;
  hash: number;
}

export const HASH_START = 0x811c9dc5;

/** The next state of a hash (FNV-1a). */
export function addToHash(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

function isSame<Value>(entry: Entry<Value>, bytes: Uint8Array, { start, end, hash }: ByteRange): boolean {
  return entry.hash === hash && entry.text.length === end - start && standsAt(entry.text, bytes, start);
}

/** Whether these bytes stand at `start`. */
export function standsAt(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false;
  return true;
}
