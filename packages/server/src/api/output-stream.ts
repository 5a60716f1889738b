import type { Identity } from "../fleet/access.ts";
import type { Revocation } from "../fleet/access-revocations.ts";
import type { ApiContext } from "./context.ts";

const CHUNKS_AT_ONCE = 100;
/** The feed wakes a follower; this is for a ring that got lost. */
const LOOK_AGAIN_MS = 5000;

export interface OutputReader {
  readonly runId: string;
  readonly after: number;
  readonly follow: boolean;
  readonly identity: Identity;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
}

/**
 * A run's output as lines of JSON, read from the store as fast as the reader takes them. With `follow` it waits for
 * more until the run has ended, the reader has gone, or the reader's right to read has.
 */
export async function* readOutputLines(context: ApiContext, reader: OutputReader): AsyncGenerator<string> {
  const bell = new Bell(context, reader);
  try {
    let after = reader.after;
    while (!bell.closed) {
      bell.reset();
      const { chunks, ended } = await context.fleet.commands.readOutput(reader.runId, after, CHUNKS_AT_ONCE);
      if (chunks.length > 0) {
        after = chunks.at(-1)?.seq ?? after;
        yield `${chunks.map((chunk) => JSON.stringify(chunk)).join("\n")}\n`;
      }
      if (ended || (!reader.follow && chunks.length < CHUNKS_AT_ONCE)) return;
      if (chunks.length < CHUNKS_AT_ONCE) await bell.wait();
    }
  } finally {
    bell.close();
  }
}

/** True when a revocation ends what this caller may do. */
export function concerns(revocation: Revocation, identity: Identity): boolean {
  if (revocation.kind === "user") return identity.ownerId === revocation.id;
  return identity.credential.kind === revocation.kind && identity.credential.id === revocation.id;
}

/** Rings when the run has changed. A ring between two waits is not lost. */
class Bell {
  closed = false;
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #context: ApiContext;
  readonly #ends: (() => void)[] = [];

  constructor(context: ApiContext, reader: OutputReader) {
    this.#context = context;
    const stop = () => this.close();
    this.#ends.push(
      context.fleet.feed.subscribe((event) => {
        if ((event.kind === "output" || event.kind === "run") && event.runId === reader.runId) this.#ring();
      }),
      context.access.revocations.subscribe((revocation) => {
        if (concerns(revocation, reader.identity)) stop();
      }),
      () => reader.signal.removeEventListener("abort", stop),
    );
    reader.signal.addEventListener("abort", stop, { once: true });
    if (reader.signal.aborted) this.closed = true;
  }

  reset(): void {
    this.#rung = false;
  }

  async wait(): Promise<void> {
    if (this.#rung || this.closed) return;
    const cancel = this.#context.clock.after(LOOK_AGAIN_MS, () => this.#ring());
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    cancel();
  }

  close(): void {
    this.closed = true;
    for (const end of this.#ends.splice(0)) end();
    this.#ring();
  }

  #ring(): void {
    this.#rung = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}
