/** What a point is for; each has a path of its own, `/v1/write/<category>`. */
export const POINT_CATEGORIES = [
  "metric",
  "logging",
  "object",
  "custom_object",
  "object_change",
  "keyevent",
  "tracing",
  "rum",
  "security",
  "network",
  "profiling",
] as const;

export type PointCategory = (typeof POINT_CATEGORIES)[number];

/** A float is a number, an integer a bigint: both protocols tell them apart. */
export type FieldValue = number | bigint | boolean | string | Uint8Array | readonly FieldValue[];

/** One measurement, log line, object or event: what collectors emit and the write API takes in. */
export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
}
