import type { Agent } from "@muster/core/resources";

/** A protocol and, where it has several, which generation of it. */
export type Speech = "node" | "dataway" | "g0" | "g1" | "g2" | "other";

const GENERATIONS: readonly Speech[] = ["g0", "g1", "g2"];

/** How an agent talks with the server. */
export function speechOf(agent: Pick<Agent, "protocol" | "details">): Speech {
  if (agent.protocol === "node" || agent.protocol === "dataway") return agent.protocol;
  if (agent.protocol !== "configserver") return "other";
  return GENERATIONS.find((generation) => generation === agent.details.generation) ?? "other";
}

/** What an agent needs one of to be given anything. */
const TAKES: readonly Agent["capabilities"][number][] = ["configs", "pipelines", "settings", "onetime"];

export function takesConfigs(agent: Pick<Agent, "capabilities">): boolean {
  return agent.capabilities.some((capability) => TAKES.includes(capability));
}

/** False where "applied" only means that the agent holds the text. */
export function tellsVerdicts(agent: Pick<Agent, "capabilities">): boolean {
  return agent.capabilities.includes("verdict");
}
