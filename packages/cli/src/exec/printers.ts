import type { OutputChunk, Run } from "@muster/core/resources";
import { sanitizeLine } from "../terminal/sanitize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { displayWidth, pad, truncate } from "../terminal/width.ts";
import { ChunkDecoder, chunkContent } from "./decoder.ts";

/** Shows what runs write, while they write it. */
export interface OutputPrinter {
  print(run: Run, chunk: OutputChunk): void;
  /** The run will write nothing more. */
  end(run: Run): void;
}

/** The host's stdout is our stdout, its stderr our stderr, as if the command ran here. */
export class PlainPrinter implements OutputPrinter {
  readonly #terminal: Terminal;
  readonly #decoders = new Map<string, ChunkDecoder>();
  readonly #raw: boolean;

  constructor(terminal: Terminal, options: { readonly raw: boolean }) {
    this.#terminal = terminal;
    this.#raw = options.raw;
  }

  print(run: Run, chunk: OutputChunk): void {
    const content = this.#raw ? chunkContent(chunk) : this.#decoderOf(run).decode(chunk);
    if (chunk.stream === "stdout") this.#terminal.write(content);
    else this.#terminal.writeError(content);
  }

  end(run: Run): void {
    this.#decoders.delete(run.id);
  }

  #decoderOf(run: Run): ChunkDecoder {
    const decoder = this.#decoders.get(run.id) ?? new ChunkDecoder({ styles: this.#terminal.style.enabled });
    this.#decoders.set(run.id, decoder);
    return decoder;
  }
}

interface Lines {
  readonly decoder: ChunkDecoder;
  readonly rest: { stdout: string; stderr: string };
}

const MAX_NAME_WIDTH = 24;
/** A line that grows beyond this is shown in parts. */
const MAX_LINE = 16_384;

/** Many runs: whole lines, each with the agent's name before it in a colour of its own; `!` marks stderr. */
export class PrefixedPrinter implements OutputPrinter {
  readonly #terminal: Terminal;
  readonly #runs = new Map<string, Lines>();
  readonly #width: number;

  constructor(terminal: Terminal, names: readonly string[]) {
    this.#terminal = terminal;
    const widths = names.map((name) => displayWidth(sanitizeLine(name)));
    this.#width = Math.min(
      MAX_NAME_WIDTH,
      widths.reduce((widest, width) => Math.max(widest, width), 0),
    );
  }

  print(run: Run, chunk: OutputChunk): void {
    let lines = this.#runs.get(run.id);
    if (!lines) {
      lines = { decoder: new ChunkDecoder({ styles: this.#terminal.style.enabled }), rest: { stdout: "", stderr: "" } };
      this.#runs.set(run.id, lines);
    }
    const parts = (lines.rest[chunk.stream] + lines.decoder.decode(chunk)).split("\n");
    const rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE) parts.push(rest);
    lines.rest[chunk.stream] = rest.length > MAX_LINE ? "" : rest;
    this.#show(run, chunk.stream, parts);
  }

  end(run: Run): void {
    const rest = this.#runs.get(run.id)?.rest;
    this.#runs.delete(run.id);
    for (const stream of ["stdout", "stderr"] as const) if (rest?.[stream]) this.#show(run, stream, [rest[stream]]);
  }

  #show(run: Run, stream: "stdout" | "stderr", lines: readonly string[]): void {
    if (lines.length === 0) return;
    const style = stream === "stdout" ? this.#terminal.style : this.#terminal.errorStyle;
    const name = pad(truncate(sanitizeLine(run.agentName), this.#width), this.#width);
    const prefix = style.named(run.agentName, `${name} ${stream === "stdout" ? "|" : "!"}`);
    const text = lines.map((line) => `${prefix} ${finishLine(line)}\n`).join("");
    if (stream === "stdout") this.#terminal.write(text);
    else this.#terminal.writeError(text);
  }
}

/** Of a line that was rewritten (progress bars) the last version; a style that was left open ends with the line. */
function finishLine(line: string): string {
  const last = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  return last.includes("\x1b[") ? `${last}\x1b[0m` : last;
}

/** Programs: one JSON object per line, text as it came. */
export class JsonPrinter implements OutputPrinter {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  print(run: Run, chunk: OutputChunk): void {
    const { id: runId, agentId, agentName } = run;
    this.#terminal.json({ event: "output", runId, agentId, agentName, ...chunk }, 0);
  }

  end(run: Run): void {
    this.#terminal.json({ event: "run", run }, 0);
  }
}

/** Shows nothing while runs write: the folded end shows each different output once. */
export class SilentPrinter implements OutputPrinter {
  print(): void {
    // the end shows it
  }

  end(): void {
    // the end shows it
  }
}
