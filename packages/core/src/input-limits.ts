/** Of configurations of inputs, on every border; larger ones are refused. */
export const INPUT_LIMITS = {
  tomlBytes: 256 * 1024,
  nameLength: 100,
  typeLength: 50,
  idLength: 200,
  idsPerCall: 200,
  inputsPerAgent: 1000,
  available: 1000,
  /** Names of collectors in one file. */
  inputsPerFile: 100,
  fileLength: 500,
  digestLength: 100,
  summaryLength: 500,
  messageLength: 4000,
} as const;

/**
 * - running: collects                     - disabled: kept on the host, not read
 * - failed: its collector cannot run      - fallback: the newest text failed, the last good one runs
 * - pending: the host has not said yet
 */
export const INPUT_STATUSES = ["running", "disabled", "failed", "fallback", "pending"] as const;
export type InputStatus = (typeof INPUT_STATUSES)[number];
