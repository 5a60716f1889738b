import { newMessageId, type TokenId } from "@muster/core";
import { type DecodeFailure, decodeNodeFrame, encodeCoreFrame, type NodeFrame, WORDS } from "@muster/protocols/node";
import type { Connection, ConnectionHandler } from "../../listeners/door.ts";
import { AgentBinding } from "./agent-binding.ts";
import { encodeError } from "./credentials.ts";
import { DOOR_LIMITS, type NodeDoorParts } from "./parts.ts";

/** What was known of a node before it said anything. */
export interface NodeVisit {
  /** From the query; a fresh UUID where none was given. */
  readonly nodeId: string;
  /** Of the enrolment token that it came with, to notice that it was revoked. */
  readonly tokenId: TokenId;
  readonly remoteAddress: string;
}

/**
 * One node's socket. It speaks for the id of its address until it registers another one; every id that it has spoken
 * for has a session of its own. Never sends a Ping or a binary frame, and never closes for a nit: the original agent
 * survives neither, and it does not come back after a close.
 */
export class NodeConnection implements ConnectionHandler {
  readonly #parts: NodeDoorParts;
  readonly #visit: NodeVisit;
  /** Nearly every socket has just one: that one needs no map. */
  #first: AgentBinding | undefined;
  #others: Map<string, AgentBinding> | undefined;
  #connection: Connection | undefined;
  /** The id that messages without one are about. */
  #currentId: string;
  /** The one among the bindings that spoke last: nearly always the only one. */
  #speaker: AgentBinding | undefined;
  #undecodable = 0;
  #pendingBytes = 0;
  #closed = false;

  constructor(parts: NodeDoorParts, visit: NodeVisit) {
    this.#parts = parts;
    this.#visit = visit;
    this.#currentId = visit.nodeId;
  }

  onOpen(connection: Connection): void {
    this.#connection = connection;
    this.#parts.counters.connections++;
    const data = { message: WORDS.welcome, node_id: this.#visit.nodeId };
    const timestamp = this.#parts.timestamp();
    this.send(encodeCoreFrame({ type: "welcome", id: newMessageId(), timestamp, data }));
  }

  onText(text: string): void {
    if (this.#closed) return;
    this.#parts.counters.framesReceived++;
    const decoded = decodeNodeFrame(text);
    if (decoded.frame === undefined) {
      this.#refuse(decoded);
      return;
    }
    this.#undecodable = 0;
    this.#bindingFor(decoded.frame)?.receive(decoded.frame, text.length);
  }

  onClose(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.counters.connections--;
    const why = describeEnd(code, reason);
    for (const binding of this.#bindings()) binding.close(why);
    this.#first = undefined;
    this.#others = undefined;
    this.#speaker = undefined;
  }

  get remoteAddress(): string {
    return this.#visit.remoteAddress;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  /** The id of the enrolment token, as long as that is good. */
  findTokenId(): TokenId | undefined {
    const { tokenId } = this.#visit;
    return this.#parts.access.isEnrollmentGood(tokenId) ? tokenId : undefined;
  }

  /** For what must arrive. */
  send(text: string): void {
    if (!this.#closed) this.#connection?.send(text);
  }

  /** For acknowledgements and errors: dropped while the peer leaves too much unread. */
  reply(text: string): void {
    if (this.bufferedBytes >= DOOR_LIMITS.replyBufferBytes) this.#parts.counters.repliesDropped++;
    else this.send(text);
  }

  /** Rings every binding once the peer has read enough to be given work. */
  whenReadable(): void {
    this.#connection?.whenBelow(DOOR_LIMITS.workBufferBytes, () => {
      for (const binding of this.#bindings()) binding.onWork();
    });
  }

  end(code: number, reason: string): void {
    this.#connection?.close(code, reason);
  }

  /** Forgets one id of the socket; its next message is met anew. */
  unbind(binding: AgentBinding): void {
    if (this.#first === binding) this.#first = undefined;
    else if (this.#others?.get(binding.nodeId) === binding) this.#others.delete(binding.nodeId);
    if (this.#speaker === binding) this.#speaker = undefined;
  }

  /** False when so much waits for the store already that this message must be dropped. */
  reserve(bytes: number): boolean {
    if (this.#pendingBytes + bytes > DOOR_LIMITS.pendingBytes && this.#pendingBytes > 0) {
      this.#parts.counters.framesDropped++;
      return false;
    }
    this.#pendingBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#pendingBytes -= bytes;
  }

  #bindingFor(frame: NodeFrame): AgentBinding | undefined {
    const told = "node_id" in frame.data ? frame.data.node_id : undefined;
    const nodeId = told ?? this.#currentId;
    if (this.#speaker?.nodeId === nodeId && frame.type !== "node_register") return this.#speaker;
    if (frame.type === "node_register") this.#currentId = nodeId;
    const known = this.#first?.nodeId === nodeId ? this.#first : this.#others?.get(nodeId);
    if (known) {
      this.#speaker = known;
      return known;
    }
    if (this.#first && (this.#others?.size ?? 0) >= DOOR_LIMITS.idsPerConnection - 1) {
      const details = `one connection may speak for ${DOOR_LIMITS.idsPerConnection} nodes`;
      this.reply(encodeError({ code: "INVALID_REGISTER_DATA", details, id: frame.id }, this.#parts.timestamp()));
      return undefined;
    }
    const binding = new AgentBinding(this.#parts, this, nodeId);
    if (this.#first) {
      this.#others ??= new Map();
      this.#others.set(nodeId, binding);
    } else this.#first = binding;
    return binding;
  }

  #bindings(): AgentBinding[] {
    return [...(this.#first ? [this.#first] : []), ...(this.#others?.values() ?? [])];
  }

  #refuse(failure: DecodeFailure): void {
    this.#parts.counters.framesRefused++;
    const { error: code, message, details, id } = failure;
    const error = id === undefined ? { code, message, details } : { code, message, details, id };
    this.reply(encodeError(error, this.#parts.timestamp()));
    // a type that we do not know is a message all the same
    this.#undecodable = code === "UNKNOWN_MESSAGE_TYPE" ? 0 : this.#undecodable + 1;
    if (this.#undecodable < DOOR_LIMITS.undecodableInARow) return;
    this.#parts.log.info({ nodeId: this.#visit.nodeId, error: code }, "closing a node that makes no sense");
    this.end(1008, "ten undecodable messages in a row");
  }
}

function describeEnd(code: number, reason: string): string {
  if (reason !== "") return `the connection was closed: ${reason.slice(0, 200)}`;
  return code === 1000 || code === 1001 ? "the agent disconnected" : `the connection was lost (${code})`;
}
