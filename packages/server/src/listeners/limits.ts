import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** What one peer may cost. All of them hold for every listener. */
export const LISTENER_LIMITS = {
  headerBytes: 16 * 1024,
  headerCount: 100,
  headersTimeoutMs: 15_000,
  /** For a request to arrive whole. */
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  /** A socket that neither sends nor takes anything while a request is on. */
  idleTimeoutMs: 120_000,
  tlsHandshakeTimeoutMs: 10_000,
  /** For a door to decide about an upgrade. */
  upgradeTimeoutMs: 10_000,
  /** For a peer to answer our close frame. */
  closeTimeoutMs: 5000,
  /** A peer that lets this much pile up is gone. */
  bufferedBytes: 8 * 1024 * 1024,
  checkEveryMs: 2000,
  /** Of bodies that all doors hold at once, from senders that have shown a good token. */
  bodyBytes: 128 * 1024 * 1024,
  /** The same for everybody else, so that strangers who never end a body keep nobody out but each other. */
  strangerBodyBytes: 16 * 1024 * 1024,
} as const;

export type ListenerLimits = { readonly [Name in keyof typeof LISTENER_LIMITS]: number };

/** Descriptors kept free for the database, files, child processes and the log. */
const RESERVED_DESCRIPTORS = 512;
const UNKNOWN_LIMIT = 1024;

/** The soft limit of open files of this process; a careful guess where it cannot be read. */
export function readDescriptorLimit(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"));
    if (line?.[1] === "unlimited") return Number.MAX_SAFE_INTEGER;
    return line ? Number(line[1]) : UNKNOWN_LIMIT;
  } catch {
    // no /proc here: macOS and Windows
    return process.platform === "win32" ? 16_384 : UNKNOWN_LIMIT;
  }
}

/** Sockets that operators can still open when agents no longer can. */
const OPERATOR_SOCKETS = 256;
/** Idle connections are looked for at most this often. */
const TIDY_EVERY_MS = 1_000;

interface SilentSocket {
  readonly socket: Socket;
  readonly onGone: () => void;
}

/**
 * Counts the sockets of all listeners, so that descriptors never run out, which would break everything. Whoever has sent
 * a request counts: above `agentLimit` doors refuse, above `limit` everybody is refused with words. Sockets that have
 * said nothing make room for new ones as soon as there are more than `limit`, the oldest first. Halfway into the reserve
 * newcomers are ended at once, since answering costs a descriptor too.
 */
export class SocketBudget {
  readonly agentLimit: number;
  readonly limit: number;
  readonly hardLimit: number;
  open = 0;
  /** Since the start; for the metrics. */
  refused = 0;
  /** Silent sockets that made room; for the metrics. */
  evicted = 0;
  /** By their two ends, since above TLS a request has another socket object than the connection that it came on. */
  readonly #silent = new Map<string, SilentSocket>();
  /** One for all sockets. */
  readonly #onClose = () => {
    this.open -= 1;
  };
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(descriptorLimit: number = readDescriptorLimit()) {
    const reserve = Math.min(RESERVED_DESCRIPTORS, Math.floor(descriptorLimit / 2));
    this.limit = descriptorLimit - reserve;
    this.hardLimit = descriptorLimit - Math.floor(reserve / 2);
    this.agentLimit = this.limit - Math.min(OPERATOR_SOCKETS, Math.floor(this.limit / 4));
  }

  /** Connections that have sent a request. */
  get spoken(): number {
    return this.open - this.#silent.size;
  }

  /** True while nobody but operators may open more. */
  get isClosedToAgents(): boolean {
    return this.spoken > this.agentLimit;
  }

  get isFull(): boolean {
    return this.spoken > this.limit;
  }

  /** Takes a new connection into account; ends it or an older one when there are too many. */
  enter(socket: Socket, listener: string): void {
    const ends = describeEnds(socket, listener);
    const onGone = () => void this.#silent.delete(ends);
    this.open += 1;
    this.#silent.set(ends, { socket, onGone });
    socket.once("close", this.#onClose);
    socket.once("close", onGone);
    if (this.open <= this.limit) return;
    const [oldest] = this.#silent.values();
    if (oldest && oldest.socket !== socket) {
      this.evicted += 1;
      this.#end(oldest);
    } else if (this.open > this.hardLimit) {
      this.refused += 1;
      this.#end({ socket, onGone });
    }
  }

  /** The connection has sent a whole request: it is no longer the first to go. */
  hear(socket: Socket, listener: string): void {
    const ends = describeEnds(socket, listener);
    const entry = this.#silent.get(ends);
    if (!entry) return;
    this.#silent.delete(ends);
    entry.socket.off("close", entry.onGone);
  }

  /** True when idle connections should be closed to make room; not more often than once a second. */
  mayTidy(now: number): boolean {
    if (now - this.#tidiedAt < TIDY_EVERY_MS) return false;
    this.#tidiedAt = now;
    return true;
  }

  /** Its descriptor is free when this returns, so it is not counted until its close event. */
  #end({ socket, onGone }: SilentSocket): void {
    socket.off("close", this.#onClose);
    socket.off("close", onGone);
    this.open -= 1;
    onGone();
    socket.destroy();
  }
}

/** The listener stands for our own port: asking the socket for it would keep an object for each. */
function describeEnds({ remoteAddress, remotePort }: Socket, listener: string): string {
  return `${remoteAddress} ${remotePort} ${listener}`;
}
