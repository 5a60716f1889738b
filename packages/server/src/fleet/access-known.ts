import type { Clock } from "@muster/core";
import type { Identity } from "./access.ts";
import type { Revocations } from "./access-revocations.ts";

interface Known {
  readonly identity: Identity;
  readonly expiresAt: number | null;
  /** When the store last vouched for it. Monotonic. */
  readonly at: number;
}

/** How long the store's last word on a caller counts while it is away. */
const KNOWN_MS = 5 * 60_000;
const MAX_KNOWN = 1000;

/** Callers that the store vouched for lately, by the hash of their secret. Whoever is revoked is forgotten at once. */
export class KnownCallers {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  #revision = 0;

  constructor(parts: { readonly clock: Clock; readonly revocations: Revocations }) {
    this.#clock = parts.clock;
    parts.revocations.subscribe(({ kind, id }) => {
      this.#revision += 1;
      for (const [hash, { identity }] of this.#known)
        if (kind === "user" ? identity.ownerId === id : kind === "token" && identity.credential.id === id)
          this.#known.delete(hash);
    });
  }

  /** Changes whenever somebody is revoked. Read it before asking the store. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes the store's word; not one that it gave before the latest revocation. */
  learn(hash: string, found: Omit<Known, "at"> | undefined, revision: number): void {
    this.#known.delete(hash);
    if (!found || revision !== this.#revision) return;
    this.#known.set(hash, { ...found, at: this.#clock.monotonic() });
    if (this.#known.size <= MAX_KNOWN) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  find(hash: string): Identity | undefined {
    const known = this.#known.get(hash);
    if (!known || this.#clock.monotonic() - known.at > KNOWN_MS) return undefined;
    if (known.expiresAt !== null && known.expiresAt <= this.#clock.now()) return undefined;
    return known.identity;
  }
}
