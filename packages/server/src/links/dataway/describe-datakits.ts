import type { Agent } from "@muster/core/resources";
import type { DatakitSelf } from "@muster/protocols/dataway";
import type { Fleet } from "../../fleet/fleet.ts";

/** A DataKit that is connected to this process. */
export interface ConnectedDatakit {
  readonly id: string;
  readonly agentId: string;
}

interface Describing {
  readonly fleet: Pick<Fleet, "agents" | "inputs">;
  /** With what each tells of its inputs; of thousands that would be too much at once. */
  readonly withInputs: boolean;
}

/** DataKits as they would tell of themselves, in any order. */
export async function describeDatakits(
  datakits: readonly ConnectedDatakit[],
  { fleet, withInputs }: Describing,
): Promise<DatakitSelf[]> {
  const idOf = new Map(datakits.map(({ id, agentId }) => [agentId, id]));
  const agents = await fleet.agents.findMany([...idOf.keys()]);
  return Promise.all(
    agents.map(async (agent) => {
      const self = describe(idOf.get(agent.id) ?? agent.externalId, agent);
      const number = withInputs ? fleet.agents.numberOf(agent.id) : undefined;
      const inventory = number === undefined ? undefined : await fleet.inputs.inventories.find(number);
      if (!inventory) return self;
      const { available, inputs } = inventory;
      const running = inputs.filter(({ status }) => status === "running" || status === "fallback");
      return {
        ...self,
        enabledInputs: [...new Set(running.flatMap((input) => input.inputs))],
        availableInputs: available.map(({ input }) => input),
        inventory: { available, inputs },
      };
    }),
  );
}

function describe(id: string, { version, os, arch, name }: Agent): DatakitSelf {
  const told = { version: version ?? "", os: os ?? "", arch: arch ?? "", name };
  const inputs = { enabledInputs: [], availableInputs: [], states: [], inventory: undefined };
  return { id, ...told, heartbeatMs: undefined, ...inputs };
}
