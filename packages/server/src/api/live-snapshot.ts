import { hasCode } from "@muster/core";
import type { OutputChunk } from "@muster/core/resources";
import type { Fleet } from "../fleet/fleet.ts";

/** Chunks read at a time: a reader that is far behind catches up over several ticks. */
export const CHUNKS_PER_READ = 64;

/** A piece of output as JSON, with where it ends. */
export interface OutputRead {
  readonly json: string;
  readonly count: number;
  readonly lastSeq: number;
  readonly ended: boolean;
}

/**
 * The state that one tick shows. Everything is read and turned into JSON once, however many watchers get it: they say
 * what they want, `fetch` reads it, then they take it.
 */
export class Snapshot {
  readonly #fleet: Fleet;
  readonly #agents = new Map<string, string | undefined>();
  readonly #runs = new Map<string, string | undefined>();
  readonly #commands = new Map<string, string | undefined>();
  readonly #outputs = new Map<string, Promise<OutputRead>>();
  /** Every third of a second commands may be counted again, every second gauges: neither is worth more. */
  readonly countsCommands: boolean;
  readonly showsGauges: boolean;
  #wantsCounts = false;
  counts: string | undefined;

  constructor(fleet: Fleet, tick: number) {
    this.#fleet = fleet;
    this.countsCommands = tick % 3 === 0;
    this.showsGauges = tick % 10 === 0;
  }

  wantAgents(ids: Iterable<string>): void {
    for (const id of ids) this.#agents.set(id, undefined);
  }

  wantRuns(ids: Iterable<string>): void {
    for (const id of ids) this.#runs.set(id, undefined);
  }

  wantCommands(ids: Iterable<string>): void {
    for (const id of ids) this.#commands.set(id, undefined);
  }

  wantCounts(): void {
    this.#wantsCounts = true;
  }

  async fetch(): Promise<void> {
    const { agents, commands } = this.#fleet;
    if (this.#wantsCounts) this.counts = JSON.stringify(await agents.counts());
    for (const agent of await agents.findMany([...this.#agents.keys()])) {
      this.#agents.set(agent.id, JSON.stringify(agent));
    }
    for (const run of await commands.findRuns([...this.#runs.keys()])) this.#runs.set(run.id, JSON.stringify(run));
    for (const id of this.#commands.keys()) {
      const command = await commands.get(id).catch(ignoreMissing);
      if (command) this.#commands.set(id, JSON.stringify(command));
    }
  }

  /** Undefined when it is gone. */
  agent(id: string): string | undefined {
    return this.#agents.get(id);
  }

  run(id: string): string | undefined {
    return this.#runs.get(id);
  }

  command(id: string): string | undefined {
    return this.#commands.get(id);
  }

  /** Readers at the same place share one read. */
  output(runId: string, after: number): Promise<OutputRead> {
    const key = `${after} ${runId}`;
    const known = this.#outputs.get(key);
    if (known) return known;
    const read = this.#readOutput(runId, after);
    this.#outputs.set(key, read);
    return read;
  }

  async #readOutput(runId: string, after: number): Promise<OutputRead> {
    const { chunks, ended } = await this.#fleet.commands.readOutput(runId, after, CHUNKS_PER_READ);
    const lastSeq = chunks.at(-1)?.seq ?? after;
    return { json: JSON.stringify(chunks satisfies OutputChunk[]), count: chunks.length, lastSeq, ended };
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, "not_found")) throw error;
  return undefined;
}
