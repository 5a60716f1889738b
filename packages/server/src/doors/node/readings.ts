import type { HostSample, Timestamp } from "@muster/core";
import { fromRow, type Heartbeat, type Samples, toHostValues } from "@muster/protocols/node";

/** A beat's reading and whether it is to be stored: a sample of ours that waits for older ones comes again. */
export interface Reading {
  readonly sample: HostSample;
  readonly store: boolean;
}

/** The reading in a beat. Ours outweighs the wire's own, which it repeats; metrics that are void are a reading without values. */
export function readSample(beat: Heartbeat, isNative: boolean, now: Timestamp): Reading | undefined {
  const { metrics, muster } = beat;
  if (isNative && muster) {
    const sample = { at: muster.at, values: fromRow(muster.values) };
    const withDetail = muster.detail ? { ...sample, detail: muster.detail } : sample;
    return { sample: withDetail, store: muster.backlog !== true };
  }
  return metrics && { sample: { at: now, values: toHostValues(metrics) }, store: true };
}

export function readBackfill(samples: Samples): HostSample[] {
  return samples.rows.map((row) => ({ at: row[0] ?? 0, values: fromRow(row, 1) }));
}
