import type { Clock } from "@muster/core";
import { withDeadline } from "./deadline.ts";

export interface ConnectionCare<Client> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly place: string;
  /** Connects and logs in. A client that did not get so far is closed by `open` itself. */
  open(signal: AbortSignal): Promise<Client>;
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
  const drop = () => {
    const client = kept;
    kept = undefined;
    if (client !== undefined) care.close(client);
  };
  const connect = async (signal: AbortSignal): Promise<Client> => {
    const client = await care.open(signal);
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
      try {
        return await withDeadline({ ...care, signal }, async (own) => task(kept ?? (await connect(own))));
      } catch (error) {
        // after a failure nobody knows what the next answer on it would belong to
        drop();
        throw error;
      }
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}
