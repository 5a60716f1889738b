import type { AgentConfig } from "@muster/core/resources";

/** How a config is doing among some agents. */
export interface ConfigTally {
  /** Should have it. */
  readonly wanted: number;
  /** Run the revision that they should. */
  readonly applied: number;
  readonly failed: number;
  readonly drifted: number;
}

export function tallyAgents(agents: readonly AgentConfig[]): ConfigTally {
  const count = (holds: (agent: AgentConfig) => boolean) => agents.filter(holds).length;
  return {
    wanted: count(({ wanted }) => wanted !== null),
    applied: count(({ wanted, status }) => wanted !== null && status === "applied"),
    failed: count(({ status }) => status === "failed"),
    drifted: count(({ drifted }) => drifted),
  };
}
