import type { ApiToken, Page, TokenCreate, TokenCreated } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { listAll, type PageQuery } from "./paging.ts";

/** What programs prove themselves with. */
export class TokensApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: PageQuery = {}): Promise<Page<ApiToken>> {
    return this.#api.json("GET", "tokens", { query });
  }

  listAll(): AsyncGenerator<ApiToken> {
    return listAll((page) => this.list(page));
  }

  /** The secret is in this answer and nowhere else, ever. */
  create(token: TokenCreate): Promise<TokenCreated> {
    return this.#api.json("POST", "tokens", { body: token });
  }

  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", `tokens/${segment(id)}`);
  }
}
