/** Something that gave access no longer does. `user` covers every session and token of that person. */
export interface Revocation {
  readonly kind: "user" | "session" | "token" | "enrollment";
  readonly id: string;
}

/** Tells open sockets that their right to be open has ended. */
export class Revocations {
  readonly #listeners = new Set<(revocation: Revocation) => void>();

  /** Returns how to stop listening. */
  subscribe(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(revocation: Revocation): void {
    for (const listener of [...this.#listeners]) listener(revocation);
  }
}
