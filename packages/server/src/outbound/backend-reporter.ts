import type { Clock } from "@muster/core";
import type { DatawayBackend } from "./dataway-backend.ts";
import type { ReportTrouble } from "./remote-store.ts";
import type { ReportQueue, WaitingReport } from "./report-queue.ts";
import { type Again, isAboutToken, isTemporary, Sender } from "./sender.ts";

export interface BackendReporterOptions {
  readonly backend: Pick<DatawayBackend, "reportOnline" | "reportInfo">;
  readonly queue: ReportQueue;
  readonly clock: Clock;
  readonly report: ReportTrouble;
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

/**
 * Tells the backend what waits in the queue, oldest first and one request at a time. No answer, 408, 429, 5xx, redirects
 * and a token that is not good are repeated with growing pauses; what is refused otherwise is dropped and counted.
 */
export class BackendReporter {
  readonly counters = { sent: 0, failures: 0, refused: 0 };
  readonly #options: BackendReporterOptions;
  readonly #sender: Sender<readonly WaitingReport[]>;

  constructor(options: BackendReporterOptions) {
    this.#options = options;
    const { queue, clock, report, random } = options;
    this.#sender = new Sender<readonly WaitingReport[]>({
      name: "telling the gateway's backend of DataKits",
      outbox: {
        peek() {
          const waiting = queue.peek(BATCH);
          return waiting.length === 0 ? undefined : waiting;
        },
        confirm: (reports) => queue.confirm(reports),
        close: () => queue.close(),
      },
      send: (waiting) => this.#send(waiting.map(({ report }) => report as DatakitReport)),
      counters: this.counters,
      waiting: () => queue.length,
      clock,
      report,
      random,
    });
  }

  /** Resolves when the report would survive the death of this process. */
  async tell(report: DatakitReport): Promise<void> {
    await this.#options.queue.put(report.id, report);
    this.#sender.wake();
  }

  close(): Promise<void> {
    return this.#sender.close();
  }

  async #send(reports: readonly DatakitReport[]): Promise<Again | undefined> {
    const { backend, report } = this.#options;
    const online = reports.filter(({ status }) => status === "online").map(({ id }) => id);
    const original = online.length === 0 ? 200 : await backend.reportOnline(online);
    if (original !== undefined && isAboutToken(original)) return { reason: `status ${original}` };
    const statuses = [original, await backend.reportInfo(reports)];
    if (statuses.includes(undefined)) return { reason: "no answer" };
    const failed = statuses.find((status) => status !== undefined && isTemporary(status));
    if (failed !== undefined) return { reason: `status ${failed}` };
    // the original has no such route as the second; whoever took one of the two has been told
    const refused = statuses.every((status) => status !== undefined && status >= 400) || (statuses[0] ?? 0) >= 400;
    if (refused) {
      this.counters.refused += reports.length;
      report("the backend of the gateway refused reports, which are dropped", { statuses, reports: reports.length });
    } else this.counters.sent += reports.length;
    return undefined;
  }
}
