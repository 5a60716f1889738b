import type { Clock } from "@muster/core";
import type { Door, Health, SystemInfo } from "@muster/core/resources";
import type { Access } from "../fleet/access.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { OwnAddresses } from "./callers.ts";

/** What only the composition root knows about the process. */
export interface ServerFacts {
  readonly version: string;
  readonly startedAt: number;
  /** In words, without secrets. */
  readonly database: string;
  readonly bus: string;
  doors(): Door[];
  warnings(): SystemInfo["warnings"];
  /** Whether requests can be served now. */
  checkHealth(): Promise<Health>;
  /** For what no caller can be told. */
  reportFailure(error: unknown, where: string): void;
  /** Counters of other parts for /metrics; must be cheap. */
  readings(): Iterable<Reading>;
}

/** One number for Prometheus. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What the routes are given. */
export interface ApiContext {
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly access: Access;
  readonly own: OwnAddresses;
  readonly facts: ServerFacts;
}
