import type { Timestamp } from "@muster/core";
import { type Heartbeat, type Samples, toHostValues } from "@muster/protocols/node";
import type { AgentReading } from "../../fleet/session.ts";

/** A beat's reading and whether it is to be stored: a sample of ours that waits for older ones comes again. */
export interface Reading {
  readonly sample: AgentReading;
  readonly store: boolean;
}

/** The reading in a beat. Ours outweighs the wire's own, which it repeats; metrics that are void are a reading without values. */
export function readSample(beat: Heartbeat, isNative: boolean, now: Timestamp): Reading | undefined {
  const { metrics, muster } = beat;
  if (isNative && muster) {
    return { sample: muster, store: muster.backlog !== true };
  }
  return metrics && { sample: { at: now, values: toHostValues(metrics) }, store: true };
}

export function readBackfill(samples: Samples): AgentReading[] {
  return samples.rows.map(([at, ...values]) => ({ at: at ?? 0, values }));
}
