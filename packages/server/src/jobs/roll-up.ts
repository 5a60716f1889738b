import type { Timestamp } from "@muster/core";
import type { History } from "../fleet/metric-history.ts";

/** Makes the coarser tiers of history. */
export function rollUp(history: History) {
  return { name: "roll-up", intervalMs: 15_000, run: (now: Timestamp) => history.rollUp(now) };
}
