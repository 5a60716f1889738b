import type { EnrollmentToken, EnrollmentTokenCreate, EnrollmentTokenCreated, Page } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { listAll, type PageQuery } from "./paging.ts";

/** What agents prove themselves with. */
export class EnrollmentTokensApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: PageQuery = {}): Promise<Page<EnrollmentToken>> {
    return this.#api.json("GET", "enrollment-tokens", { query });
  }

  listAll(): AsyncGenerator<EnrollmentToken> {
    return listAll((page) => this.list(page));
  }

  /** The secret, and the lines that add a host with it, are in this answer and nowhere else. */
  create(token: EnrollmentTokenCreate): Promise<EnrollmentTokenCreated> {
    return this.#api.json("POST", "enrollment-tokens", { body: token });
  }

  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", `enrollment-tokens/${segment(id)}`);
  }
}
