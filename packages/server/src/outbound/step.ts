import type { Labels, Timestamp } from "@muster/core";

/** Whose measurements they are. One object per agent and state of its labels, so that work on it can be kept. */
export interface MeasuredAgent {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly labels: Labels;
  /** What was measured where it is not the host itself; its fields are the values, at most 255. */
  readonly series?: { readonly measurement: string; readonly tags: Labels; readonly fields: readonly string[] };
}

/** One closed step: a value per field of the series or entry of HOST_METRICS, NaN for what was not measured. */
export interface Step {
  readonly agent: MeasuredAgent;
  /** When the step began. */
  readonly at: Timestamp;
  readonly avg: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
}

/** Each step is this long. */
export const STEP_MS = 10_000;
