import { newMessageId } from "@muster/core";
import { decodeDashboardFrame, encodeMonitorFrame, WORDS } from "@muster/protocols/node";
import type { Identity } from "../../fleet/access.ts";
import type { Connection, ConnectionHandler } from "../../listeners/door.ts";
import { encodeError } from "./credentials.ts";
import type { Monitors } from "./monitors.ts";
import { DOOR_LIMITS, type NodeDoorParts } from "./parts.ts";

/** One dashboard's socket: a greeting, a picture of the fleet, then what changes. It can only say that it lives. */
export class MonitorConnection implements ConnectionHandler {
  readonly identity: Identity;
  readonly #parts: NodeDoorParts;
  readonly #monitors: Monitors;
  readonly #clientId = newMessageId();
  #connection: Connection | undefined;
  /** Pushes wait for the first picture, which must come before them. */
  #hasPicture = false;
  #undecodable = 0;

  constructor(parts: NodeDoorParts, monitors: Monitors, identity: Identity) {
    this.#parts = parts;
    this.#monitors = monitors;
    this.identity = identity;
  }

  async onOpen(connection: Connection): Promise<void> {
    this.#connection = connection;
    const data = { message: WORDS.welcome, client_id: this.#clientId, connection_type: "monitor" } as const;
    const timestamp = this.#parts.timestamp();
    connection.send(encodeMonitorFrame({ type: "welcome", id: newMessageId(), timestamp, data }));
    this.#monitors.add(this);
    const picture = this.#monitors.openPicture();
    for (const text of await picture.texts) connection.send(text);
    for (const text of picture.pushes) connection.send(text);
    this.#hasPicture = true;
  }

  onText(text: string): void {
    const decoded = decodeDashboardFrame(text);
    const timestamp = this.#parts.timestamp();
    if (decoded.frame) {
      this.#undecodable = 0;
      const data = { received: true, client_id: this.#clientId } as const;
      this.push(encodeMonitorFrame({ type: "pong", id: decoded.frame.id, timestamp, data }));
      return;
    }
    const { error: code, message, details, id } = decoded;
    this.push(encodeError(id === undefined ? { code, message, details } : { code, message, details, id }, timestamp));
    this.#undecodable = code === "UNKNOWN_MESSAGE_TYPE" ? 0 : this.#undecodable + 1;
    if (this.#undecodable >= DOOR_LIMITS.undecodableInARow) this.end(1008, "ten undecodable messages in a row");
  }

  onClose(): void {
    this.#connection = undefined;
    this.#monitors.remove(this);
  }

  /** Sends, or skips when the dashboard has too much unread. */
  push(text: string): void {
    const connection = this.#connection;
    if (!connection || !this.#hasPicture) return;
    if (connection.bufferedBytes >= DOOR_LIMITS.replyBufferBytes) this.#parts.counters.pushesSkipped++;
    else connection.send(text);
  }

  end(code: number, reason: string): void {
    this.#connection?.close(code, reason);
  }
}
