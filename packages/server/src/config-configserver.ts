import { duration, oneOf, type Setting, type SettingsResult } from "@muster/core/settings";
import { doorPolicy } from "./config-types.ts";
import { type DoorPolicy, isAllowedAddress } from "./listeners/door-policy.ts";

/** Which of the three wire generations of ConfigServer is spoken. */
export type ConfigServerGeneration = "g0" | "g1" | "g2";

/** What becomes of agents and users of ConfigServer. */
export interface ConfigServerChoice {
  /** Where a request on a bare path does not tell. */
  readonly generation: ConfigServerGeneration;
  /** Whether a user at this address needs no API token; the door has let it in already. */
  readonly trustsUsersAt: (address: string) => boolean;
  /** Agents that were away for so long are forgotten; undefined: never. */
  readonly agentExpiryMs: number | undefined;
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 3660 * 86_400_000;

export const CONFIGSERVER_SETTINGS = {
  "configserver-generation": {
    type: oneOf("g0", "g1", "g2"),
    default: "g0",
    doc: "ConfigServer's wire generation on paths without a prefix, where a request does not tell",
  },
  "configserver-users": {
    type: { hint: "<token|loopback|cidr,…>", parse: checkUsers },
    default: "loopback",
    doc: "who, of those whom the door lets in, may call ConfigServer's user endpoints without an API token; `token`: nobody",
  },
  "configserver-agent-expiry": {
    type: duration(MINUTE_MS, LONGEST_MS),
    doc: "forget ConfigServer agents that were away for so long, since each start of one makes a new id; default: never",
  },
} as const satisfies Record<string, Setting>;

function checkUsers(text: string): string {
  readUsers(text);
  return text;
}

function readUsers(text: string): DoorPolicy {
  const policy: DoorPolicy = text === "token" ? { kind: "token" } : doorPolicy(text, false);
  if (policy.kind === "off") throw new Error("expected token, loopback or addresses");
  return policy;
}

type Name = keyof typeof CONFIGSERVER_SETTINGS;

export function readConfigServer({ settings }: SettingsResult): ConfigServerChoice {
  const get = (name: Name) => settings.get(name)?.value;
  const users = readUsers(String(get("configserver-users")));
  return {
    generation: get("configserver-generation") as ConfigServerGeneration,
    trustsUsersAt: (address) => isAllowedAddress(users, address),
    agentExpiryMs: get("configserver-agent-expiry") as number | undefined,
  };
}

/** Bare paths and sniffing, and one door for each generation: its prefix on the main port and its listeners. */
export const CONFIGSERVER_DOORS = {
  configserver: { peersSendToken: false },
  "configserver-g0": { peersSendToken: false },
  "configserver-g1": { peersSendToken: false },
  "configserver-g2": { peersSendToken: false },
} as const;

/** The port on which the original listened, opened with `--classic-ports`. */
export const CONFIGSERVER_CLASSIC_PORTS = [{ door: "configserver-g0", port: 8899 }] as const;
