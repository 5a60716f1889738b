import type { RunningServer } from "@muster/testing";

/** What a server tells of its event loop: how late timers of 10 ms were since the last time that somebody asked. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Reads and, by reading, starts anew. An idle event loop shows about the 10 ms of the timer itself. */
export async function readLoopDelay(server: RunningServer): Promise<LoopDelay> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiToken}` } });
  const text = await response.text();
  const read = (name: string) =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, "m").exec(text)?.[1] ?? Number.NaN) * 1000;
  return { p99Ms: read("p99"), maxMs: read("max") };
}
