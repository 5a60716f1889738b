import { arch } from "node:os";
import type { InputInventory } from "@muster/core/resources";
import type { ConnectionQuery, DatakitSelf } from "@muster/protocols/dataway";
import { AGENT_VERSION } from "../../version.ts";

/** How often a sign of life is sent, and what is announced. */
export const HEARTBEAT_MS = 30_000;

/** Who speaks. */
export interface Speaker {
  readonly id: string;
  readonly name: string;
}

/** As Go names operating systems and processors. */
const OS_NAMES: Readonly<Record<string, string>> = { win32: "windows", sunos: "solaris" };
const ARCH_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

const facts = () => ({
  version: AGENT_VERSION,
  os: OS_NAMES[process.platform] ?? process.platform,
  arch: ARCH_NAMES[arch()] ?? arch(),
});

/** What the agent says of itself in `online`. */
export function describeDatakit({ id, name }: Speaker, inventory: InputInventory): DatakitSelf {
  const running = inventory.inputs.filter(({ status }) => status === "running" || status === "fallback");
  return {
    id,
    name,
    ...facts(),
    heartbeatMs: HEARTBEAT_MS,
    enabledInputs: [...new Set(running.flatMap(({ inputs }) => inputs))],
    availableInputs: inventory.available.map(({ input }) => input),
    states: running.map(({ inputs, points, lastPointAt }) => ({
      name: inputs[0] ?? "",
      category: "/v1/write/metric",
      total: 0,
      count: points,
      first: "",
      last: lastPointAt ?? "",
    })),
    inventory,
  };
}

/** What it says of itself in the address that it dials. */
export function describeInQuery(
  { id }: Speaker,
  more: { readonly token: string; readonly hostname: string; readonly ip: string },
): ConnectionQuery {
  return { id, ...facts(), heartbeatMs: HEARTBEAT_MS, ...more };
}
