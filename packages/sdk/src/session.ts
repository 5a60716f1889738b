import type { Principal } from "@muster/core/resources";
import type { Api } from "./api.ts";

/** Who logged in, and outside a browser the cookie that proves it. */
export interface Login {
  readonly principal: Principal;
  /** Null in browsers, which keep the cookie to themselves. */
  readonly sessionCookie: string | null;
}

/** Logging in and out, and who one is. */
export class SessionApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async login(username: string, password: string): Promise<Login> {
    const response = await this.#api.send("POST", "login", { body: { username, password } });
    const principal = (await response.json()) as Principal;
    return { principal, sessionCookie: findSessionCookie(response.headers.getSetCookie()) };
  }

  logout(): Promise<void> {
    return this.#api.call("POST", "logout");
  }

  me(signal?: AbortSignal): Promise<Principal> {
    return this.#api.json("GET", "me", signal ? { signal } : {});
  }

  changePassword(current: string, next: string): Promise<void> {
    return this.#api.call("POST", "me/password", { body: { current, next } });
  }
}

function findSessionCookie(cookies: readonly string[]): string | null {
  for (const cookie of cookies) {
    const value = /^muster_session=([^;]+)/.exec(cookie)?.[1];
    if (value !== undefined) return value;
  }
  return null;
}
