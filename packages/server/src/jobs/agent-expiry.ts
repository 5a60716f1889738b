import type { Agents } from "../fleet/agents.ts";
import type { Job } from "./runner.ts";

/** Forgets agents of a protocol that do not come back: those that take a new name at each start would pile up. */
export function agentExpiry(agents: Agents, rule: { readonly protocol: string; readonly olderThanMs: number }): Job {
  return {
    name: "agent-expiry",
    intervalMs: 60_000,
    async run(): Promise<void> {
      while ((await agents.removeAbsent(rule)) > 0);
    },
  };
}
