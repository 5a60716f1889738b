/** What is accepted of a frame or an address. Beyond a limit the whole is refused, but where a comment says otherwise. */
export const DATAWAY_LIMITS = {
  /** A listing of every configuration of a host in base64 of base64. */
  frameBytes: 8 * 1024 * 1024,
  traceIdLength: 256,
  typeLength: 100,
  /** Ids of DataKits, their names and versions; longer ones are cut. */
  wordLength: 1024,
  /** DataKits in one frame. */
  datakits: 10_000,
  /** Names, ids or configurations in one request. */
  items: 1000,
  messageLength: 4000,
  queryLength: 16 * 1024,
} as const;
