import type { Timestamp } from "@muster/core";
import type { AgentSession } from "../../fleet/session.ts";
import type { GivenInput, OnlineInfo } from "./dialect.ts";
import type { DatawayFleet } from "./parts.ts";

/** What a DataKit was given from here before, by id: the first ones cannot tell. */
export async function recallGiven(
  { inputs }: Pick<DatawayFleet, "inputs">,
  { agentId, agentNumber }: AgentSession,
): Promise<Map<string, GivenInput>> {
  const given = new Map<string, GivenInput>();
  for (const input of await inputs.inventories.list({ id: agentId, number: agentNumber })) {
    const { id, inputs: names, inputType, managed, status } = input;
    if (managed) given.set(id, { input: names[0] ?? "", inputType, enabled: status !== "disabled" });
  }
  return given;
}

/** What a DataKit has told since then to another process, which is known to all; undefined for nothing. */
export async function findToldElsewhere(
  { inputs }: Pick<DatawayFleet, "inputs">,
  { agentNumber }: AgentSession,
  since: Timestamp,
): Promise<OnlineInfo | undefined> {
  const known = await inputs.inventories.find(agentNumber);
  if (!known || known.reportedAt <= since) return undefined;
  const { available } = known;
  const running = known.inputs.filter(({ status }) => status === "running" || status === "fallback");
  return {
    available: available.map(({ input }) => input),
    enabled: running.flatMap((report) => report.inputs),
    inventory: { available, inputs: known.inputs },
  };
}
