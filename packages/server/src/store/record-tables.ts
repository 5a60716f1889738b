import type { Generated } from "kysely";

/** A log line, object, event or span that an agent wrote. Kept by category for as long as the operator says. */
export interface RecordsTable {
  /** In the order of arrival; what follows a list asks for higher ones. */
  number: Generated<number>;
  category: string;
  agent_number: number;
  /** Its own time in ms, and the nanoseconds within that millisecond. */
  at: number;
  sub_ns: number;
  received_at: number;
  /** What it measures or where it comes from. */
  measurement: string;
  status: string | null;
  message: string;
  /** JSON of tags and fields (fleet/record-content.ts). */
  content: string;
}

/** The newest state of every object: what `records` keeps the history of. */
export interface RecordObjectsTable {
  agent_number: number;
  category: string;
  /** The measurement of objects. */
  class: string;
  name: string;
  at: number;
  sub_ns: number;
  received_at: number;
  status: string | null;
  message: string;
  content: string;
}

/** Who of several agents does what only one may do, per namespace, and until when it may. */
export interface ElectionsTable {
  /** Who may see it: agents of other tokens elect for themselves. */
  realm: string;
  namespace: string;
  holder: string;
  until: number;
}

/** Requests that were stored a short while ago, by the name that their writer gave them. */
export interface RecordPackagesTable {
  id: string;
  at: number;
}

export interface RecordTables {
  records: RecordsTable;
  record_objects: RecordObjectsTable;
  elections: ElectionsTable;
  record_packages: RecordPackagesTable;
}
