import type { Timestamp } from "@muster/core";
import type { Ledger } from "../fleet/ledger.ts";
import type { Job } from "./runner.ts";

/** Ends runs whose time is over. */
export function timeouts(ledger: Ledger): Job {
  return { name: "timeouts", intervalMs: 1000, run: (now: Timestamp) => ledger.giveUp(now) };
}

/** Rings again where a doorbell was lost. */
export function doorbellSweep(ledger: Ledger): Job {
  return { name: "doorbell-sweep", intervalMs: 5000, run: () => ledger.ringAllWaiting() };
}

/** Sweeps what processes that died left half written. */
export function halfWrittenSweep(ledger: Ledger): Job {
  return { name: "half-written-sweep", intervalMs: 30_000, run: (now: Timestamp) => ledger.sweepHalfWritten(now) };
}
