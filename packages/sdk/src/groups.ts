import type { Group, GroupPreview, GroupPreviewQuery, GroupWrite, Page } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { listAll, type PageQuery } from "./paging.ts";

/** Named sets of agents. */
export class GroupsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: PageQuery = {}): Promise<Page<Group>> {
    return this.#api.json("GET", "groups", { query });
  }

  listAll(): AsyncGenerator<Group> {
    return listAll((page) => this.list(page));
  }

  get(id: string): Promise<Group> {
    return this.#api.json("GET", `groups/${segment(id)}`);
  }

  /** Who would be in it; nothing is stored. */
  preview(query: GroupPreviewQuery): Promise<GroupPreview> {
    return this.#api.json("POST", "groups/preview", { body: query });
  }

  create(group: GroupWrite): Promise<Group> {
    return this.#api.json("POST", "groups", { body: group });
  }

  /** Writes the whole group anew; without a position it stays where it is in the order. */
  replace(id: string, group: GroupWrite): Promise<Group> {
    return this.#api.json("PUT", `groups/${segment(id)}`, { body: group });
  }

  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", `groups/${segment(id)}`);
  }
}
