/**
 * Reads terminal output into styled spans. Only colours and weights are kept; everything else that a terminal would
 * obey (cursor, titles, links, bells) is dropped, so that what an agent prints can only ever be looked at.
 */

/** One of the sixteen named colours, one of 256, or any. */
export type AnsiColor = { readonly palette: number } | { readonly rgb: readonly [number, number, number] };

export interface AnsiStyle {
  readonly foreground?: AnsiColor;
  readonly background?: AnsiColor;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly inverse?: true;
}

export interface AnsiSpan {
  readonly text: string;
  readonly style: AnsiStyle;
}

/** Carried from one piece of a stream to the next: the style in force and a sequence that was cut in two. */
export interface AnsiState {
  readonly style: AnsiStyle;
  readonly rest: string;
}

export const PLAIN: AnsiStyle = Object.freeze({});
export const ANSI_START: AnsiState = { style: PLAIN, rest: "" };

/** A sequence longer than this is none: without the limit a lone ESC ] would swallow a stream. */
const MAX_SEQUENCE = 256;

const ESC = "\u001b";
// C0 controls without tab, newline and carriage return, DEL, and C1 controls
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** The spans of `text`, newlines included, and the state for what follows. */
export function parseAnsi(text: string, state: AnsiState): { spans: AnsiSpan[]; state: AnsiState } {
  const input = state.rest + text;
  const spans: AnsiSpan[] = [];
  let style = state.style;
  let position = 0;
  const emit = (end: number) => {
    const visible = input.slice(position, end).replace(CONTROL, "");
    if (visible !== "") spans.push({ text: visible, style });
  };
  for (let at = input.indexOf(ESC); at !== -1; at = input.indexOf(ESC, position)) {
    emit(at);
    const end = findSequenceEnd(input, at);
    if (end === undefined) {
      if (input.length - at <= MAX_SEQUENCE) return { spans, state: { style, rest: input.slice(at) } };
      position = at + 1; // too long to be a sequence: show what it carries
      continue;
    }
    if (input[at + 1] === "[" && input[end - 1] === "m") style = applySgr(style, input.slice(at + 2, end - 1));
    position = end;
  }
  emit(input.length);
  return { spans, state: { style, rest: "" } };
}

/** The index after the sequence that starts at `start`; undefined when it is not complete yet. */
function findSequenceEnd(input: string, start: number): number | undefined {
  const kind = input[start + 1];
  if (kind === undefined) return undefined;
  const limit = Math.min(input.length, start + MAX_SEQUENCE);
  if (kind === "[") {
    for (let index = start + 2; index < limit; index++) {
      const code = input.charCodeAt(index);
      if (code >= 0x40 && code <= 0x7e) return index + 1;
      if (code < 0x20) return index; // a control inside ends it: broken, drop it
    }
    return undefined;
  }
  if (kind === "]" || kind === "P" || kind === "^" || kind === "_") {
    for (let index = start + 2; index < limit; index++) {
      if (input[index] === "\u0007") return index + 1;
      if (input[index] === ESC && input[index + 1] === "\\") return index + 2;
    }
    return undefined;
  }
  // charset selections have one more byte
  if (kind === "(" || kind === ")" || kind === "#") return start + 3 <= input.length ? start + 3 : undefined;
  return start + 2;
}

type Mutable = { -readonly [Key in keyof AnsiStyle]: AnsiStyle[Key] };

function applySgr(style: AnsiStyle, parameters: string): AnsiStyle {
  const codes = parameters.split(/[;:]/).map((part) => (part === "" ? 0 : Number(part)));
  let next: Mutable = { ...style };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) next = {};
    else if (code === 38 || code === 48) {
      const { color, used } = readColor(codes, index + 1);
      index += used;
      if (color) next[code === 38 ? "foreground" : "background"] = color;
    } else applyCode(next, code);
  }
  return next;
}

function applyCode(style: Mutable, code: number): void {
  const on = ({ 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" } as const)[code];
  if (on) style[on] = true;
  else if (code === 22) {
    delete style.bold;
    delete style.dim;
  } else if (code === 23) delete style.italic;
  else if (code === 24) delete style.underline;
  else if (code === 27) delete style.inverse;
  else if (code === 29) delete style.strike;
  else if (code === 39) delete style.foreground;
  else if (code === 49) delete style.background;
  else if (code >= 30 && code <= 37) style.foreground = { palette: code - 30 };
  else if (code >= 90 && code <= 97) style.foreground = { palette: code - 82 };
  else if (code >= 40 && code <= 47) style.background = { palette: code - 40 };
  else if (code >= 100 && code <= 107) style.background = { palette: code - 92 };
}

function readColor(codes: readonly number[], at: number): { color?: AnsiColor; used: number } {
  if (codes[at] === 5) {
    const palette = codes[at + 1];
    return isByte(palette) ? { color: { palette }, used: 2 } : { used: 2 };
  }
  if (codes[at] === 2) {
    const [red, green, blue] = [codes[at + 1], codes[at + 2], codes[at + 3]];
    const valid = isByte(red) && isByte(green) && isByte(blue);
    return valid ? { color: { rgb: [red, green, blue] }, used: 4 } : { used: 4 };
  }
  return { used: 0 };
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;
}

/** A CSS colour; the sixteen named ones come from the theme so that they can be read in both. */
export function toCssColor(color: AnsiColor): string {
  if ("rgb" in color) return `rgb(${color.rgb.join(" ")})`;
  const index = color.palette;
  if (index < 16) return `var(--m-ansi-${index})`;
  if (index >= 232) {
    const level = 8 + (index - 232) * 10;
    return `rgb(${level} ${level} ${level})`;
  }
  const cube = index - 16;
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}
