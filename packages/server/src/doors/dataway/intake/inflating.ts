import { MusterError } from "@muster/core";

/**
 * What compressed bodies may take together. One by one they are held to a limit, but some kilobytes become that much, and
 * hundreds of them may come at once. The others wait for their turn, since they are small as long as they are packed.
 */
export class InflatedBodies {
  readonly #mostAtOnce: number;
  readonly #mostBytes: number;
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #held = 0;

  constructor(limits: { readonly mostAtOnce: number; readonly mostBytes: number }) {
    this.#mostAtOnce = limits.mostAtOnce;
    this.#mostBytes = limits.mostBytes;
  }

  /** Bytes of bodies that somebody works on. */
  get held(): number {
    return this.#held;
  }

  /**
   * Unpacks a body when it is its turn, and counts it until `work` is done with it. Throws `unavailable` while all that were
   * unpacked hold too much: what waits for the database is not packed any more.
   */
  async use<Result>(unpack: () => Promise<Uint8Array>, work: (body: Uint8Array) => Promise<Result>): Promise<Result> {
    const body = await this.#inTurn(unpack);
    this.#held += body.length;
    try {
      if (this.#held > this.#mostBytes && this.#held > body.length)
        throw new MusterError("unavailable", "too many bodies at once");
      return await work(body);
    } finally {
      this.#held -= body.length;
    }
  }

  async #inTurn(unpack: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#running < this.#mostAtOnce) this.#running += 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await unpack();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
