import type { Timestamp } from "@muster/core";
import type { History } from "../fleet/metric-history.ts";
import type { Store } from "../store/store.ts";

/** How long things are kept, in ms. */
export interface Retention {
  /** Per tier of history, finest first. */
  readonly metricsMs: readonly [number, number, number];
  /** Ended commands with their runs and output. */
  readonly commandsMs: number;
}

/** Commands deleted in one transaction; their runs and output go with them. */
const COMMANDS_PER_TURN = 20;

/** Deletes what is older than it has to be kept. */
export function retention(parts: { store: Store; history: History; keep: Retention }) {
  return {
    name: "retention",
    intervalMs: 600_000,
    async run(now: Timestamp): Promise<void> {
      await parts.history.prune(now, parts.keep.metricsMs);
      for (;;) {
        const old = await parts.store.db
          .selectFrom("commands")
          .select("number")
          .where("finished_at", "<", now - parts.keep.commandsMs)
          .limit(COMMANDS_PER_TURN)
          .execute();
        if (old.length === 0) return;
        await parts.store.db
          .deleteFrom("commands")
          .where(
            "number",
            "in",
            old.map((row) => row.number),
          )
          .execute();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
