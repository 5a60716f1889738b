import { createStyle, type Style, wantsColours } from "./style.ts";
import { truncate } from "./width.ts";

/** Where text goes: `process.stdout` and `process.stderr`, or a recorder in tests. */
export interface TextSink {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface TerminalOptions {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const CLEAR_LINE = "\r\x1b[K";

/**
 * Both streams of the process and one status line beneath them. The status line exists only where stderr is a
 * terminal; it steps aside for every write and comes back below it.
 */
export class Terminal {
  /** For stdout. */
  readonly style: Style;
  /** For stderr, which may be a terminal when stdout is none, and the other way round. */
  readonly errorStyle: Style;
  readonly isInteractive: boolean;
  readonly hasStatusLine: boolean;
  readonly #stdout: TextSink;
  readonly #stderr: TextSink;
  #status = "";
  /** The last write did not end its line, so a status line would overwrite it. */
  #midLine = false;

  constructor(options: TerminalOptions) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.isInteractive = options.stdout.isTTY === true;
    this.hasStatusLine = options.stderr.isTTY === true && options.environment.TERM !== "dumb";
    this.style = createStyle(wantsColours(options.environment, this.isInteractive));
    this.errorStyle = createStyle(wantsColours(options.environment, options.stderr.isTTY === true));
  }

  /** Columns to fit into; undefined when nobody looks. */
  get width(): number | undefined {
    return this.isInteractive ? this.#stdout.columns || 80 : undefined;
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  lines(texts: readonly string[]): void {
    if (texts.length > 0) this.write(`${texts.join("\n")}\n`);
  }

  json(value: unknown, indent = 2): void {
    this.write(`${JSON.stringify(value, null, indent)}\n`);
  }

  write(text: string | Uint8Array): void {
    this.#withoutStatus(this.#stdout, text);
  }

  note(text: string): void {
    this.writeError(`${text}\n`);
  }

  writeError(text: string | Uint8Array): void {
    this.#withoutStatus(this.#stderr, text);
  }

  /** Shows one line beneath everything; an empty text removes it. */
  setStatus(text: string): void {
    if (!this.hasStatusLine || text === this.#status) return;
    if (this.#status !== "") this.#stderr.write(CLEAR_LINE);
    this.#status = text;
    this.#showStatus();
  }

  #withoutStatus(sink: TextSink, text: string | Uint8Array): void {
    if (text.length === 0) return;
    if (this.#status !== "" && !this.#midLine) this.#stderr.write(CLEAR_LINE);
    sink.write(text);
    this.#midLine = sink.isTTY === true && (typeof text === "string" ? !text.endsWith("\n") : text.at(-1) !== 10);
    this.#showStatus();
  }

  #showStatus(): void {
    if (this.#status === "" || this.#midLine) return;
    this.#stderr.write(this.errorStyle.dim(truncate(this.#status, (this.#stderr.columns || 80) - 1)));
  }
}
