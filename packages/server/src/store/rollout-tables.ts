import type { Generated } from "kysely";

/** A revision on its way to groups. */
export interface RolloutsTable {
  number: Generated<number>;
  id: string;
  config_id: string;
  revision: number;
  /** JSON list of {id, previous}: what each group had before; null where it did not have the config. */
  groups: string;
  state: string;
  reason: string;
  /** Begun waves, and when the last of them began. */
  wave: number;
  wave_at: number;
  /** JSON list of counts and shares, as they were given. */
  waves: string;
  healthy_ms: number;
  apply_timeout_ms: number;
  /** JSON of a count or a share. */
  failure_budget: string;
  created_at: number;
  created_by: string;
  ended_at: number | null;
  /** Grows with every change: whoever decides about a rollout writes only what it has read. */
  version: number;
}

export interface RolloutAgentsTable {
  rollout_number: number;
  agent_number: number;
  /** From 1. */
  wave: number;
  state: string;
  /** When it was given the revision; null while it waits. */
  begun_at: number | null;
  error: string | null;
  /** 1 for a failure that somebody has seen and gone on from. */
  excused: Generated<number>;
  since: number;
}

export interface RolloutTables {
  rollouts: RolloutsTable;
  rollout_agents: RolloutAgentsTable;
}
