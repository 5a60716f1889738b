import { hasCode } from "@muster/core";
import type { OutputChunk, Page, Run, RunListQuery, RunWithCommand } from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { readLines } from "./ndjson.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** From where a run's output is read and whether to wait for more. */
export interface OutputOptions {
  /** Chunks after this number; -1, the default, from the first. */
  readonly after?: number;
  /** Goes on until the run has ended. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** How often a followed output may break without a single new chunk before it is an error. */
const MAX_FRUITLESS_ATTEMPTS = 3;

/** Runs: a command on one agent. */
export class RunsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: ListQuery<RunListQuery> = {}): Promise<Page<RunWithCommand>> {
    return this.#api.json("GET", "runs", { query });
  }

  listAll(query: ListQuery<RunListQuery> = {}): AsyncGenerator<RunWithCommand> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  get(id: string): Promise<RunWithCommand> {
    return this.#api.json("GET", `runs/${segment(id)}`);
  }

  cancel(id: string): Promise<Run> {
    return this.#api.json("POST", `runs/${segment(id)}/cancel`);
  }

  /**
   * What the run wrote, chunk by chunk and each chunk once. A followed output that breaks on the way is asked for
   * again from the last chunk seen.
   */
  async *output(id: string, options: OutputOptions = {}): AsyncGenerator<OutputChunk> {
    let after = options.after ?? -1;
    let fruitless = 0;
    for (;;) {
      try {
        for await (const chunk of this.#readOutput(id, { ...options, after })) {
          after = chunk.seq;
          fruitless = 0;
          yield chunk;
        }
        return;
      } catch (error) {
        fruitless += 1;
        if (!options.follow || !hasCode(error, "unavailable") || fruitless >= MAX_FRUITLESS_ATTEMPTS) throw error;
      }
    }
  }

  async *#readOutput(id: string, options: OutputOptions): AsyncGenerator<OutputChunk> {
    const response = await this.#api.send("GET", `runs/${segment(id)}/output`, {
      query: { after: options.after, follow: options.follow },
      headers: { accept: "application/x-ndjson" },
      ...(options.signal && { signal: options.signal }),
    });
    yield* readLines<OutputChunk>(response, options.signal);
  }
}
