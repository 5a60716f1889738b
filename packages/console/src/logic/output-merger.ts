import type { OutputChunk } from "@muster/core/resources";
import { OutputLines } from "./output-lines.ts";

export interface MergerOptions {
  /** Reads what a run has written after a chunk, and ends. */
  readonly read: (runId: string, after: number) => AsyncIterable<OutputChunk>;
  /** Called after new lines, possibly often: the caller paces itself. */
  readonly onChange: () => void;
  readonly limit?: number;
}

interface RunTail {
  lastSeq: number;
  /** Live chunks that wait for the stored ones before them; undefined when nothing is missing. */
  waiting: OutputChunk[] | undefined;
  read: boolean;
}

/** Stored outputs read at the same time. */
const AT_ONCE = 4;

/**
 * Joins what runs have written so far (read from the store) with what they write now (pushed by the live stream) into
 * one list of lines, each chunk once and each run's chunks in order, whichever of the two comes first.
 */
export class OutputMerger {
  readonly output: OutputLines;
  readonly #options: MergerOptions;
  readonly #tails = new Map<string, RunTail>();
  readonly #queue: string[] = [];
  #reading = 0;
  #closed = false;

  constructor(options: MergerOptions) {
    this.#options = options;
    this.output = new OutputLines(options.limit);
  }

  /** A run is known to have written something; what is stored is read once. */
  see(runId: string): void {
    const tail = this.#tailOf(runId);
    if (!tail.read && tail.lastSeq === -1) this.#request(runId, tail);
  }

  /** Chunks from the live stream. */
  push(runId: string, chunks: readonly OutputChunk[]): void {
    const tail = this.#tailOf(runId);
    const fresh = chunks.filter((chunk) => chunk.seq > tail.lastSeq);
    const first = fresh[0];
    if (!first) return;
    if (tail.waiting) tail.waiting.push(...fresh);
    else if (first.seq === tail.lastSeq + 1) this.#accept(runId, tail, fresh);
    else {
      this.#request(runId, tail, fresh);
    }
  }

  /** The live stream left something out: everything known is read again from where it is. */
  catchUp(): void {
    for (const [runId, tail] of this.#tails) if (!tail.waiting) this.#request(runId, tail);
  }

  close(): void {
    this.#closed = true;
  }

  #tailOf(runId: string): RunTail {
    let tail = this.#tails.get(runId);
    if (!tail) {
      tail = { lastSeq: -1, waiting: undefined, read: false };
      this.#tails.set(runId, tail);
    }
    return tail;
  }

  #accept(runId: string, tail: RunTail, chunks: readonly OutputChunk[]): void {
    const fresh = chunks.filter((chunk) => chunk.seq > tail.lastSeq).sort((a, b) => a.seq - b.seq);
    const last = fresh.at(-1);
    if (!last) return;
    tail.lastSeq = last.seq;
    this.output.push(runId, fresh);
    this.#options.onChange();
  }

  #request(runId: string, tail: RunTail, waiting: OutputChunk[] = []): void {
    tail.waiting = waiting;
    this.#queue.push(runId);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#reading >= AT_ONCE) return;
    this.#reading += 1;
    for (let runId = this.#queue.shift(); runId !== undefined && !this.#closed; runId = this.#queue.shift()) {
      await this.#readStored(runId);
    }
    this.#reading -= 1;
  }

  async #readStored(runId: string): Promise<void> {
    const tail = this.#tailOf(runId);
    const stored: OutputChunk[] = [];
    try {
      for await (const chunk of this.#options.read(runId, tail.lastSeq)) {
        if (this.#closed) return;
        stored.push(chunk);
      }
      tail.read = true;
    } catch {
      // what came live is still worth showing; the next catch-up asks again
    }
    const waiting = tail.waiting ?? [];
    tail.waiting = undefined;
    this.#accept(runId, tail, [...stored, ...waiting]);
  }
}
