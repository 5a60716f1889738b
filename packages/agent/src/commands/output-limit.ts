import { countOpenBytes, countStrayBytes } from "./text-pieces.ts";

/** Something to keep: a piece of output, or the note that bytes were left out here. */
export type Kept = { readonly bytes: Buffer } | { readonly cut: number };

/**
 * Keeps the head and the tail of one stream within a limit and cuts out the middle. The head passes at once; once it
 * is full, the tail is held in memory (at most half the limit) until the stream ends.
 */
export class OutputLimit {
  totalBytes = 0;
  cutBytes = 0;
  readonly #headLimit: number;
  readonly #tailLimit: number;
  #headBytes = 0;
  #headIsFull = false;
  #tail: Buffer[] = [];
  #tailBytes = 0;

  constructor(limitBytes: number) {
    this.#headLimit = Math.ceil(limitBytes / 2);
    this.#tailLimit = Math.floor(limitBytes / 2);
  }

  /** What of these bytes may be kept now. */
  push(bytes: Buffer): Buffer | undefined {
    this.totalBytes += bytes.length;
    if (this.#headIsFull) return this.#hold(bytes);
    const room = this.#headLimit - this.#headBytes;
    if (bytes.length <= room) {
      this.#headBytes += bytes.length;
      return bytes;
    }
    this.#headIsFull = true;
    let head = bytes.subarray(0, room);
    head = head.subarray(0, head.length - countOpenBytes(head));
    this.#hold(bytes.subarray(head.length));
    return head.length > 0 ? head : undefined;
  }

  /** What comes at the end of the stream: the note about the cut, when there was one, and the tail. */
  end(): Kept[] {
    const tail = Buffer.concat(this.#tail);
    this.#tail = [];
    if (this.cutBytes === 0) return tail.length > 0 ? [{ bytes: tail }] : [];
    const stray = countStrayBytes(tail);
    this.cutBytes += stray;
    const kept = tail.subarray(stray);
    return kept.length > 0 ? [{ cut: this.cutBytes }, { bytes: kept }] : [{ cut: this.cutBytes }];
  }

  #hold(bytes: Buffer): undefined {
    // a copy, since a slice would keep the whole 64 KiB buffer of the pipe alive
    this.#tail.push(Buffer.from(bytes));
    this.#tailBytes += bytes.length;
    if (this.#tail.length > 256) this.#tail = [Buffer.concat(this.#tail)];
    let excess = this.#tailBytes - this.#tailLimit;
    while (excess > 0) {
      const first = this.#tail[0];
      if (!first) break;
      const dropped = Math.min(excess, first.length);
      if (dropped === first.length) this.#tail.shift();
      else this.#tail[0] = first.subarray(dropped);
      this.#tailBytes -= dropped;
      this.cutBytes += dropped;
      excess -= dropped;
    }
    return undefined;
  }
}
