import { isMusterError } from "@muster/core";
import type { Input, InputBulkAnswer, InputBulkOutcome } from "@muster/core/resources";

interface BulkAgent {
  readonly id: string;
  readonly name: string;
}

/** Agents asked at the same time: a slow one holds a place until its time is over. */
const CONCURRENCY = 100;

/** Adds an input to each agent and tells what came of each; never rejects, whatever one of them does. */
export async function addToEach(
  agents: readonly BulkAgent[],
  add: (agentId: string) => Promise<Input>,
): Promise<InputBulkAnswer> {
  const items: InputBulkOutcome[] = new Array(agents.length);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < agents.length; index = next++) {
      const agent = agents[index];
      if (agent) items[index] = await tryOne(agent, add);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, agents.length) }, work));
  const count = (outcome: InputBulkOutcome["outcome"]) => items.filter((item) => item.outcome === outcome).length;
  return {
    total: items.length,
    applied: count("applied"),
    unchanged: count("unchanged"),
    refused: count("refused"),
    unknown: count("unknown"),
    items,
  };
}

async function tryOne(agent: BulkAgent, add: (agentId: string) => Promise<Input>): Promise<InputBulkOutcome> {
  const about = { agentId: agent.id, agentName: agent.name };
  try {
    const input = await add(agent.id);
    return { ...about, outcome: "applied", inputId: input.id, status: input.status, code: null, reason: null };
  } catch (error) {
    const told = isMusterError(error) ? error : undefined;
    const { reason, inputId, outcome } = told?.details ?? {};
    const code = typeof reason === "string" ? reason : (told?.code ?? "internal");
    return {
      ...about,
      outcome: code.endsWith(".duplicateInput") ? "unchanged" : outcome === "unknown" ? "unknown" : "refused",
      inputId: typeof inputId === "string" ? inputId : null,
      status: null,
      code,
      // what nobody foresaw is not for callers to read
      reason: told && told.code !== "internal" ? told.message : "internal error",
    };
  }
}
