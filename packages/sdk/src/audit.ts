import type { AuditEntry, Page } from "@muster/core/resources";
import type { Api } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** Which entries of the audit log. */
export interface AuditFilters {
  readonly actor?: string;
  readonly action?: string;
}

/** Who did what, newest first. */
export class AuditApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: ListQuery<AuditFilters> = {}): Promise<Page<AuditEntry>> {
    return this.#api.json("GET", "audit", { query });
  }

  listAll(query: ListQuery<AuditFilters> = {}): AsyncGenerator<AuditEntry> {
    return listAll((page) => this.list({ ...query, ...page }));
  }
}
