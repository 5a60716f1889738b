import type { DatakitBinding } from "./datakit-binding.ts";
import type { DatakitConnection } from "./datakit-connection.ts";

/** A DataKit and the socket that it speaks over. */
export interface Live {
  readonly binding: DatakitBinding;
  readonly connection: DatakitConnection;
}

/** The DataKits that are connected to this process, by their ids. The newest socket of each is the one that counts. */
export class LiveDatakits {
  readonly #connections = new Set<DatakitConnection>();
  readonly #byId = new Map<string, Live>();

  get connections(): Iterable<DatakitConnection> {
    return this.#connections;
  }

  enter(connection: DatakitConnection): void {
    this.#connections.add(connection);
  }

  leave(connection: DatakitConnection): void {
    this.#connections.delete(connection);
  }

  /** Whether somebody with another token is connected under this id. */
  isTaken(id: string, token: string): boolean {
    const live = this.#byId.get(id);
    return live !== undefined && live.connection.token !== token;
  }

  /** Makes room for a newer socket of a DataKit. Answers what is to go on over it: a DataKit in its reload. */
  claim(id: string, token: string): DatakitBinding | "refused" | undefined {
    const live = this.#byId.get(id);
    if (!live) return undefined;
    if (live.connection.token !== token) return "refused";
    return live.binding.isReloading ? live.binding : undefined;
  }

  /** Answers the older socket of the same DataKit, which is to be sent away: its end is about itself only. */
  add(binding: DatakitBinding, connection: DatakitConnection): Live | undefined {
    const older = this.#byId.get(binding.id);
    this.#byId.set(binding.id, { binding, connection });
    return older && older.binding !== binding ? older : undefined;
  }

  forget(binding: DatakitBinding): void {
    if (this.#byId.get(binding.id)?.binding === binding) this.#byId.delete(binding.id);
  }

  /** Those that are stored. */
  *known(): Iterable<{ readonly id: string; readonly agentId: string }> {
    for (const { binding } of this.#byId.values()) {
      const { id, agentId } = binding;
      if (agentId !== undefined) yield { id, agentId };
    }
  }

  /** Tokens of live connections. */
  *tokens(): Iterable<string> {
    for (const { token } of this.#connections) if (token !== "") yield token;
  }

  /** Sends everybody away who came with this token. */
  endToken(token: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.token === token) connection.end(1008, "its token was revoked");
    }
  }
}
