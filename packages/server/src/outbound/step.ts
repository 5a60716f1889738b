import type { Labels, Timestamp } from "@muster/core";

/** Whose measurements they are. One object per agent and state of its labels, so that work on it can be kept. */
export interface MeasuredAgent {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly labels: Labels;
}

/** One closed step of one agent's host: a value per entry of HOST_METRICS, NaN for what was not measured. */
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
