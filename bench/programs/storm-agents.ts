// A process of agents that all connect at once, and again and again until each is registered: the storm of a benchmark.
import type { Socket } from "node:net";
import { askedWaitMs, backoffMs } from "@muster/agent/reconnect";
import { delay, systemClock } from "@muster/core";
import { buildRegistration } from "../support/agent-load.ts";
import { buildTextFrame, openRawSocket, UpgradeRefused } from "../support/raw-socket.ts";

/** Whom to connect, from one source address. */
export interface StormOrder {
  readonly port: number;
  readonly token: string;
  readonly localAddress: string;
  readonly first: number;
  readonly count: number;
  /** Who is not registered after this long is given up. */
  readonly patienceMs: number;
}

export interface StormResult {
  /** Of the agents that are back: when they were registered, from the start of the storm. */
  readonly registeredMs: readonly number[];
  /** Told to come back later. */
  readonly refused: number;
  /** Reset, timed out, or cut off before the registration was answered. */
  readonly failed: number;
}

/** What an operator of a fleet that has to be back soon sets with --reconnect-min and --reconnect-max. */
const WAITS = { minMs: 1_000, maxMs: 10_000, random: Math.random };
const REGISTRATION_MS = 15_000;

const sockets = new Set<Socket>();

async function storm(order: StormOrder): Promise<StormResult> {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  const counts = { refused: 0, failed: 0 };
  const startedAt = performance.now();
  const isOver = () => performance.now() - startedAt > order.patienceMs;
  const comeBack = async (index: number): Promise<number | undefined> => {
    for (let attempt = 0; !isOver(); attempt++) {
      try {
        await register(order, `load-${order.first + index}`);
        return performance.now() - startedAt;
      } catch (error) {
        const waitS = error instanceof UpgradeRefused ? error.waitS : undefined;
        counts[waitS === undefined ? "failed" : "refused"] += 1;
        const waitMs = waitS === undefined ? backoffMs(attempt, WAITS) : askedWaitMs(waitS * 1000, WAITS.random);
        await delay(systemClock, waitMs);
      }
    }
    return undefined;
  };
  const times = await Promise.all(Array.from({ length: order.count }, (_, index) => comeBack(index)));
  return { registeredMs: times.filter((time) => time !== undefined), ...counts };
}

/** Resolves when the registration was answered; the connection stays. */
async function register({ port, token, localAddress }: StormOrder, id: string): Promise<void> {
  const path = `/api/v1/ws?token=${token}&node_id=${id}`;
  let settle: (error?: Error) => void = () => {};
  const answered = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
  answered.catch(() => {}); // the upgrade may fail first
  const socket = await openRawSocket(
    { host: "127.0.0.1", port, path, localAddress },
    {
      onText: (payload) => {
        if (payload.includes('"register_response"')) settle();
        else if (payload.includes('"error"')) settle(new Error("the registration was refused"));
      },
      onClose: () => settle(new Error("the connection was lost")),
    },
  );
  sockets.add(socket);
  const cancel = systemClock.after(REGISTRATION_MS, () => settle(new Error("no answer to the registration")));
  try {
    socket.write(buildTextFrame(buildRegistration(id, "native")));
    await answered;
  } catch (error) {
    socket.destroy();
    sockets.delete(socket);
    throw error;
  } finally {
    cancel();
  }
}

// timers of the system's clock do not keep a process alive, the channel to its parent does
process.on("message", (order: StormOrder) => {
  storm(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
