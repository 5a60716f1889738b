import type { AgentId } from "@muster/core";
import type { Bus } from "./bus.ts";

/** The bus of a single process: rings itself. */
export function localBus(): Bus {
  let handler: ((agentIds: readonly AgentId[]) => void) | undefined;
  return {
    name: "local",
    ring(agentIds) {
      if (agentIds.length > 0) setImmediate(() => handler?.(agentIds));
    },
    onRing(given) {
      handler = given;
    },
    async close() {
      handler = undefined;
    },
  };
}
