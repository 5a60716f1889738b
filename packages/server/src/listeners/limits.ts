import { readFileSync } from "node:fs";

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

/**
 * Counts the sockets of all listeners. Above `limit` requests are refused with words; halfway into the reserve sockets
 * are ended at once, since answering costs a descriptor too. Running out of descriptors would break everything.
 */
export class SocketBudget {
  readonly limit: number;
  readonly hardLimit: number;
  open = 0;
  /** Since the start; for the metrics. */
  refused = 0;

  constructor(descriptorLimit: number = readDescriptorLimit()) {
    const reserve = Math.min(RESERVED_DESCRIPTORS, Math.floor(descriptorLimit / 2));
    this.limit = descriptorLimit - reserve;
    this.hardLimit = descriptorLimit - Math.floor(reserve / 2);
  }

  get isFull(): boolean {
    return this.open > this.limit;
  }

  get isExhausted(): boolean {
    return this.open > this.hardLimit;
  }
}
