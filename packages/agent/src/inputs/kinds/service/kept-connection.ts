import type { Clock, Point } from "@muster/core";
import type { Collector } from "../../collector.ts";
import type { KindTools } from "../shared/kind.ts";
import { withDeadline } from "./deadline.ts";
import { ServiceTrouble } from "./failure.ts";
import { readTargets } from "./targets.ts";

/** Bytes that a peer may send in one reading; statistics of a server with thousands of databases are shorter. */
const MAX_READING = 8 * 1024 * 1024;
const WATCH_EVERY_MS = 10;

/** A socket, of which we want to know how much came. */
export interface Watched {
  readonly bytesRead: number;
}

export interface ConnectionCare<Client> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly place: string;
  /**
   * Connects and logs in. A client that did not get so far is closed by `open` itself. Who reads whatever comes gives its
   * socket to `watch`: a peer that does not stop is cut off.
   */
  open(signal: AbortSignal, watch: (socket: Watched) => void): Promise<Client>;
  /** Lets go of it now, whatever it is doing. Never throws. */
  close(client: Client): void;
}

/** A connection that is kept from one reading to the next, and made anew after one that failed. */
export interface KeptConnection<Client> {
  /** Does a reading within the time of the options. */
  use<Value>(signal: AbortSignal, task: (client: Client) => Promise<Value>): Promise<Value>;
  close(): void;
}

export function keepConnection<Client>(care: ConnectionCare<Client>): KeptConnection<Client> {
  let kept: Client | undefined;
  let isClosed = false;
  let socket: Watched = { bytesRead: 0 };
  const drop = () => {
    const client = kept;
    kept = undefined;
    if (client !== undefined) care.close(client);
  };
  const connect = async (signal: AbortSignal): Promise<Client> => {
    const client = await care.open(signal, (opened) => {
      socket = opened;
    });
    // its time was over while it opened: nobody is there to use it
    if (signal.aborted || isClosed) {
      care.close(client);
      throw signal.reason ?? new Error("it was stopped");
    }
    kept = client;
    return client;
  };
  return {
    async use(signal, task) {
      const flood = new AbortController();
      const before = { socket, bytes: socket.bytesRead };
      const unwatch = care.clock.every(WATCH_EVERY_MS, () => {
        const bytes = socket.bytesRead - (socket === before.socket ? before.bytes : 0);
        if (bytes > MAX_READING) flood.abort(new ServiceTrouble(`${care.place} sent more than ${MAX_READING} bytes`));
      });
      try {
        const either = AbortSignal.any([signal, flood.signal]);
        return await withDeadline({ ...care, signal: either }, async (own) => task(kept ?? (await connect(own))));
      } catch (error) {
        // after a failure nobody knows what the next answer on it would belong to
        drop();
        throw error;
      } finally {
        unwatch();
      }
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}

export interface ServerReading<Client> extends Omit<ConnectionCare<Client>, "clock"> {
  read(client: Client): Promise<Point[]>;
  readonly secrets: readonly string[];
}

/** The readings of a collector of one server over a connection that is kept; what `open` needs is there once it has started. */
export function readServerKept<Client>(
  tools: KindTools,
  reading: ServerReading<Client>,
): Required<Pick<Collector, "collect" | "stop">> {
  const { place, secrets, read } = reading;
  const connection = keepConnection({ ...reading, clock: tools.clock });
  return {
    collect: (signal) =>
      readTargets(tools, { targets: [place], place: String, secrets, read: () => connection.use(signal, read) }),
    async stop() {
      connection.close();
    },
  };
}
