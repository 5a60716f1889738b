import type { Clock, Timestamp } from "@muster/core";
import { sendRequest } from "./http-request.ts";
import { AGGREGATES, type Aggregate, ANSWER_LABEL, rangeQuery } from "./promql.ts";
import { authorization, excerpt, limitReports, type RemoteCredentials, type ReportTrouble } from "./remote-store.ts";

export interface RemoteReaderOptions {
  /** Base of the Prometheus HTTP API: what stands before /api/v1. */
  readonly url: string;
  readonly credentials: RemoteCredentials;
  readonly version: string;
  readonly clock: Clock;
  readonly report: ReportTrouble;
}

/** A grid of steps of one agent: step i covers from + i·step to from + (i+1)·step. */
export interface AskedGrid {
  readonly agentId: string;
  readonly names: readonly string[];
  readonly from: Timestamp;
  readonly stepMs: number;
  readonly steps: number;
}

type Values = (number | null)[];
export interface ReadValues {
  readonly avg: Values;
  readonly min: Values;
  readonly max: Values;
}

export interface RemoteReaderCounters {
  /** Charts that were answered from there. */
  answered: number;
  failures: number;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 32 * 1024 * 1024;
/** After a failure nobody waits for the store again during this time. */
const REST_MS = 10_000;
/** Charts that are read at the same time; more are answered from our own history rather than waited for. */
const MAX_READS = 16;
/** Metrics per query: a query stays below the 16 KiB that VictoriaMetrics reads. */
const NAMES_PER_QUERY = 23;

/** Reads history back through the Prometheus HTTP API. Never rejects: the caller has other history. */
export class RemoteReader {
  readonly counters: RemoteReaderCounters = { answered: 0, failures: 0 };
  readonly #options: RemoteReaderOptions;
  readonly #url: URL;
  readonly #report: ReportTrouble;
  readonly #closing = new AbortController();
  #restUntil = Number.NEGATIVE_INFINITY;
  #reads = 0;

  constructor(options: RemoteReaderOptions) {
    this.#options = options;
    this.#url = rangeUrl(options.url);
    this.#report = limitReports(options.report, options.clock);
  }

  /** Values per metric; a metric that the store does not know is absent. Undefined while it does not answer. */
  async read(grid: AskedGrid): Promise<ReadonlyMap<string, ReadValues> | undefined> {
    const { clock } = this.#options;
    if (clock.monotonic() < this.#restUntil || this.#reads >= MAX_READS) return undefined;
    this.#reads++;
    const found = new Map<string, ReadValues>();
    try {
      const slices = sliceNames(grid.names);
      await Promise.all(
        AGGREGATES.flatMap((aggregate) => slices.map((names) => this.#readOne({ ...grid, names }, aggregate, found))),
      );
      this.counters.answered++;
      return found;
    } catch (error) {
      if (this.#closing.signal.aborted) return undefined;
      this.counters.failures++;
      this.#restUntil = clock.monotonic() + REST_MS;
      const reason = error instanceof Error ? error.message : String(error);
      this.#report("the store of metrics does not answer, so charts show our own history", { reason });
      return undefined;
    } finally {
      this.#reads--;
    }
  }

  close(): void {
    this.#closing.abort();
  }

  async #readOne(grid: AskedGrid, aggregate: Aggregate, found: Map<string, ReadValues>): Promise<void> {
    const query = rangeQuery(aggregate, grid.names, { agentId: grid.agentId, rangeMs: grid.stepMs });
    if (query === "") return;
    // a range looks back from its instant, so a step is asked for at its end
    const body = new URLSearchParams({
      query,
      start: seconds(grid.from + grid.stepMs),
      end: seconds(grid.from + grid.steps * grid.stepMs),
      step: seconds(grid.stepMs),
      // VictoriaMetrics would shift instants to fit its cache and repeat the last known value; others ignore both
      nocache: "1",
      latency_offset: "1ms",
    }).toString();
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
      "user-agent": `muster/${this.#options.version}`,
      ...authorization(this.#options.credentials),
    };
    const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER };
    const answer = await sendRequest(
      { url: this.#url, method: "POST", headers, body, ...limits },
      { clock: this.#options.clock, signal: this.#closing.signal },
    );
    if (answer.status !== 200) throw new Error(`status ${answer.status}: ${excerpt(answer.body)}`);
    fillIn(found, JSON.parse(answer.body.toString("utf8")), { grid, aggregate });
  }
}

/** `https://host/prefix` → `https://host/prefix/api/v1/query_range`, with its query kept. */
function rangeUrl(base: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/query_range`;
  return url;
}

function sliceNames(names: readonly string[]): string[][] {
  const slices: string[][] = [];
  for (let start = 0; start < names.length; start += NAMES_PER_QUERY)
    slices.push(names.slice(start, start + NAMES_PER_QUERY));
  return slices;
}

function seconds(ms: number): string {
  return String(ms / 1000);
}

/** Takes a matrix apart; what is not shaped like one is an error, a value that is no finite number a gap. */
function fillIn(
  found: Map<string, ReadValues>,
  answer: unknown,
  { grid, aggregate }: { grid: AskedGrid; aggregate: Aggregate },
): void {
  const result = (answer as { data?: { resultType?: unknown; result?: unknown } } | null)?.data;
  if (result?.resultType !== "matrix" || !Array.isArray(result.result)) throw new Error("the answer is no matrix");
  for (const series of result.result as { metric?: Record<string, unknown>; values?: unknown }[]) {
    const name = series.metric?.[ANSWER_LABEL];
    if (typeof name !== "string" || !Array.isArray(series.values)) throw new Error("the answer is no matrix");
    const target = valuesOf(found, name, grid.steps)[aggregate];
    for (const pair of series.values as unknown[]) {
      const [at, text] = Array.isArray(pair) ? (pair as unknown[]) : [];
      const index = Math.round((Number(at) * 1000 - grid.from) / grid.stepMs) - 1;
      const value = typeof text === "string" ? Number(text) : Number.NaN;
      if (Number.isFinite(value) && index >= 0 && index < grid.steps) target[index] = value;
    }
  }
}

function valuesOf(found: Map<string, ReadValues>, name: string, steps: number): ReadValues {
  const known = found.get(name);
  if (known) return known;
  const empty = (): Values => new Array<number | null>(steps).fill(null);
  const created = { avg: empty(), min: empty(), max: empty() };
  found.set(name, created);
  return created;
}
