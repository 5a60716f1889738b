import type { ConfigSecret, ConfigSecretPut } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";

/** Values that texts of configs ask for by `${secret.NAME}`. They can be set and never read. Needs the role admin. */
export class SecretsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async list(): Promise<ConfigSecret[]> {
    return (await this.#api.json<{ items: ConfigSecret[] }>("GET", "secrets")).items;
  }

  /** `revised`: ids of the configs that agents get anew with it. A description that is not given stays. */
  set(name: string, secret: ConfigSecretPut): Promise<{ revised: string[] }> {
    return this.#api.json("PUT", `secrets/${segment(name)}`, { body: secret });
  }

  /** Refused while a config asks for it. */
  remove(name: string): Promise<void> {
    return this.#api.call("DELETE", `secrets/${segment(name)}`);
  }
}
