import type * as Http from "node:http";
import type { Agent as HttpAgent, IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Clock, delay } from "@muster/core";
import { ReconnectPlan } from "../links/node/reconnect.ts";
import { errorText, type Logger } from "../log.ts";
import { type Batch, idOf, type PointQueue } from "./point-queue.ts";
import { within } from "./within.ts";

/** Points that come close together travel together. */
const GATHER_MS = 300;
const ANSWER_WITHIN_MS = 30_000;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
const COMPRESS_FROM_BYTES = 1024;
const COMPLAIN_EVERY_MS = 60_000;

/** A server that takes points. */
export interface PointServer {
  /** Where `/v1/write/<category>` is below, without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

export interface SenderOptions {
  readonly queue: PointQueue;
  readonly servers: readonly PointServer[];
  readonly agentId: string;
  readonly userAgent: string;
  /** Certificate authorities to trust, all of them; undefined: the usual ones. */
  readonly authorities: readonly string[] | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

/** What became of a request. */
type Outcome =
  | { readonly kind: "taken" }
  /** The server will never take it. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Not now: later, or another server. */
  | { readonly kind: "kept"; readonly reason: string; readonly isToken: boolean; readonly waitMs?: number };

/** Since the start. */
export interface SenderCounts {
  readonly sent: number;
  /** Points of batches that a server refused for good. */
  readonly refused: number;
}

/**
 * Sends what is in the queue, oldest first, one request at a time. 2xx: done. 4xx: the batch is wrong, dropped and counted,
 * but for 401, 403, 408 and 429, which are about us and not about the batch. Everything else: kept, the next server, then
 * again after 1 s to 60 s.
 */
export class PointSender {
  readonly #options: SenderOptions;
  readonly #plan: ReconnectPlan;
  readonly #stopped = new AbortController();
  readonly #agents = new Map<string, HttpAgent>();
  #wake = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #sent = 0;
  #refused = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SenderOptions) {
    this.#options = options;
    const servers = options.servers.length;
    this.#plan = new ReconnectPlan({ servers, minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS, random: options.random });
  }

  get counts(): SenderCounts {
    return { sent: this.#sent, refused: this.#refused };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something may be in the queue. */
  notice(): void {
    this.#wake.resolve();
  }

  /** Sends what there is for up to `graceMs`; the rest stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#wake.resolve();
    if (this.#running) await within(this.#options.clock, graceMs, this.#running);
    for (const agent of this.#agents.values()) agent.destroy();
  }

  get #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #run(): Promise<void> {
    const { queue, clock, log } = this.#options;
    for (;;) {
      try {
        const batch = await queue.next();
        if (batch) {
          if (!(await this.#send(batch))) return;
        } else {
          if (this.#isStopping) return;
          await this.#wake.promise;
          this.#wake = Promise.withResolvers<void>();
          await delay(clock, GATHER_MS, this.#stopped.signal);
        }
      } catch (error) {
        if (this.#isStopping) return;
        log.error("points could not be read from the queue", { reason: errorText(error) });
        await delay(clock, RETRY_MAX_MS, this.#stopped.signal);
      }
    }
  }

  /** Sends a batch until it is taken or refused; false when it has to stay since the agent stops. */
  async #send(batch: Batch): Promise<boolean> {
    const { queue, clock } = this.#options;
    for (;;) {
      const content = await queue.read(batch);
      const outcome: Outcome = content ? await this.#post(batch, content.lines) : { kind: "taken" };
      if (outcome.kind !== "kept") {
        if (outcome.kind === "taken") this.#sent += content?.points ?? 0;
        else this.#onRefused(batch, { points: content?.points ?? 0, reason: outcome.reason });
        this.#plan.succeed();
        await queue.remove(batch);
        return true;
      }
      this.#complain("points were not taken", { server: this.#server.url, reason: outcome.reason });
      if (this.#isStopping) return false;
      const next = this.#plan.next(
        outcome.isToken
          ? { kind: "unauthorized" }
          : { kind: "unreachable", ...(outcome.waitMs === undefined ? {} : { waitMs: outcome.waitMs }) },
      );
      await delay(clock, next.delayMs, this.#stopped.signal);
    }
  }

  get #server(): PointServer {
    const server = this.#options.servers[this.#plan.server];
    if (!server) throw new Error("there is no server to send points to");
    return server;
  }

  async #post(batch: Batch, lines: Buffer): Promise<Outcome> {
    const { agentId, userAgent } = this.#options;
    const server = this.#server;
    const isPacked = lines.length > COMPRESS_FROM_BYTES;
    const body = isPacked ? await promisify(gzip)(lines, { level: 1 }) : lines;
    const headers = {
      "content-type": "text/plain; charset=utf-8",
      "content-length": body.length,
      ...(isPacked ? { "content-encoding": "gzip" } : {}),
      "x-token": server.token,
      "x-datakit-uuid": agentId,
      "x-pkg-id": `dk_${idOf(batch)}`,
      "user-agent": userAgent,
    };
    try {
      const response = await this.#request(`${server.url}/v1/write/${batch.category}?precision=n`, headers, body);
      return judge(response);
    } catch (error) {
      return { kind: "kept", reason: errorText(error), isToken: false };
    }
  }

  async #request(url: string, headers: Http.OutgoingHttpHeaders, body: Buffer): Promise<Response> {
    const isSecure = url.startsWith("https:");
    // TLS costs megabytes of memory: loaded where it is used
    const { Agent, request } = isSecure ? await import("node:https") : await import("node:http");
    const { authorities } = this.#options;
    const key = isSecure ? "https" : "http";
    const agent = this.#agents.get(key) ?? new Agent({ keepAlive: true, maxSockets: 1, timeout: ANSWER_WITHIN_MS });
    this.#agents.set(key, agent);
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const ca = authorities === undefined ? {} : { ca: [...authorities] };
    return new Promise((resolve, reject) => {
      const sending = request(url, { method: "POST", headers, agent, signal, ...ca }, (response) => {
        readResponse(response).then(resolve, reject);
      });
      sending.once("error", reject);
      sending.end(body);
    });
  }

  #onRefused(batch: Batch, what: { readonly points: number; readonly reason: string }): void {
    this.#refused += what.points;
    this.#options.log.warn("points were refused and dropped", { category: batch.category, ...what });
  }

  /** What repeats while a server is away, once a minute. */
  #complain(event: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    this.#options.log.warn(event, fields);
  }
}

interface Response {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** The first kilobyte. */
  readonly body: string;
}

async function readResponse(response: IncomingMessage): Promise<Response> {
  let body = "";
  for await (const piece of response) if (body.length < 1024) body += String(piece);
  const seconds = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
    body: body.slice(0, 1024),
  };
}

function judge({ status, retryAfterMs, body }: Response): Outcome {
  if (status >= 200 && status < 300) return { kind: "taken" };
  const reason = `${status}${body === "" ? "" : ` ${body.slice(0, 300)}`}`;
  if (status === 401 || status === 403) return { kind: "kept", reason, isToken: true };
  const isForGood = status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (isForGood) return { kind: "refused", reason };
  return { kind: "kept", reason, isToken: false, ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }) };
}
