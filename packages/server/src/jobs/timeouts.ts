import type { AgentId, Timestamp } from "@muster/core";
import { giveUpRuns } from "../fleet/give-up.ts";
import type { Ledger } from "../fleet/ledger.ts";
import type { Registry } from "../fleet/registry.ts";
import type { Store } from "../store/store.ts";

interface TimeoutParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly registry: Registry;
}

/** Ends runs whose time is over, and rings for work whose doorbell was lost. Call it about every second. */
export function timeouts(parts: TimeoutParts) {
  return {
    name: "timeouts",
    intervalMs: 1000,
    async run(now: Timestamp): Promise<void> {
      const outcome = await giveUpRuns(parts.store, parts.registry, now);
      parts.ledger.publishRuns(outcome.changed);
      parts.ledger.announce(outcome.changes);
      parts.ledger.stopRuns(outcome.changed);
    },
  };
}

/** The sweep behind the doorbell: connected agents with waiting runs are rung again. */
export function doorbellSweep(parts: TimeoutParts) {
  return {
    name: "doorbell-sweep",
    intervalMs: 5000,
    async run(): Promise<void> {
      const rows = await parts.store.db
        .selectFrom("runs")
        .innerJoin("agents", "agents.number", "runs.agent_number")
        .select("agents.id")
        .distinct()
        .where("runs.status", "=", "queued")
        .where("agents.status", "!=", "offline")
        .limit(5000)
        .execute();
      parts.ledger.ring(rows.map((row) => row.id as AgentId));
    },
  };
}
