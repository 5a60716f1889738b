import type { OutputChunk, Run } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";

/**
 * The output of one run as a gapless sequence, each chunk once: from the live stream while that goes well, from the
 * stored output where the live stream has a hole.
 */
export class RunStream {
  readonly #client: MusterClient;
  readonly #runId: string;
  readonly #deliver: (chunk: OutputChunk) => void;
  #last = -1;
  #seenBytes = 0;
  #filling: Promise<void> | null = null;
  #waiting: OutputChunk[] = [];

  constructor(client: MusterClient, runId: string, deliver: (chunk: OutputChunk) => void) {
    this.#client = client;
    this.#runId = runId;
    this.#deliver = deliver;
  }

  /** Chunks from the live stream, possibly repeated or with a hole before them. */
  accept(chunks: readonly OutputChunk[]): void {
    if (this.#filling) {
      this.#waiting.push(...chunks);
      return;
    }
    for (const [index, chunk] of chunks.entries()) {
      if (chunk.seq > this.#last + 1) {
        this.#waiting.push(...chunks.slice(index));
        this.#startFilling();
        return;
      }
      this.#take(chunk);
    }
  }

  /** Called once the run has ended: resolves when everything it wrote was delivered. */
  async complete(run: Run): Promise<void> {
    await this.#filling;
    if (this.#seenBytes < run.stdoutBytes + run.stderrBytes) await this.#readStored();
  }

  #startFilling(): void {
    this.#filling = this.#readStored()
      // the end of the run asks again and reports; a hole is not worth ending the watch for
      .catch(() => undefined)
      .finally(() => {
        this.#filling = null;
        const waiting = this.#waiting.filter((chunk) => chunk.seq > this.#last);
        this.#waiting = [];
        for (const chunk of waiting) this.#take(chunk);
      });
  }

  async #readStored(): Promise<void> {
    for await (const chunk of this.#client.runs.output(this.#runId, { after: this.#last })) this.#take(chunk);
  }

  #take(chunk: OutputChunk): void {
    if (chunk.seq <= this.#last) return;
    this.#last = chunk.seq;
    this.#seenBytes += chunkBytes(chunk);
    this.#deliver(chunk);
  }
}

function chunkBytes(chunk: OutputChunk): number {
  const content =
    chunk.text === undefined ? Buffer.byteLength(chunk.base64 ?? "", "base64") : Buffer.byteLength(chunk.text);
  return content + (chunk.cutBytes ?? 0);
}
