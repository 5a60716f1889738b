import { type Clock, delay } from "@muster/core";
import type { DatawayBackend } from "./dataway-backend.ts";
import type { ReportQueue } from "./report-queue.ts";

export interface BackendReporterOptions {
  readonly backend: Pick<DatawayBackend, "reportOnline" | "reportInfo">;
  readonly queue: ReportQueue;
  readonly clock: Clock;
  readonly report: (message: string, details: object) => void;
  /** 0..1, for spreading retries. */
  readonly random?: () => number;
}

/** What the backend is told of one DataKit. */
export interface DatakitReport {
  readonly id: string;
  readonly status: "online" | "offline";
  readonly [field: string]: unknown;
}

const BATCH = 100;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/**
 * Tells the backend what waits in the queue, oldest first and one request at a time. No answer, 429, 5xx and redirects are
 * repeated with growing pauses; what is refused otherwise is dropped and counted.
 */
export class BackendReporter {
  readonly counters = { sent: 0, failures: 0, refused: 0 };
  readonly #options: BackendReporterOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};

  constructor(options: BackendReporterOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Resolves when the report would survive the death of this process. */
  async tell(report: DatakitReport): Promise<void> {
    await this.#options.queue.put(report.id, report);
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#running;
    await this.#options.queue.close();
  }

  async #run(): Promise<void> {
    const { queue, clock, random = Math.random } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; ) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const waiting = queue.peek(BATCH);
      if (waiting.length === 0) {
        await woken;
        continue;
      }
      const taken = await this.#send(waiting.map(({ report }) => report as DatakitReport));
      if (taken) {
        attempt = 0;
        await queue.confirm(waiting);
        continue;
      }
      const pause = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt++, 10));
      await delay(clock, pause * (0.5 + random() / 2), signal);
    }
  }

  /** True when these are done with, one way or the other. */
  async #send(reports: readonly DatakitReport[]): Promise<boolean> {
    const { backend, report } = this.#options;
    const online = reports.filter(({ status }) => status === "online").map(({ id }) => id);
    const statuses = [
      online.length === 0 ? 200 : await backend.reportOnline(online),
      await backend.reportInfo(reports),
    ];
    if (statuses.some(isTemporary)) {
      this.counters.failures++;
      report("the backend of the gateway cannot be told of DataKits; repeated", { statuses });
      return false;
    }
    // the original has no such route as the second; whoever took one of the two has been told
    const refused = statuses.every((status) => status !== undefined && status >= 400) || (statuses[0] ?? 0) >= 400;
    if (refused) {
      this.counters.refused += reports.length;
      report("the backend of the gateway refused reports, which are dropped", { statuses, reports: reports.length });
    } else this.counters.sent += reports.length;
    return true;
  }
}

function isTemporary(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500 || (status >= 300 && status < 400);
}
