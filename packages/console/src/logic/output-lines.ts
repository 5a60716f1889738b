import type { OutputChunk } from "@muster/core/resources";
import { ANSI_START, type AnsiSpan, type AnsiState, parseAnsi } from "./ansi.ts";

/** One line of what a run wrote, ready to be shown. */
export interface OutputLine {
  /** Grows by one per line, also when old lines are forgotten: a stable key. */
  readonly number: number;
  readonly runId: string;
  readonly stream: "stdout" | "stderr";
  readonly at: string;
  readonly spans: readonly AnsiSpan[];
  /** The line without styles, for searching and copying. */
  readonly text: string;
  /** Bytes that were left out here instead of content. */
  readonly cutBytes?: number;
}

interface Tail {
  state: AnsiState;
  /** Index into `lines` counted from the very first line, or undefined when the last line was ended. */
  open: number | undefined;
  lastSeq: number;
}

/** Longer lines continue on the next, so that one megabyte without a newline can be scrolled. */
const MAX_LINE = 4000;

/**
 * Collects chunks of one or many runs into lines. Bounded: when more than `limit` lines are held the oldest go and are
 * counted in `forgotten`. Chunks of one stream must come in order; repeated ones (after a reconnect) are ignored.
 */
export class OutputLines {
  readonly limit: number;
  lines: OutputLine[] = [];
  forgotten = 0;
  readonly #tails = new Map<string, Tail>();

  constructor(limit = 20_000) {
    this.limit = limit;
  }

  push(runId: string, chunks: readonly OutputChunk[]): void {
    for (const chunk of chunks) this.#pushChunk(runId, chunk);
    const surplus = this.lines.length - this.limit;
    // forgetting in steps keeps this from moving the whole array for every line
    if (surplus > this.limit / 10) {
      this.lines = this.lines.slice(surplus);
      this.forgotten += surplus;
    } else this.lines = this.lines.slice();
  }

  #pushChunk(runId: string, chunk: OutputChunk): void {
    const key = `${runId}/${chunk.stream}`;
    let tail = this.#tails.get(key);
    if (!tail) {
      tail = { state: ANSI_START, open: undefined, lastSeq: -1 };
      this.#tails.set(key, tail);
    }
    if (chunk.seq <= tail.lastSeq) return;
    tail.lastSeq = chunk.seq;
    if (chunk.cutBytes !== undefined) {
      tail.open = undefined;
      this.#add({ runId, chunk, spans: [], text: "", cutBytes: chunk.cutBytes });
      return;
    }
    const { spans, state } = parseAnsi(chunk.text ?? decodeBase64(chunk.base64 ?? ""), tail.state);
    tail.state = state;
    this.#pushSpans(runId, chunk, tail, spans);
  }

  #pushSpans(runId: string, chunk: OutputChunk, tail: Tail, spans: readonly AnsiSpan[]): void {
    for (const span of spans) {
      const pieces = span.text.replaceAll("\r\n", "\n").split("\n");
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) {
          if (tail.open === undefined) this.#add({ runId, chunk, spans: [], text: "" });
          tail.open = undefined;
        }
        if (piece !== "") this.#extend(runId, chunk, tail, { text: piece, style: span.style });
      }
    }
  }

  /** Adds to the open line of the stream. A carriage return starts that line again, as progress bars expect. */
  #extend(runId: string, chunk: OutputChunk, tail: Tail, span: AnsiSpan): void {
    const back = span.text.lastIndexOf("\r", span.text.length - 2);
    const text = span.text.slice(back + 1).replace("\r", "");
    const openIndex = tail.open === undefined ? -1 : tail.open - this.forgotten;
    const open = openIndex >= 0 ? this.lines[openIndex] : undefined;
    const keep = open && back === -1 ? open : undefined;
    let rest = text;
    if (open && (keep?.text.length ?? 0) < MAX_LINE) {
      const room = MAX_LINE - (keep?.text.length ?? 0);
      const piece = rest.slice(0, room);
      rest = rest.slice(room);
      this.lines[openIndex] = {
        ...open,
        spans: [...(keep?.spans ?? []), { text: piece, style: span.style }],
        text: (keep?.text ?? "") + piece,
      };
    }
    while (rest !== "") {
      const piece = rest.slice(0, MAX_LINE);
      rest = rest.slice(MAX_LINE);
      this.#add({ runId, chunk, spans: [{ text: piece, style: span.style }], text: piece });
      tail.open = this.forgotten + this.lines.length - 1;
    }
  }

  #add(line: { runId: string; chunk: OutputChunk; spans: readonly AnsiSpan[]; text: string; cutBytes?: number }): void {
    const { runId, chunk, spans, text, cutBytes } = line;
    this.lines.push({
      number: this.forgotten + this.lines.length,
      runId,
      stream: chunk.stream,
      at: chunk.at,
      spans,
      text,
      ...(cutBytes === undefined ? {} : { cutBytes }),
    });
  }
}

/** Bytes that are no UTF-8 are shown with replacement marks: honest about what cannot be read. */
export function decodeBase64(base64: string): string {
  const binary = atob(base64);
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
