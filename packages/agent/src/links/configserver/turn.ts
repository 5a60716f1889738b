import { hostname } from "node:os";
import type { Clock, Labels } from "@muster/core";
import { AGENT_VERSION } from "../../version.ts";
import { listAddresses } from "../node/hello.ts";
import type { Ask } from "./http.ts";
import type { Intake } from "./intake.ts";

/** What the agent calls itself where the original agents say `iLogtail` or `LoongCollector`. */
export const AGENT_TYPE = "Muster";
export const RUNNING = "running";

/** What a generation needs to take its turns. */
export interface TurnOptions {
  readonly id: string;
  readonly labels: Labels;
  readonly intervalMs: number;
  readonly startedAt: number;
  readonly intake: Intake;
  readonly clock: Clock;
  /** Something in an answer was left aside. */
  readonly complain: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** One generation's end of the conversation: everything that is asked of a server at one beat. */
export interface Generation {
  /** Resolves when to come again, where that is sooner than usual. Rejects with `CallFailed`. */
  turn(ask: Ask, server: string): Promise<{ readonly againMs?: number }>;
  /** A config was refused here. */
  onFailed?(failure: { readonly name: string; readonly version: number | null; readonly error: string }): void;
}

/** Facts of this host as they are now. */
export function describeHost() {
  return { version: AGENT_VERSION, ip: listAddresses()[0] ?? "127.0.0.1", hostname: hostname() };
}

/** Times of this protocol are in seconds. */
export function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** The first offer of each name; a second one is not looked at. */
export function firstOfEach<Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] {
  return [...new Map(items.toReversed().map((item) => [nameOf(item), item])).values()].reverse();
}
