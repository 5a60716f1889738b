import type { Timestamp } from "@muster/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { Job } from "./runner.ts";

/** Notices server processes that died, and sets right what they left. */
export function processWatch(fleet: Fleet): Job {
  return { name: "process-watch", intervalMs: 1000, run: (now: Timestamp) => fleet.watchProcesses(now) };
}
