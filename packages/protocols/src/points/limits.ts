/** What a decoder of points accepts. Beyond a limit the whole body is refused, with the place that breaks it. */
export const POINT_LIMITS = {
  /** Points of one body: each takes some hundred bytes once it is decoded, however short it was on the wire. */
  points: 250_000,
  /** Fields, tags and items of arrays of one body: reading them takes the time of whoever else wants something. */
  values: 1_000_000,
  /** Characters, as all lengths here. */
  measurement: 1024,
  key: 256,
  tags: 256,
  tagValue: 1024,
  /** All keys and values of one point's tags together. */
  tagText: 64 * 1024,
  fields: 1024,
  text: 32 * 1024 * 1024,
  /** Items of one field that is an array. */
  items: 10_000,
  /** Bad places told about one body; the others are only counted. */
  problems: 20,
  /** Bad places counted: nobody reads on behind so many. */
  problemsCounted: 10_000,
} as const;
