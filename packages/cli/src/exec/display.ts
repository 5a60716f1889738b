import { type CancelTimer, toIso } from "@muster/core";
import type { Command, OutputChunk, Run } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";
import type { Context } from "../context.ts";
import { formatElapsed, plural } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { groupRuns, isSilent, type OutputGroup, summarizeGroups } from "./fold.ts";
import { JsonPrinter, type OutputPrinter, PlainPrinter, PrefixedPrinter, SilentPrinter } from "./printers.ts";
import { progressLine, totalLine } from "./progress.ts";
import type { ShowFlags } from "./request.ts";
import type { CommandListener, WatchOutcome } from "./watch.ts";
import { describeEnd, nameSome } from "./words.ts";

interface DisplayOptions {
  readonly context: Context;
  readonly client: MusterClient;
  readonly command: Command;
  readonly show: ShowFlags;
}

const REDRAW_MS = 250;

/** What `muster exec` shows: output while it arrives, how each run ended, a progress line, and the sum at the end. */
export class ExecDisplay implements CommandListener {
  /** False when only the end is shown: then no output needs to be streamed. */
  readonly wantsOutput: boolean;
  readonly #options: DisplayOptions;
  readonly #startedAt: number;
  readonly #cancelRedraw: CancelTimer;
  readonly #single: boolean;
  #command: Command;
  #printer: OutputPrinter | null = null;
  readonly #names: string[] = [];

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#command = options.command;
    this.#single = options.command.total === 1;
    this.wantsOutput = !options.show.fold || options.context.json;
    this.#startedAt = options.context.clock.monotonic();
    this.#cancelRedraw = options.context.clock.every(REDRAW_MS, () => this.#redraw());
    if (options.context.json) options.context.terminal.json({ event: "command", command: options.command }, 0);
  }

  onCommand(command: Command): void {
    this.#command = command;
  }

  onRun(run: Run): void {
    // the first reading brings every run before any output: the widest name decides the prefix
    if (!this.#printer) this.#names.push(run.agentName);
  }

  onChunk(run: Run, chunk: OutputChunk): void {
    this.#printer ??= this.#createPrinter();
    this.#printer.print(run, chunk);
  }

  onRunEnd(run: Run): void {
    this.#printer ??= this.#createPrinter();
    this.#printer.end(run);
    if (this.#options.context.json || run.status === "succeeded" || this.#options.show.fold) return;
    const { terminal } = this.#options.context;
    // ssh is silent about an exit code, and so are we with one host
    if (this.#single && run.status === "failed" && run.reason === null) return;
    terminal.note(terminal.errorStyle.red(`${sanitizeLine(run.agentName)}: ${describeEnd(run)}`));
  }

  /** The last words. */
  async conclude(outcome: WatchOutcome, exitCode: number): Promise<void> {
    this.#cancelRedraw();
    const { context, show } = this.#options;
    context.terminal.setStatus("");
    if (context.json) {
      context.terminal.json({ event: "end", at: toIso(context.clock.now()), command: outcome.command, exitCode }, 0);
      return;
    }
    const groups = groupRuns(outcome.runs);
    if (show.fold) for (const group of groups) await this.#showGroup(group);
    const { terminal } = context;
    if (!this.#single) {
      if (!show.fold) for (const line of summarizeGroups(groups)) terminal.note(terminal.errorStyle.dim(line));
      const elapsed = formatElapsed(context.clock.monotonic() - this.#startedAt);
      terminal.note(terminal.errorStyle.bold(`${totalLine(outcome.command)} · ${elapsed}`));
    }
    if (outcome.command.statusReason !== null) terminal.note(sanitizeLine(outcome.command.statusReason));
  }

  /** One output for all who wrote it: read from the one that stands for them. */
  async #showGroup(group: OutputGroup): Promise<void> {
    const { context, client } = this.#options;
    const { terminal } = context;
    const who = `${plural(group.names.length, "agent")} ${describeEnd(group.first)}: ${nameSome(group.names)}`;
    terminal.line(terminal.style.bold(`== ${who}`));
    if (isSilent(group)) return;
    const printer = new PlainPrinter(terminal, { raw: false });
    let last = "";
    for await (const chunk of client.runs.output(group.first.id)) {
      printer.print(group.first, chunk);
      last = chunk.text ?? "";
    }
    if (!last.endsWith("\n")) terminal.line();
  }

  #createPrinter(): OutputPrinter {
    const { context, show } = this.#options;
    if (context.json) return new JsonPrinter(context.terminal);
    if (show.fold) return new SilentPrinter();
    if (this.#single || !show.prefix) return new PlainPrinter(context.terminal, { raw: show.raw ?? false });
    return new PrefixedPrinter(context.terminal, this.#names);
  }

  #redraw(): void {
    if (this.#options.context.json) return;
    const elapsedMs = this.#options.context.clock.monotonic() - this.#startedAt;
    this.#options.context.terminal.setStatus(progressLine(this.#command, elapsedMs));
  }
}
