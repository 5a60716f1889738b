import { hasCode, MusterError } from "@muster/core";

/** How long callers are told to wait before they ask again. */
const RETRY_AFTER_MS = 2000;

/** What every query rejects with while the database cannot be used. Nothing is known of what was under way. */
export function databaseAway(cause: unknown, why = "the database does not answer"): MusterError {
  return new MusterError("unavailable", why, { retryAfterMs: RETRY_AFTER_MS }, cause);
}

/** True for what `databaseAway` made. */
export function isDatabaseAway(error: unknown): boolean {
  return hasCode(error, "unavailable");
}
