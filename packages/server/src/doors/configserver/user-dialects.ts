import { ConfigType, type G0Config, type G1ConfigDetail } from "@muster/protocols/configserver";
import { versionOf } from "./deliveries.ts";
import type { StoredAgent } from "./stored-agents.ts";
import type { UserDialect } from "./user-calls.ts";

/** The seed's: a config has a type of agent, and no version or kind on the wire. */
export const userG0: UserDialect = {
  kinds: ["pipeline"],
  readConfig(message) {
    const { configName: name, agentType, description, content: text } = message as G0Config;
    return { name, kind: "pipeline", agentType, description, text };
  },
  writeConfig: ({ name, agentType, description, text }) => ({
    configName: name,
    agentType,
    description,
    content: text,
  }),
  writeAgent: (agent) => ({
    ...{ agentId: agent.id, agentType: agent.agentType, ip: agent.ip, version: agent.version },
    ...{ runningStatus: statusOf(agent), startupTime: startOf(agent), latestHeartbeatTime: agent.latestHeartbeatTime },
    tags: new Map(agent.tags.flatMap(({ name, value }) => (name === null ? [] : [[name, value] as const]))),
    runningDetails: agent.running,
  }),
};

/** What the web pages of the original speak. The version that a client sends means nothing. */
export const userG1: UserDialect = {
  kinds: ["pipeline", "settings"],
  readConfig(message) {
    const { name, type, context: description, detail: text } = message as G1ConfigDetail;
    return {
      name,
      kind: type === ConfigType.AGENT_CONFIG ? "settings" : "pipeline",
      agentType: undefined,
      description,
      text,
    };
  },
  writeConfig: (config) => ({
    type: config.kind === "settings" ? ConfigType.AGENT_CONFIG : ConfigType.PIPELINE_CONFIG,
    ...{ name: config.name, version: versionOf(config), context: config.description, detail: config.text },
  }),
  writeAgent: (agent) => ({
    ...{ agentId: agent.id, agentType: agent.agentType, attributes: attributesOf(agent) },
    tags: agent.tags.map(({ value }) => value),
    ...{ runningStatus: statusOf(agent), startupTime: startOf(agent), interval: Number(agent.details.interval ?? 0) },
  }),
};

function attributesOf({ version, ip, hostname, details }: StoredAgent) {
  const { category = "", region = "", zone = "" } = details;
  const extras = Object.entries(details).filter(([name]) => name.startsWith(ATTRIBUTE));
  const words = new Map(extras.map(([name, value]) => [name.slice(ATTRIBUTE.length), value]));
  return { version, category, ip, hostname, region, zone, extras: words };
}

const ATTRIBUTE = "attribute.";

function statusOf({ details }: StoredAgent): string {
  return details.runningStatus ?? "";
}

function startOf({ details }: StoredAgent): number {
  return Number(details.startupTime ?? 0);
}
