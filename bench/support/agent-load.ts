import type { Socket } from "node:net";
import { delay, HOST_METRICS, systemClock } from "@muster/core";
import { percentile } from "./numbers.ts";
import { buildTextFrame, openRawSocket } from "./raw-socket.ts";

/**
 * `original`: a heartbeat as the original node agent writes it. `native`: with the reading of our own agent. `shown`: the
 * same from an agent that has older ones to send first, so that the server shows it and stores no history.
 */
export type BeatKind = "original" | "native" | "shown";

export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  /** An echo server answers each beat with the beat; Muster wants a registration first and acknowledges. */
  readonly echo: boolean;
  readonly token: string;
  readonly kind: BeatKind;
  readonly count: number;
  /** Agents are called load-<first>, load-<first + 1>, … */
  readonly first: number;
  readonly localAddress?: string;
  /** Upgrades and registrations under way at once. Default: enough to keep one server busy, less than a listener's backlog. */
  readonly atOnce?: number;
}

export interface LoadResult {
  readonly answered: number;
  /** Sent and not answered when the time was up. */
  readonly open: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface LoadSocket {
  readonly socket: Socket;
  readonly index: number;
  sentAt: number;
  waiting: boolean;
}

const CONNECTING_AT_ONCE = 100;

/** Many agents in one process, which beat as fast as they are answered or at a given rate. */
export class AgentLoad {
  readonly #target: LoadTarget;
  readonly #sockets: LoadSocket[] = [];
  #onAnswer: (from: LoadSocket) => void = () => {};
  #onPush: () => void = () => {};
  /** Connections that the server ended: any means that the run is worthless. */
  lost = 0;

  constructor(target: LoadTarget) {
    this.#target = target;
  }

  /** Opens all connections and registers; resolves with the seconds it took. */
  async connect(): Promise<number> {
    const startedAt = performance.now();
    let next = 0;
    const lane = async () => {
      while (next < this.#target.count) await this.#open(next++);
    };
    await Promise.all(Array.from({ length: this.#target.atOnce ?? CONNECTING_AT_ONCE }, lane));
    return (performance.now() - startedAt) / 1000;
  }

  /** Keeps `window` beats in flight, going round all connections. */
  async saturate(durationMs: number, window: number): Promise<LoadResult> {
    const latencies: number[] = [];
    const startedAt = performance.now();
    const endsAt = startedAt + durationMs;
    let cursor = 0;
    let inFlight = 0;
    const sendNext = () => {
      const next = this.#sockets[cursor++ % this.#sockets.length];
      if (!next || next.waiting) return;
      inFlight += 1;
      this.#send(next, performance.now());
    };
    const done = new Promise<void>((resolve) => {
      this.#onAnswer = (from) => {
        const now = performance.now();
        inFlight -= 1;
        if (now < endsAt) {
          latencies.push(now - from.sentAt);
          sendNext();
        } else if (inFlight === 0) resolve();
      };
    });
    for (let count = 0; count < Math.min(window, this.#sockets.length); count++) sendNext();
    const patience = new AbortController();
    await Promise.race([done, delay(systemClock, durationMs + 5000, patience.signal)]);
    patience.abort();
    return summarize(latencies, inFlight, durationMs);
  }

  /** Sends at a fixed rate, going round all connections; latency counts from when a beat was due, not from when it left. */
  async beat(durationMs: number, perSecond: number): Promise<LoadResult> {
    const latencies: number[] = [];
    const startedAt = performance.now();
    let sent = 0;
    this.#onAnswer = (from) => latencies.push(performance.now() - from.sentAt);
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const elapsed = Math.min(performance.now() - startedAt, durationMs);
        for (const due = (elapsed * perSecond) / 1000; sent < due; sent++) {
          const next = this.#sockets[sent % this.#sockets.length];
          if (next) this.#send(next, startedAt + (sent / perSecond) * 1000);
        }
        if (elapsed < durationMs) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    for (let waited = 0; latencies.length < sent && waited < 5000; waited += 20) await delay(systemClock, 20);
    return summarize(latencies, sent - latencies.length, durationMs);
  }

  /** Resolves when so many commands have come (an echo server's peers take anything for one); answers when each did. */
  awaitPushes(count: number): Promise<number[]> {
    const times: number[] = [];
    return new Promise((resolve) => {
      this.#onPush = () => {
        times.push(systemClock.now());
        if (times.length === count) resolve(times);
      };
    });
  }

  close(): void {
    for (const { socket } of this.#sockets) socket.destroy();
  }

  async #open(index: number): Promise<void> {
    const { host, port, echo, token, localAddress, first } = this.#target;
    const id = `load-${first + index}`;
    let entry: LoadSocket | undefined;
    let registered: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      registered = resolve;
    });
    const path = `/api/v1/ws?token=${token}&node_id=${id}`;
    const socket = await openRawSocket(
      { host, port, path, ...(localAddress === undefined ? {} : { localAddress }) },
      {
        onText: (payload) => {
          if (payload.includes('"execute_command"')) this.#onPush();
          else if (entry && (echo || payload.includes('"heartbeat_ack"'))) {
            entry.waiting = false;
            this.#onAnswer(entry);
          } else if (payload.includes('"register_response"')) registered();
        },
        onClose: () => {
          this.lost += 1;
        },
      },
    );
    if (!echo) {
      socket.write(buildTextFrame(buildRegistration(id, this.#target.kind)));
      await ready;
    }
    entry = { socket, index: first + index, sentAt: 0, waiting: false };
    this.#sockets.push(entry);
  }

  #send(to: LoadSocket, sentAt: number): void {
    to.sentAt = sentAt;
    to.waiting = true;
    to.socket.write(buildTextFrame(buildBeat(this.#target.kind, to.index)));
  }
}

/** One heartbeat as text, with numbers that differ between agents and instants. */
export function buildBeat(kind: BeatKind, index: number): string {
  const now = systemClock.now();
  const share = ((index * 37 + now) % 1000) / 1000;
  const content =
    kind === "original"
      ? { metrics: describeOriginal(share) }
      : { muster: describeNative(now, share, kind === "shown") };
  return JSON.stringify({
    type: "heartbeat",
    id: "0f8fad5b-d9cb-469f-a165-70867728950e",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: { ...(kind === "original" ? {} : { node_id: `load-${index}` }), status: "online", ...content },
  });
}

function describeOriginal(share: number) {
  return {
    cpu_usage: share * 100,
    memory_usage: 42.7,
    disk_usage: 63.125,
    load_average: 0.5 + share,
    memory_total: 16_777_216_000,
    memory_available: 9_613_344_768,
    disk_total: 494_384_795_648,
    disk_available: 182_313_394_176,
    uptime: 864_000,
  };
}

/** Every measurement, as our agent sends them while nobody looks at its host. */
function describeNative(at: number, share: number, backlog: boolean) {
  const values = HOST_METRICS.map((_, position) => Math.round(share * 1e6 * (position + 1)) / 1e6);
  return { at, values, ...(backlog ? { backlog: true } : {}) };
}

/** The first frame of an agent. */
export function buildRegistration(id: string, kind: BeatKind): string {
  const muster = {
    protocol: 1,
    version: "0.1.0",
    capabilities: ["command", "journal", "output", "cancel", "metrics", "backfill", "drain"],
    name: id,
    os: "Debian GNU/Linux 12",
    arch: "x64",
    addresses: ["10.0.0.1"],
    labels: { role: "load" },
    now: systemClock.now(),
    runs: [],
  };
  return JSON.stringify({
    type: "node_register",
    id: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: {
      node_id: id,
      hostname: id,
      ip_address: "10.0.0.1",
      os_info: "Debian GNU/Linux 12",
      ...(kind === "original" ? {} : { muster }),
    },
  });
}

function summarize(latencies: readonly number[], open: number, durationMs: number): LoadResult {
  return {
    answered: latencies.length,
    open,
    seconds: durationMs / 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  };
}
