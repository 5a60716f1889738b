import type { Page } from "@muster/core/resources";

/** Which part of a list: at most `limit` items (the server allows 1,000) after `cursor`. */
export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

/** A list's own filters, and which part of it. */
export type ListQuery<Filters> = Omit<Filters, "limit" | "cursor"> & PageQuery;

/** Everything a list has, fetched page by page as it is consumed. */
export async function* listAll<Item>(list: (page: PageQuery) => Promise<Page<Item>>): AsyncGenerator<Item> {
  let page: PageQuery = { limit: 1000 };
  for (;;) {
    const answer = await list(page);
    yield* answer.items;
    if (answer.nextCursor === null) return;
    page = { limit: 1000, cursor: answer.nextCursor };
  }
}

/** The same as a list; `limit` bounds what a careless caller holds in memory. */
export async function collectAll<Item>(items: AsyncIterable<Item>, limit = 100_000): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) {
    if (collected.length >= limit) break;
    collected.push(item);
  }
  return collected;
}
