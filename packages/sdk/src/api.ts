import { MusterError } from "@muster/core";
import { networkError, readProblem } from "./problem.ts";

/** Where the server is and who calls. In a browser neither token nor cookie is given: the browser sends its own cookie. */
export interface ApiOptions {
  /** Such as `http://127.0.0.1:9999`; a path is kept as a prefix. */
  readonly baseUrl: string;
  /** An API token (`mst_…`). */
  readonly token?: string;
  /** The value of the session cookie, for programs that logged in as a person. */
  readonly sessionCookie?: string;
  readonly fetch?: typeof globalThis.fetch;
}

/** Names and values of a query string: texts, numbers and booleans; undefined ones are left out. */
export type Query = object;

export interface ApiRequest {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type ApiMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const PREFIX = "/fleet/v1";

/**
 * Calls routes of `/fleet/v1`. Answers outside 2xx throw the MusterError that the problem document names; a failure
 * of the network throws `unavailable`; an aborted signal throws its reason.
 */
export class Api {
  readonly baseUrl: string;
  readonly #options: ApiOptions;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: ApiOptions) {
    if (!URL.canParse(options.baseUrl)) {
      throw new MusterError("invalid_argument", `"${options.baseUrl}" is no URL`, { field: "baseUrl" });
    }
    this.baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#options = options;
    // browsers refuse a fetch whose `this` is not the window
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** The URL of a route, with its query. */
  url(path: string, query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const text = search.toString();
    return `${this.baseUrl}${PREFIX}/${path}${text === "" ? "" : `?${text}`}`;
  }

  /** What proves who is calling. A cookie needs the exact origin beside it, as a browser would send. */
  credentials(): Record<string, string> {
    if (this.#options.token !== undefined) return { authorization: `Bearer ${this.#options.token}` };
    if (this.#options.sessionCookie === undefined) return {};
    return { cookie: `muster_session=${this.#options.sessionCookie}`, origin: new URL(this.baseUrl).origin };
  }

  /** The answer's JSON. */
  async json<Answer>(method: ApiMethod, path: string, request: ApiRequest = {}): Promise<Answer> {
    const response = await this.send(method, path, request);
    try {
      return (await response.json()) as Answer;
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof SyntaxError) throw new MusterError("internal", "the server's answer is no JSON", {}, error);
      throw networkError(response.url, error);
    }
  }

  /** For routes that answer without a body. */
  async call(method: ApiMethod, path: string, request: ApiRequest = {}): Promise<void> {
    const response = await this.send(method, path, request);
    await response.body?.cancel();
  }

  /** The answer itself, once its status is 2xx. */
  async send(method: ApiMethod, path: string, request: ApiRequest = {}): Promise<Response> {
    const url = this.url(path, request.query);
    const headers: Record<string, string> = { accept: "application/json", ...this.credentials(), ...request.headers };
    const init: RequestInit = { method, headers, credentials: "same-origin" };
    if (request.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(request.body);
    }
    if (request.signal) init.signal = request.signal;
    let response: Response;
    try {
      response = await this.#fetch(url, init);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw networkError(url, error);
    }
    if (!response.ok) throw await readProblem(response);
    return response;
  }
}

/** One segment of a path: ids may hold any character. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}
