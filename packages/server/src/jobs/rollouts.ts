import type { Timestamp } from "@muster/core";
import type { Rollouts } from "../fleet/rollouts.ts";
import type { Job } from "./runner.ts";

/** Begins waves, notes what came of them, halts. */
export function rolloutSteps(rollouts: Rollouts): Job {
  return { name: "rollout-steps", intervalMs: 1000, run: (now: Timestamp) => rollouts.run(now) };
}
