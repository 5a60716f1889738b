import type { Clock } from "@muster/core";
import { type OutboundAnswer, sendRequest } from "./http-request.ts";

/** `unknown`: the backend did not say, so that whoever asks should come again later. */
export type BackendVerdict = "good" | "bad" | "unknown";

/** What the backend is asked before the web may do something with a DataKit. */
export interface WebRequest {
  /** What the web showed us. */
  readonly token: string;
  /** `inputs.read` or `inputs.write`. */
  readonly action: string;
  readonly method: string;
  readonly path: string;
  /** Null for the list of all. */
  readonly datakit: string | null;
}

export interface WebVerdict {
  readonly verdict: BackendVerdict;
  /** Who it is, when the backend says so. */
  readonly name?: string;
}

export interface DatawayBackendOptions {
  readonly url: string;
  readonly token: string | undefined;
  /** `agnt_…`: this gateway. */
  readonly gatewayId: string;
  readonly version: string;
  readonly clock: Clock;
}

const TIMEOUT_MS = 5_000;
const REPORT_TIMEOUT_MS = 30_000;
const MAX_ANSWER = 64 * 1024;
/** Questions about the web that may be under way: strangers must not flood the backend. */
const MAX_CHECKING = 64;

/**
 * The HTTP routes of a DataFlux-like backend: docs/protocols/dataway.md, section "The backend". Redirects are never
 * followed, and an answer that is no clear yes or no is `unknown`.
 */
export class DatawayBackend {
  readonly #options: DatawayBackendOptions;
  readonly #closing = new AbortController();
  #checking = 0;

  constructor(options: DatawayBackendOptions) {
    this.#options = options;
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
  }

  /** Whether a DataKit's token is good. */
  async checkToken(token: string): Promise<BackendVerdict> {
    const answer = await this.#send("GET", `/v1/check/token/${encodeURIComponent(token)}`);
    return answer === undefined ? "unknown" : judge(answer);
  }

  /** Whether the web may do this. */
  async checkWeb(request: WebRequest): Promise<WebVerdict> {
    if (this.#checking >= MAX_CHECKING) return { verdict: "unknown" };
    this.#checking++;
    const answer = await this.#send("POST", "/v1/check/auth", { ...request, dataway: this.#options.gatewayId });
    this.#checking--;
    const verdict = answer === undefined ? "unknown" : judge(answer);
    // a page that knows nothing of this path and answers 200 to all must not let everybody in
    if (verdict === "good" && answer && !namesSuccess(answer.body)) return { verdict: "unknown" };
    const name = answer && readName(answer.body);
    return name === undefined ? { verdict } : { verdict, name };
  }

  /** The ids of DataKits that came online, as the original told them. `undefined` without an answer. */
  async reportOnline(ids: readonly string[]): Promise<number | undefined> {
    return (await this.#send("POST", "/v1/datakit/online", ids, REPORT_TIMEOUT_MS))?.status;
  }

  /** What is known of DataKits: ours, beside the original's. */
  async reportInfo(reports: readonly unknown[]): Promise<number | undefined> {
    return (await this.#send("POST", "/v1/datakit/info", reports, REPORT_TIMEOUT_MS))?.status;
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    timeoutMs = TIMEOUT_MS,
  ): Promise<OutboundAnswer | undefined> {
    const { url, token, gatewayId, version, clock } = this.#options;
    const target = new URL(`${url}${path}`);
    if (method === "POST" && path.startsWith("/v1/datakit/")) {
      target.searchParams.set("uuid", gatewayId);
      if (token !== undefined) target.searchParams.set("token", token);
    }
    const headers: Record<string, string> = {
      "user-agent": `muster/${version}`,
      "x-version": version,
      "x-agent-uid": gatewayId,
      ...(token === undefined ? {} : { "x-token": token }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const request = { url: target, method, headers, body: JSON.stringify(body ?? null), timeoutMs };
    return sendRequest({ ...request, maxAnswerBytes: MAX_ANSWER }, { clock, signal: this.#closing.signal }).catch(
      () => undefined,
    );
  }
}

/**
 * 2xx is a yes unless its body names an error or is no JSON object; 401, 403 and a 4xx whose body names an error are a no. A 5xx, a 429 or a
 * page that knows nothing of tokens (a wrong URL, a proxy) says nothing about this token.
 */
function judge({ status, body }: OutboundAnswer): BackendVerdict {
  const said = readError(body);
  if (status >= 200 && status < 300) {
    if (said === undefined && body.length > 0) return "unknown";
    return said === true ? "bad" : "good";
  }
  if (status === 401 || status === 403) return "bad";
  if (status === 408 || status === 429) return "unknown";
  return status >= 400 && status < 500 && said === true ? "bad" : "unknown";
}

/** True when the body names an error, false for any other object, undefined for what is none. */
function readError(body: Buffer): boolean | undefined {
  const parsed = parseObject(body);
  if (!parsed) return undefined;
  const code = parsed.errorCode ?? parsed.error_code ?? "";
  if (typeof code === "string" && code !== "") return true;
  if (typeof parsed.code === "number") return parsed.code !== 200;
  return parsed.success === false;
}

/** True when the body says itself that all went well. */
function namesSuccess(body: Buffer): boolean {
  const parsed = parseObject(body);
  return parsed?.code === 200 || parsed?.success === true;
}

function readName(body: Buffer): string | undefined {
  const content = parseObject(body)?.content;
  if (typeof content !== "object" || content === null || !("name" in content)) return undefined;
  return typeof content.name === "string" && content.name !== "" ? content.name.slice(0, 100) : undefined;
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // no JSON
  }
}
