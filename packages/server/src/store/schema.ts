import type { Generated } from "kysely";
import type { AccessTables } from "./access-tables.ts";
import type { ConfigTables } from "./config-tables.ts";
import type { InputTables } from "./input-tables.ts";
import type { RecordTables } from "./record-tables.ts";
import type { RolloutTables } from "./rollout-tables.ts";

/** Truth values are 0 and 1 in both databases; JSON columns hold text; instants are ms. */
export interface AgentsTable {
  number: Generated<number>;
  id: string;
  protocol: string;
  external_id: string;
  /** What the agent calls itself; `given_name` is what an operator calls it and wins. */
  name: string;
  given_name: string | null;
  hostname: string;
  addresses: string;
  os: string | null;
  arch: string | null;
  version: string | null;
  /** JSON object: what the agent says. */
  reported_labels: string;
  /** JSON object: what an operator set; null means "removed". */
  label_overrides: string;
  /** JSON object: whatever else it says of itself, for people. */
  details: Generated<string>;
  capabilities: string;
  status: string;
  status_reason: string;
  status_at: number;
  first_seen_at: number;
  last_seen_at: number | null;
  clock_skew_ms: number | null;
  connections: number;
  token_id: string | null;
  /** Lower-case name, hostname, external id and addresses, for searching. */
  search: string;
  sort_name: string;
  /** The process that holds the connection which gets the work, and when that was opened. */
  holder: string | null;
  connected_at: number | null;
  /** What kind of agent it calls itself, such as `ilogtail`. */
  agent_type: Generated<string | null>;
  /** JSON list of {name, value} as it says; `name` is null where it has none. */
  tags: Generated<string>;
  /** The epoch in which a person last changed something about it that its own process keeps in memory; 0 for never. */
  touched_epoch: Generated<number>;
}

/** Server processes that live, or lived until a moment ago. */
export interface ProcessesTable {
  id: string;
  /** For people: where it runs. */
  place: string;
  started_at: number;
  /** By the database's clock. */
  beat_at: number;
}

export interface AgentLabelsTable {
  agent_number: number;
  key: string;
  value: string;
}

export interface GroupsTable {
  id: string;
  name: string;
  description: string;
  selector: string | null;
  created_at: number;
  /** JSON list of {name, value}. */
  tags: Generated<string>;
  /** Where two groups give the same config the one with the greater position decides. */
  position: Generated<number>;
}

export interface GroupMembersTable {
  group_id: string;
  agent_number: number;
}

export interface CommandsTable {
  number: Generated<number>;
  id: string;
  /** `preparing` while its runs are being written; such a command is invisible and swept after a crash. */
  status: string;
  status_reason: string | null;
  text: string | null;
  argv: string | null;
  /** JSON object; emptied when the command ends, since values may be secrets. */
  env: string;
  env_names: string;
  cwd: string | null;
  run_as: string | null;
  targets: string;
  timeout_ms: number;
  expires_at: number;
  concurrency: string | null;
  failure_budget: string | null;
  created_at: number;
  created_by: string;
  finished_at: number | null;
  total: number;
  /** JSON of RunCounts, written when it ends. */
  final_counts: string | null;
  idempotency_key: string | null;
  request_hash: string | null;
}

export interface RunsTable {
  number: Generated<number>;
  id: string;
  command_number: number;
  agent_number: number;
  status: string;
  reason: string | null;
  exit_code: number | null;
  queued_at: number;
  delivered_at: number | null;
  started_at: number | null;
  finished_at: number | null;
  expires_at: number;
  /** When a delivered or started run is given up. */
  deadline_at: number | null;
  execution_ms: number | null;
  /** 1 when it was delivered to an agent that remembers what it started. */
  journaled: Generated<number>;
  late: Generated<number>;
  /** 1 when the agent told how it ended; a second telling changes nothing. */
  reported: Generated<number>;
  cancel_requested_at: number | null;
  stdout_bytes: Generated<number>;
  stderr_bytes: Generated<number>;
  cut_bytes: Generated<number>;
  last_seq: Generated<number>;
  output_digest: string | null;
}

export interface RunOutputTable {
  run_number: number;
  seq: number;
  /** 1 stdout, 2 stderr. */
  stream: number;
  at: number;
  bytes: Uint8Array;
  cut_bytes: number;
}

/** One source of values of an agent: a name, labels, and the order of the values in its rows. */
export interface MetricSetsTable {
  number: Generated<number>;
  agent_number: number;
  name: string;
  labels: string;
  fields: string;
}

/** Rows of one tier: everything measured from `at` until `at` + the tier's step, packed (store/metric-row.ts). */
export interface MetricTierTable {
  set_number: number;
  at: number;
  packed: Uint8Array;
}

/** All tables. */
export interface Schema extends AccessTables, ConfigTables, InputTables, RecordTables, RolloutTables {
  processes: ProcessesTable;
  agents: AgentsTable;
  agent_labels: AgentLabelsTable;
  groups: GroupsTable;
  group_members: GroupMembersTable;
  commands: CommandsTable;
  runs: RunsTable;
  run_output: RunOutputTable;
  metric_sets: MetricSetsTable;
  metric_10s: MetricTierTable;
  metric_1m: MetricTierTable;
  metric_10m: MetricTierTable;
}
