import type { Clock } from "@muster/core";
import type { Logger } from "pino";
import type { Reading } from "./api/context.ts";
import type { ConfigServerChoice } from "./config-configserver.ts";
import { type ConfigServerDoors, createConfigServerDoors } from "./doors/configserver/configserver-doors.ts";
import { PROTOCOL } from "./doors/configserver/parts.ts";
import type { Access } from "./fleet/access.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { agentExpiry } from "./jobs/agent-expiry.ts";
import type { Job } from "./jobs/runner.ts";

interface ConfigServerParts {
  readonly fleet: Fleet;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly choice: ConfigServerChoice;
}

/** The doors of ConfigServer's agents and users. */
export function openConfigServer({ choice, ...parts }: ConfigServerParts): ConfigServerDoors {
  const { generation, trustsUsersAt } = choice;
  return createConfigServerDoors({ ...parts, generation, trustsUsersAt });
}

/** What these doors want done now and then. */
export function configServerJobs({ agents }: Fleet, { agentExpiryMs }: ConfigServerChoice): Job[] {
  return agentExpiryMs === undefined ? [] : [agentExpiry(agents, { protocol: PROTOCOL, olderThanMs: agentExpiryMs })];
}

export function* readConfigServer({ counters }: ConfigServerDoors): Generator<Reading> {
  const counter = (name: string, help: string, value: number): Reading => ({ name, help, type: "counter", value });
  yield counter("muster_configserver_beats_total", "Beats of ConfigServer agents", counters.beats);
  const help = "Calls of ConfigServer agents and users, by what came of them";
  const { calls, refused, failed, busy, late } = counters;
  for (const [outcome, value] of Object.entries({ answered: calls, refused, failed, busy, late }))
    yield { ...counter("muster_configserver_calls_total", help, value), labels: { outcome } };
  yield {
    name: "muster_configserver_requests_in_progress",
    help: "Requests of ConfigServer agents and users that wait for something now",
    type: "gauge",
    value: counters.inProgress,
  };
}
