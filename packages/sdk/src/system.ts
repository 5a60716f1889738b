import type { SystemInfo } from "@muster/core/resources";
import type { Api } from "./api.ts";

/** The server itself. */
export class SystemApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  get(signal?: AbortSignal): Promise<SystemInfo> {
    return this.#api.json("GET", "system", signal ? { signal } : {});
  }

  /** The OpenAPI 3.1 document of the API. Public. */
  openapi(): Promise<Record<string, unknown>> {
    return this.#api.json("GET", "openapi.json");
  }
}
