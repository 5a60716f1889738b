/** What ends a text that was longer than allowed. */
export const CUT_MARK = " ...(cut)";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The newlines of encodings in which it is two bytes, at an even place. */
const WIDE_NEWLINES: Readonly<Record<string, Buffer>> = {
  "utf-16le": Buffer.from([NEWLINE, 0]),
  "utf-16be": Buffer.from([0, NEWLINE]),
};

/** Where the last line begins in bytes that start at an even place; 0 when they hold no newline. */
export function startOfLastLine(bytes: Buffer, encoding: string): number {
  const newline = WIDE_NEWLINES[encoding];
  if (!newline) return bytes.lastIndexOf(NEWLINE) + 1;
  let found = bytes.lastIndexOf(newline);
  while (found > 0 && found % 2 === 1) found = bytes.lastIndexOf(newline, found - 1);
  return found < 0 || found % 2 === 1 ? 0 : found + newline.length;
}

/** One line of a file, without its end. */
export interface Line {
  readonly text: string;
  /** Where in the file the next line starts; inside this one when `open`. */
  readonly end: number;
  /** The line was too long and is not over: what follows up to its end is left out. */
  readonly open: boolean;
}

export interface SplitterOptions {
  /** As TextDecoder names it. */
  readonly encoding: string;
  /** Longer lines are cut, and never held in memory whole. */
  readonly maxBytes: number;
}

/** Finds the lines in the bytes of a file, in whatever pieces they come. Lines are found in bytes, so that positions are exact. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  /** The newline of UTF-16, which is two bytes at an even place; undefined for all others. */
  readonly #wideNewline: Buffer | undefined;
  #at: number;
  #isSkipping: boolean;
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** `at` is where in the file the first piece lies; `skipping`, that it lies inside a line that was cut. */
  constructor(options: SplitterOptions, at: number, skipping = false) {
    this.#maxBytes = options.maxBytes;
    this.#decoder = options.encoding === "utf-8" ? undefined : new TextDecoder(options.encoding);
    this.#wideNewline = WIDE_NEWLINES[options.encoding];
    this.#at = at;
    this.#isSkipping = skipping;
  }

  /** Bytes that pieces must be a multiple of. */
  get unit(): 1 | 2 {
    return this.#wideNewline ? 2 : 1;
  }

  get hasPartial(): boolean {
    return this.#heldBytes > 0;
  }

  /** Takes the next bytes of the file; they may be overwritten afterwards. */
  push(bytes: Buffer, take: (line: Line) => void): void {
    let from = 0;
    for (let end = this.#findNewline(bytes, 0); end >= 0; end = this.#findNewline(bytes, from)) {
      const next = end + this.unit;
      if (this.#isSkipping) this.#isSkipping = false;
      else take({ text: this.#finish(bytes, from, end), end: this.#at + next, open: false });
      from = next;
    }
    this.#at += bytes.length;
    if (this.#isSkipping || from === bytes.length) return;
    this.#held.push(Buffer.from(bytes.subarray(from)));
    this.#heldBytes += bytes.length - from;
    if (this.#heldBytes <= this.#maxBytes) return;
    this.#isSkipping = true;
    take({ text: this.#takeHeld(), end: this.#at, open: true });
  }

  /** The line that has no end yet: for a file to which nothing will be added. */
  flush(): Line | undefined {
    return this.#heldBytes === 0 ? undefined : { text: this.#takeHeld(), end: this.#at, open: false };
  }

  #findNewline(bytes: Buffer, from: number): number {
    if (!this.#wideNewline) return bytes.indexOf(NEWLINE, from);
    let found = bytes.indexOf(this.#wideNewline, from);
    while (found >= 0 && found % 2 === 1) found = bytes.indexOf(this.#wideNewline, found + 1);
    return found;
  }

  #finish(bytes: Buffer, from: number, end: number): string {
    if (this.#heldBytes === 0) return this.#decode(bytes, from, end);
    this.#held.push(bytes.subarray(from, end));
    return this.#takeHeld();
  }

  #takeHeld(): string {
    const whole = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return this.#decode(whole, 0, whole.length);
  }

  #decode(bytes: Buffer, from: number, end: number): string {
    const isCut = end - from > this.#maxBytes;
    const stop = isCut ? from + this.#maxBytes : end;
    if (!this.#decoder) {
      const start = hasOrderMark(bytes, from) ? from + 3 : from;
      if (isCut) return bytes.toString("utf8", start, startOfCharacter(bytes, stop)) + CUT_MARK;
      return bytes.toString("utf8", start, bytes[end - 1] === RETURN && end > start ? end - 1 : end);
    }
    // streaming leaves out a character that the cut went through
    const text = this.#decoder.decode(bytes.subarray(from, stop), { stream: true }).replace(/\r$/, "");
    const rest = this.#decoder.decode();
    return isCut ? text + CUT_MARK : text + rest;
  }
}

function hasOrderMark(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
}

/** The last place up to `at` where a character of UTF-8 starts. */
function startOfCharacter(bytes: Buffer, at: number): number {
  let start = at;
  while (start > at - 4 && start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}

/** A log record: one line, or a line with those that belong to it. */
export interface LogRecord {
  readonly text: string;
  readonly end: number;
  readonly open: boolean;
}

/** Puts lines together where a record may have several: a line that matches `start` begins the next one. */
export class RecordAssembler {
  readonly #start: RegExp | undefined;
  readonly #maxLength: number;
  #texts: string[] = [];
  #length = 0;
  #isCut = false;
  #end = 0;
  #isOpen = false;

  constructor({ start, maxLength }: { readonly start: RegExp | undefined; readonly maxLength: number }) {
    this.#start = start;
    this.#maxLength = maxLength;
  }

  get hasPartial(): boolean {
    return this.#texts.length > 0;
  }

  /** Takes a line; answers the record that is complete by it, if one is. */
  add(line: Line): LogRecord | undefined {
    if (!this.#start) return line;
    const finished = this.#texts.length > 0 && this.#start.test(line.text) ? this.flush() : undefined;
    this.#end = line.end;
    this.#isOpen = line.open;
    if (this.#isCut) return finished;
    this.#length += line.text.length + 1;
    this.#isCut = this.#length > this.#maxLength + 1 && this.#texts.length > 0;
    this.#texts.push(this.#isCut ? CUT_MARK.trim() : line.text);
    return finished;
  }

  /** The record as far as it came; undefined when there is none. */
  flush(): LogRecord | undefined {
    if (this.#texts.length === 0) return undefined;
    const record = { text: this.#texts.join("\n"), end: this.#end, open: this.#isOpen };
    this.#texts = [];
    this.#length = 0;
    this.#isCut = false;
    return record;
  }
}
