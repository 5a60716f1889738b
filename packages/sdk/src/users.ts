import type { Page, User, UserCreate, UserPatch } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { listAll, type PageQuery } from "./paging.ts";

/** The people who may log in. */
export class UsersApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: PageQuery = {}): Promise<Page<User>> {
    return this.#api.json("GET", "users", { query });
  }

  listAll(): AsyncGenerator<User> {
    return listAll((page) => this.list(page));
  }

  create(user: UserCreate): Promise<User> {
    return this.#api.json("POST", "users", { body: user });
  }

  update(id: string, patch: UserPatch): Promise<User> {
    return this.#api.json("PATCH", `users/${segment(id)}`, { body: patch });
  }

  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", `users/${segment(id)}`);
  }
}
