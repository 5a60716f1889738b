import { MusterError } from "@muster/core";
import { hash, verify } from "@node-rs/argon2";

/** OWASP's second choice for argon2id (the library's default): about 20 ms, and memory that a flood cannot exhaust. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Hashes at a time: each takes 19 MiB and a thread of the pool that file and DNS work shares. */
const MAX_RUNNING = 2;
const MAX_WAITING = 32;

/** Hashes and checks passwords, a few at a time; refuses with resource_exhausted when too many wait. */
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #decoy: Promise<string> | undefined;

  hash(password: string): Promise<string> {
    return this.#take(() => hash(password, COST));
  }

  /**
   * True for the right password. Without a stored hash it checks against a decoy and answers false, so that an unknown
   * name costs as long as a known one.
   */
  async verify(stored: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hash("nobody has this password", COST);
    const compared = stored ?? (await this.#decoy);
    const matches = await this.#take(() => verify(compared, password));
    return stored !== undefined && matches;
  }

  async #take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= MAX_RUNNING) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new MusterError("resource_exhausted", "too many logins at once", { retryAfterMs: 2000 });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // the place is handed over, so the count stays
      if (next) next();
      else this.#running -= 1;
    }
  }
}
