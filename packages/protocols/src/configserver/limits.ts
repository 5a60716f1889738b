/** What the decoder accepts of any message; the size of a body is the caller's to bound as well, before it is read. */
export const CONFIGSERVER_LIMITS = {
  bodyBytes: 16 * 1024 * 1024,
  /** Entries of lists and maps in one body, all together. */
  items: 100_000,
  /** Groups inside groups, in fields that nobody knows. */
  depth: 100,
} as const;

export type ConfigServerLimits = { readonly [Name in keyof typeof CONFIGSERVER_LIMITS]: number };
