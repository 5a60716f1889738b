import { FINAL_RUN_STATUSES, type Run } from "@muster/core/resources";
import type { FeedEvent } from "../fleet/feed.ts";
import { CHUNKS_PER_READ, type Snapshot } from "./live-snapshot.ts";
import { mark, Subscription, type SubscriptionParts, takeSome } from "./live-subscription.ts";

const RUNS_PER_PAGE = 200;
const RUNS_PER_TICK = 200;
const COMMANDS_AT_START = 50;

/** A command, its counts and its runs as they change; when asked, also what they write. */
export class CommandSubscription extends Subscription {
  readonly #commandId: string;
  readonly #withOutput: boolean;
  readonly #changedRuns = new Set<string>();
  /** Per run the last chunk that was sent. */
  readonly #sentThrough = new Map<string, number>();
  readonly #unread = new Set<string>();
  readonly #ended = new Set<string>();
  #commandChanged = false;
  readonly #merged = () => this.countMerged();

  constructor(parts: SubscriptionParts, request: { commandId: string; output: boolean }) {
    super(parts);
    this.#commandId = request.commandId;
    this.#withOutput = request.output;
  }

  topics(): readonly string[] {
    return [`command:${this.#commandId}`];
  }

  async load(): Promise<void> {
    const command = await this.fleet.commands.get(this.#commandId);
    this.socket.send({ event: "command", sub: this.sub, command });
    let cursor: string | undefined;
    do {
      const query = { limit: RUNS_PER_PAGE, ...(cursor !== undefined && { cursor }) };
      const page = await this.fleet.commands.listRuns(this.#commandId, query);
      for (const run of page.items) this.#loadRun(run);
      await this.socket.untilClear();
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && !this.stopped);
  }

  note(event: FeedEvent): boolean {
    if (event.kind === "command") this.#commandChanged = true;
    else if (event.kind === "run") {
      this.#commandChanged = true;
      mark(this.#changedRuns, event.runId, this.#merged);
      if (this.#withOutput) this.#unread.add(event.runId);
    } else if (event.kind === "output") {
      if (!this.#withOutput) return false;
      this.#unread.add(event.runId);
    }
    return true;
  }

  want(snapshot: Snapshot): void {
    if (this.#commandChanged && snapshot.countsCommands) snapshot.wantCommands([this.#commandId]);
    snapshot.wantRuns([...this.#changedRuns].slice(0, RUNS_PER_TICK));
  }

  async emit(snapshot: Snapshot): Promise<boolean> {
    for (const id of takeSome(this.#changedRuns, RUNS_PER_TICK)) {
      const run = snapshot.run(id);
      if (run !== undefined) this.sendShared("run", "run", run);
    }
    if (this.#commandChanged && snapshot.countsCommands) {
      this.#commandChanged = false;
      const command = snapshot.command(this.#commandId);
      if (command !== undefined) this.sendShared("command", "command", command);
    }
    for (const runId of takeSome(this.#unread, RUNS_PER_TICK)) {
      if (this.socket.isClogged) this.#unread.add(runId);
      else await this.#emitOutput(runId, snapshot);
    }
    return this.#commandChanged || this.#changedRuns.size + this.#unread.size > 0;
  }

  #loadRun(run: Run): void {
    this.socket.send({ event: "run", sub: this.sub, run });
    if (!this.#withOutput) return;
    const isSilent = run.stdoutBytes + run.stderrBytes === 0;
    if (isSilent && FINAL_RUN_STATUSES.includes(run.status)) this.#end(run.id);
    else if (!isSilent) this.#unread.add(run.id);
  }

  async #emitOutput(runId: string, snapshot: Snapshot): Promise<void> {
    if (this.#ended.has(runId)) return;
    const read = await snapshot.output(runId, this.#sentThrough.get(runId) ?? -1);
    if (read.count > 0) {
      this.#sentThrough.set(runId, read.lastSeq);
      sendOutput(this.socket, { sub: this.sub, runId, json: read.json });
    }
    if (read.ended) this.#end(runId);
    else if (read.count === CHUNKS_PER_READ) this.#unread.add(runId);
  }

  #end(runId: string): void {
    this.#ended.add(runId);
    this.#sentThrough.delete(runId);
    this.socket.send({ event: "output_end", sub: this.sub, runId });
  }
}

/** What one run wrote after a chunk, then what it writes. Ends by itself when the run has. */
export class OutputSubscription extends Subscription {
  readonly #runId: string;
  #after: number;

  constructor(parts: SubscriptionParts, request: { runId: string; after: number }) {
    super(parts);
    this.#runId = request.runId;
    this.#after = request.after;
  }

  topics(): readonly string[] {
    return [`run:${this.#runId}`];
  }

  async load(): Promise<void> {
    await this.fleet.commands.getRun(this.#runId);
    for (;;) {
      const { chunks, ended } = await this.fleet.commands.readOutput(this.#runId, this.#after, CHUNKS_PER_READ);
      if (chunks.length > 0) {
        this.#after = chunks.at(-1)?.seq ?? this.#after;
        this.socket.send({ event: "output", sub: this.sub, runId: this.#runId, chunks });
      }
      if (ended || chunks.length < CHUNKS_PER_READ || this.stopped) return;
      await this.socket.untilClear();
    }
  }

  note(event: FeedEvent): boolean {
    return event.kind === "output" || event.kind === "run";
  }

  want(): void {}

  async emit(snapshot: Snapshot): Promise<boolean> {
    const read = await snapshot.output(this.#runId, this.#after);
    if (read.count > 0) {
      this.#after = read.lastSeq;
      sendOutput(this.socket, { sub: this.sub, runId: this.#runId, json: read.json });
    }
    if (!read.ended) return read.count === CHUNKS_PER_READ;
    this.socket.send({ event: "output_end", sub: this.sub, runId: this.#runId });
    this.socket.finish(this);
    return false;
  }
}

/** Commands as they are created and as their status or counts change. */
export class CommandsSubscription extends Subscription {
  readonly #changed = new Set<string>();
  readonly #merged = () => this.countMerged();

  topics(): readonly string[] {
    return ["commands"];
  }

  async load(): Promise<void> {
    const running = await this.fleet.commands.list({ status: "running", limit: COMMANDS_AT_START });
    for (const command of running.items) this.socket.send({ event: "command", sub: this.sub, command });
  }

  note(event: FeedEvent): boolean {
    if (event.kind !== "command" && event.kind !== "run") return false;
    mark(this.#changed, event.commandId, this.#merged);
    return true;
  }

  want(snapshot: Snapshot): void {
    if (snapshot.countsCommands) snapshot.wantCommands(this.#changed);
  }

  async emit(snapshot: Snapshot): Promise<boolean> {
    if (!snapshot.countsCommands) return this.#changed.size > 0;
    for (const id of takeSome(this.#changed, COMMANDS_AT_START)) {
      const command = snapshot.command(id);
      if (command !== undefined) this.sendShared("command", "command", command);
    }
    return this.#changed.size > 0;
  }
}

function sendOutput(
  socket: { sendText(text: string): void },
  output: { readonly sub: number; readonly runId: string; readonly json: string },
): void {
  const runId = JSON.stringify(output.runId);
  socket.sendText(`{"event":"output","sub":${output.sub},"runId":${runId},"chunks":${output.json}}`);
}
