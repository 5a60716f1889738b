import type { RecordFilters, RecordItem, RecordPage } from "@muster/core/resources";
import type { Api } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

export type RecordQuery = Omit<RecordFilters, "latest"> & { readonly latest?: boolean };

/** What to follow, and how. */
export interface FollowOptions {
  /** A `tailCursor`; absent: from now on. */
  readonly after?: string;
  /** Between two questions when nothing is new. Default 1,000. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Logs, objects, events and traces: what agents write that is no measurement. */
export class RecordsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Newest first. A page may be short, even empty, and have a `nextCursor`: the server looks at so many rows at a time. */
  list(query: ListQuery<RecordQuery> = {}, signal?: AbortSignal): Promise<RecordPage> {
    const { latest, ...rest } = query;
    return this.#api.json("GET", "records", {
      query: { ...rest, ...(latest !== undefined && { latest: String(latest) }) },
      ...(signal && { signal }),
    });
  }

  listAll(query: ListQuery<RecordQuery> = {}): AsyncGenerator<RecordItem> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  /** What arrives from now on, or after a cursor, in the order of arrival. Ends when the signal is aborted. */
  async *follow(query: RecordQuery = {}, options: FollowOptions = {}): AsyncGenerator<RecordItem> {
    const { signal, everyMs = 1000 } = options;
    let after = options.after ?? (await this.list({ ...query, limit: 1 }, signal)).tailCursor;
    while (!signal?.aborted) {
      const page: RecordPage = await this.list({ ...query, after, limit: 1000 }, signal);
      yield* page.items;
      const isIdle = page.items.length === 0 && page.tailCursor === after;
      after = page.tailCursor;
      if (isIdle) await rest(everyMs, signal);
    }
  }
}

function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish, { once: true });
  });
}
