import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";
import { databaseAway } from "./away.ts";

/** Classes 08 (connection), 53 (resources) and 57P (the server stops or starts), and a cluster that is read-only for now. */
const AWAY = /^(08|53|57P|25006)/;
const AWAY_SYSTEM = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOTFOUND",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ENOENT",
]);
const AWAY_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Client was closed|connection has been discarded/;

/** A query that takes this long makes us ask over a new connection whether the server is still there. */
const SUSPECT_MS = 3_000;
const PROBE_MS = 2_000;

/** An error of the driver that says that the server is not there, rather than that the query was wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return AWAY.test(code) || AWAY_SYSTEM.has(code) || AWAY_WORDS.test(error.message);
}

/**
 * The driver's pool, in which a lost connection is one kind of error, and is noticed. TCP hides a network that is cut for
 * many minutes; so when an answer is slow, a new connection is tried, and when that fails all that wait are given up.
 */
export class WatchedPool implements PostgresPool {
  readonly options: object;
  readonly #config: pg.PoolConfig;
  readonly #pool: pg.Pool;
  readonly #waiting = new Map<object, { readonly client: pg.PoolClient; readonly since: number }>();
  readonly #watch: NodeJS.Timeout;
  #probing = false;
  /** The last probe failed: nobody waits in vain until one succeeds. */
  #isCut = false;

  constructor(config: pg.PoolConfig, onFailure: ((error: Error) => void) | undefined) {
    this.#config = config;
    this.#pool = new pg.Pool(config);
    this.options = this.#pool.options;
    // connections that break while nobody uses them
    this.#pool.on("error", (error) => onFailure?.(error));
    // one that breaks before whoever asked for it has it, or between two queries of a transaction, would end the process;
    // its next query says that it is broken
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#watch = setInterval(() => void this.#check(), SUSPECT_MS / 3).unref();
  }

  async connect(): Promise<PostgresPoolClient> {
    if (this.#isCut) throw databaseAway(undefined);
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw isConnectionError(error) ? databaseAway(error) : error;
    });
    return {
      query: (text: string, values: readonly unknown[]) => this.#query(client, text, values),
      release: (destroy?: boolean) => client.release(destroy),
    } as PostgresPoolClient;
  }

  async end(): Promise<void> {
    clearInterval(this.#watch);
    await this.#pool.end();
  }

  async #query(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<unknown> {
    const key = {};
    this.#waiting.set(key, { client, since: performance.now() });
    try {
      return await client.query(text, values.map(withoutZero));
    } catch (error) {
      throw isConnectionError(error) ? databaseAway(error) : error;
    } finally {
      this.#waiting.delete(key);
    }
  }

  async #check(): Promise<void> {
    const suspectedAt = performance.now() - SUSPECT_MS;
    const isSlow = [...this.#waiting.values()].some(({ since }) => since < suspectedAt);
    if (this.#probing || !(isSlow || this.#isCut)) return;
    this.#probing = true;
    this.#isCut = !(await this.#answers());
    this.#probing = false;
    if (this.#isCut) for (const { client } of this.#waiting.values()) breakConnection(client);
  }

  /** Any answer counts, also one that says that there are too many connections. */
  async #answers(): Promise<boolean> {
    const client = new pg.Client({ ...this.#config, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query("select 1");
      return true;
    } catch (error) {
      return error instanceof pg.DatabaseError;
    } finally {
      client.end().catch(() => {});
    }
  }
}

/** PostgreSQL has no text with U+0000 in it, and one hostile agent must not fail the batch of all: it is shown as unknown. */
function withoutZero(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutZero);
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
}

/** Rejects what waits on a connection, as if the network had said that it is gone. */
function breakConnection(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(error?: Error): void } } };
  connection?.stream?.destroy();
}
