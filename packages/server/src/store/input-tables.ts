/** A configuration that was given to an agent from here. */
export interface InputsTable {
  id: string;
  agent_number: number;
  input: string;
  input_type: string;
  /** The meaning of the text that the agent took last; null before the first one and after a removal. */
  digest: string | null;
  /** The newest revision, whatever came of it. */
  revision: number;
  /** The newest revision that the agent took. */
  applied_revision: number | null;
  removed: number;
  /** A change is under way until then, and no other may begin; 0 for none. */
  busy_until: number;
  /** 1 while the answer to a change is lost: the agent's next inventory tells what came of it. */
  unsettled: number;
  updated_at: number;
  updated_by: string;
}

/** Who has which meaning on an agent, or is about to get it: the unique key lets one of two racing requests win. */
export interface InputDigestsTable {
  agent_number: number;
  input: string;
  digest: string;
  input_id: string;
}

export interface InputRevisionsTable {
  input_id: string;
  revision: number;
  agent_number: number;
  /** `set`, `removed`, `enabled` or `disabled`. */
  kind: string;
  /** Only with `set`. */
  toml: string | null;
  /** The meaning that the agent has when this revision is applied. */
  digest: string | null;
  message: string;
  created_at: number;
  created_by: string;
  /** `unknown` until the agent has answered. */
  outcome: string;
  reason: string | null;
}

/** What an agent said last of its inputs. */
export interface InventoriesTable {
  agent_number: number;
  reported_at: number;
  catalog: string;
  /** JSON of InputReport[]. */
  inputs: string;
}

/** What agents can collect: the same for all of one version, so it is kept once. */
export interface InputCatalogsTable {
  digest: string;
  /** JSON of AvailableInput[]. */
  available: string;
}

export interface InputTables {
  inputs: InputsTable;
  input_digests: InputDigestsTable;
  input_revisions: InputRevisionsTable;
  inventories: InventoriesTable;
  input_catalogs: InputCatalogsTable;
}
