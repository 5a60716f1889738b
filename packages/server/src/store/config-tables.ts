/** A named document. A removed one stays, so that a name that comes back goes on counting. */
export interface ConfigsTable {
  id: string;
  name: string;
  kind: string;
  format: string;
  description: string;
  /** Which agents its maker meant; empty for all that can take its kind. */
  agent_type: string;
  /** The newest number; a removal takes one too. */
  revision: number;
  /** When a one-time config must not start any more. */
  expires_at: number | null;
  created_at: number;
  updated_at: number;
  updated_by: string;
  deleted_at: number | null;
}

/** Never changed. */
export interface ConfigRevisionsTable {
  config_id: string;
  revision: number;
  text: string;
  /** SHA-256 of the text before variables are filled in. */
  digest: string;
  message: string;
  /** JSON list of `label.KEY`, `secret.NAME`, `agent.name`. */
  variables: string;
  created_at: number;
  created_by: string;
}

/** The revision of a config that a group has. */
export interface ConfigAssignmentsTable {
  config_id: string;
  group_id: string;
  revision: number;
  assigned_at: number;
  assigned_by: string;
}

/** What an agent makes of a config that it should have or has. */
export interface AgentConfigsTable {
  agent_number: number;
  config_id: string;
  wanted: number | null;
  /** The revision whose text it runs. */
  applied: number | null;
  /** The number under which the agent has it: that of an older revision with the same text stays. */
  held: number | null;
  /** SHA-256 of what it runs, variables filled in. */
  digest: string | null;
  status: string;
  error: string | null;
  since: number;
  /** Not offered again until somebody says so. */
  failed_revision: number | null;
  drifted: number;
}

export interface ConfigSecretsTable {
  name: string;
  description: string;
  /** Which key it is encrypted with. */
  key_id: string;
  sealed: Uint8Array;
  updated_at: number;
  updated_by: string;
}

/** One row: grows in the transaction of whatever changes what agents should have. */
export interface ConfigEpochTable {
  id: number;
  epoch: number;
}

/** What agents of protocols with tags call themselves; without a name where it has none. */
export interface AgentTagsTable {
  agent_number: number;
  name: string;
  value: string;
}

export interface ConfigTables {
  configs: ConfigsTable;
  config_revisions: ConfigRevisionsTable;
  config_assignments: ConfigAssignmentsTable;
  agent_configs: AgentConfigsTable;
  config_secrets: ConfigSecretsTable;
  config_epoch: ConfigEpochTable;
  agent_tags: AgentTagsTable;
}
