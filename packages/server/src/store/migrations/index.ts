import type { Migration } from "kysely/migration";
import type { Dialect } from "../store.ts";
import { agents } from "./0001-agents.ts";
import { commands } from "./0002-commands.ts";
import { metrics } from "./0003-metrics.ts";
import { access } from "./0004-access.ts";
import { processes } from "./0005-processes.ts";
import { inputs } from "./0006-inputs.ts";
import { records } from "./0007-records.ts";
import { connectedAt } from "./0008-connected-at.ts";
import { packages } from "./0009-packages.ts";
import { configs } from "./0010-configs.ts";
import { rollouts } from "./0011-rollouts.ts";
import { agentDetails } from "./0012-agent-details.ts";

/** All migrations in order. A released one is never changed; a new one gets the next number. */
export function migrations(dialect: Dialect): Record<string, Migration> {
  return {
    "0001-agents": agents(dialect),
    "0002-commands": commands(dialect),
    "0003-metrics": metrics(dialect),
    "0004-access": access(dialect),
    "0005-processes": processes(dialect),
    "0006-inputs": inputs(dialect),
    "0007-records": records(dialect),
    "0008-connected-at": connectedAt(dialect),
    "0009-packages": packages(dialect),
    "0010-configs": configs(dialect),
    "0011-rollouts": rollouts(dialect),
    "0012-agent-details": agentDetails(dialect),
  };
}
