/** Bounds of configurations, known to both ends. */
export const CONFIG_LIMITS = {
  nameLength: 200,
  textBytes: 1024 * 1024,
  messageLength: 500,
  secretBytes: 64 * 1024,
  configsPerAgent: 1000,
  errorLength: 4000,
} as const;

export const CONFIG_FORMATS = ["yaml", "toml", "json", "text"] as const;

/**
 * What an agent makes of a config that it should have.
 * pending: not told yet; applying: told; applied: it says that it runs it; failed: it refused, and keeps its last good one;
 * unknown: it cannot say (its protocol reports nothing).
 */
export const CONFIG_STATUSES = ["pending", "applying", "applied", "failed", "unknown"] as const;

/** running → paused | halted (budget spent) → running; ends: done, rolled_back, superseded (another one began), cancelled. */
export const ROLLOUT_STATES = [
  "running",
  "paused",
  "halted",
  "done",
  "rolled_back",
  "superseded",
  "cancelled",
] as const;

export type RolloutState = (typeof ROLLOUT_STATES)[number];

/**
 * An agent within a rollout. waiting: its wave has not begun, or it was away; pending: it was given the revision; applied:
 * it runs it; healthy: it has run it for the time that was asked for; failed: it refused it, took too long, or went away
 * with it.
 */
export const ROLLOUT_AGENT_STATES = ["waiting", "pending", "applied", "healthy", "failed"] as const;
