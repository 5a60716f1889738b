import type { TextSink } from "../terminal/terminal.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** The alternate screen of a terminal: drawn over in place, and gone without a trace when left. */
export class Screen {
  readonly #sink: TextSink;
  #open = false;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** One write per picture, each line cleared to its end, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    const start = this.#open ? "\x1b[H" : ENTER;
    this.#open = true;
    this.#sink.write(`${start}\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\n")}\x1b[J`);
  }

  leave(): void {
    if (this.#open) this.#sink.write(LEAVE);
    this.#open = false;
  }
}
