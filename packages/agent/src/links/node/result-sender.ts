import { type Clock, newMessageId, toIso } from "@muster/core";
import type { NativeWelcome, NodeFrame, WireChunk } from "@muster/protocols/node";
import { chunkBytes } from "../../commands/run-output.ts";
import type { HeldRun, Runner } from "../../commands/runner.ts";
import type { Spool } from "../../commands/spool.ts";
import { RunFlow } from "./run-flow.ts";

export interface ResultSenderOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly nodeId: string;
  /** Null for a core without our extension. */
  readonly welcome: NativeWelcome | null;
  readonly send: (frame: NodeFrame, onSent: () => void) => void;
  /** True while the connection takes no more: `pump` is called again once something has left. */
  readonly isCongested: () => boolean;
}

/** Sends the output and the results of all runs over one connection, and settles them. Made anew per connection. */
export class ResultSender {
  readonly #options: ResultSenderOptions;
  readonly #streams: boolean;
  readonly #flows = new Map<string, RunFlow>();
  /** Original cores acknowledge by the message's id alone. */
  readonly #runOfMessage = new Map<string, string>();

  constructor(options: ResultSenderOptions) {
    this.#options = options;
    this.#streams = options.welcome?.capabilities.includes("output") ?? false;
  }

  /** Sends what may be sent of a run now. Harmless to call too often. */
  pump(run: HeldRun): void {
    const flow = this.#flow(run.id);
    for (;;) {
      const progress = { lastSeq: run.spool?.lastSeq ?? -1, isFinished: run.state === "finished" };
      const step = flow.next(progress, this.#now());
      if (step === "settle") {
        this.#settle(run.id);
        return;
      }
      if (step === "wait" || this.#options.isCongested()) return;
      if (step === "result") this.#sendResult(run, flow);
      else if (!this.#sendOutput(run, flow)) return;
    }
  }

  outputStored(runId: string, through: number): void {
    const run = this.#options.runner.find(runId);
    if (!run) return;
    run.spool?.confirm(through);
    this.#flow(runId).outputStored(through, this.#now());
    this.pump(run);
  }

  resultStored(messageId: string, runId: string | undefined): void {
    const id = this.#runOfMessage.get(messageId) ?? runId;
    if (id === undefined) return;
    this.#runOfMessage.delete(messageId);
    const run = this.#options.runner.find(id);
    if (!run) return;
    this.#flow(id).resultStored();
    this.pump(run);
  }

  /** The server could not store something: what is on its way is sent again before long. */
  notStored(): void {
    for (const flow of this.#flows.values()) flow.notStored(this.#now());
  }

  #flow(runId: string): RunFlow {
    let flow = this.#flows.get(runId);
    if (!flow) {
      const through = this.#options.welcome?.output_through[runId] ?? -1;
      flow = new RunFlow({ through, streams: this.#streams, now: this.#now() });
      this.#flows.set(runId, flow);
    }
    return flow;
  }

  #settle(runId: string): void {
    this.#flows.delete(runId);
    void this.#options.runner.settle(runId);
  }

  /** Sends the next batch; false when there is none after all. */
  #sendOutput(run: HeldRun, flow: RunFlow): boolean {
    const chunks = run.spool?.read(flow.sent) ?? [];
    const last = chunks.at(-1);
    if (!last) return false;
    const bytes = chunks.reduce((sum, chunk) => sum + (chunk.text ?? chunk.base64 ?? "").length, 0);
    flow.outputSent(last.seq, bytes, this.#now());
    this.#send({ ...this.#envelope(), type: "command_output", data: { command_id: run.id, chunks } }, run);
    return true;
  }

  #sendResult(run: HeldRun, flow: RunFlow): void {
    const { end } = run;
    if (!end) return;
    const envelope = this.#envelope();
    this.#runOfMessage.set(envelope.id, run.id);
    const text = (stream: WireChunk["stream"]) => (this.#streams ? "" : joinOutput(run.spool, stream));
    const data = {
      command_id: run.id,
      exit_code: end.exitCode,
      stdout: text("stdout"),
      stderr: text("stderr"),
      execution_time_ms: end.executionMs,
    };
    flow.resultSent(this.#now());
    const { welcome } = this.#options;
    if (welcome) this.#send({ ...envelope, type: "command_result", data: { ...data, muster: end.result } }, run);
    else this.#send({ ...envelope, type: "command_result", data: explainInStderr(data, end.result.reason) }, run);
  }

  #send(frame: NodeFrame, run: HeldRun): void {
    this.#options.send(frame, () => this.pump(run));
  }

  #envelope(): { id: string; timestamp: string } {
    return { id: newMessageId(), timestamp: toIso(this.#options.clock.now()) };
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

/** A core without our extension has no other place for the reason. */
function explainInStderr<Data extends { stderr: string }>(data: Data, reason: string | undefined): Data {
  if (reason === undefined) return data;
  return {
    ...data,
    stderr: `${data.stderr}${data.stderr === "" || data.stderr.endsWith("\n") ? "" : "\n"}[muster: ${reason}]\n`,
  };
}

/** One stream as text, with a mark where bytes were left out. */
function joinOutput(spool: Spool | undefined, stream: WireChunk["stream"]): string {
  const pieces: Buffer[] = [];
  for (const chunk of spool?.readAll(stream) ?? []) {
    pieces.push(chunk.cut === undefined ? chunkBytes(chunk) : Buffer.from(`\n[… ${chunk.cut} bytes cut …]\n`));
  }
  return Buffer.concat(pieces).toString("utf8");
}
