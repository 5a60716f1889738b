import type { Clock, Timestamp } from "@muster/core";

/** A function of the server that repeats in the background. One run at a time; what it missed it does in the next. */
export interface Job {
  readonly name: string;
  readonly intervalMs: number;
  run(now: Timestamp): Promise<void>;
}

/** What a failed run is told to. */
export type JobFailed = (name: string, error: unknown) => void;

/** Repeats jobs until stopped. */
export class JobRunner {
  readonly #clock: Clock;
  readonly #onFailed: JobFailed;
  readonly #running = new Map<string, Promise<void>>();
  #stop: (() => void)[] = [];

  constructor(clock: Clock, onFailed: JobFailed) {
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  start(jobs: readonly Job[]): void {
    for (const job of jobs) this.#stop.push(this.#clock.every(job.intervalMs, () => this.#run(job)));
  }

  /** Resolves when no job is running any more. */
  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    this.#stop = [];
    await Promise.all(this.#running.values());
  }

  #run(job: Job): void {
    if (this.#running.has(job.name)) return;
    const run = job
      .run(this.#clock.now())
      .catch((error: unknown) => this.#onFailed(job.name, error))
      .finally(() => this.#running.delete(job.name));
    this.#running.set(job.name, run);
  }
}
