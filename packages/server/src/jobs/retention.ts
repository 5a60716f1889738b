import type { Timestamp } from "@muster/core";
import type { Commands } from "../fleet/commands.ts";
import type { History } from "../fleet/metric-history.ts";
import type { RecordRetention, Records } from "../fleet/records.ts";
import type { Rollouts } from "../fleet/rollouts.ts";
import type { Job } from "./runner.ts";

/** How long things are kept, in ms. */
export interface Retention {
  /** Per tier of history, finest first. */
  readonly metricsMs: readonly [number, number, number];
  /** Ended commands with their runs and output, and ended rollouts. */
  readonly commandsMs: number;
  /** Logs, objects, events and others, by category. */
  readonly recordsMs: RecordRetention;
}

/** Deletes what is older than it has to be kept. */
export function retention(parts: {
  history: History;
  commands: Commands;
  records: Records;
  rollouts: Rollouts;
  keep: Retention;
}): Job {
  return {
    name: "retention",
    intervalMs: 600_000,
    async run(now: Timestamp): Promise<void> {
      await parts.history.prune(now, parts.keep.metricsMs);
      await parts.commands.prune(now - parts.keep.commandsMs);
      await parts.records.prune(now, parts.keep.recordsMs);
      await parts.rollouts.prune(now - parts.keep.commandsMs);
    },
  };
}
