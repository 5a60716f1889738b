/**
 * Agents are hostile input: their names and their output may hold escape sequences that move the cursor, rename the
 * window, fill the clipboard or forge lines. Nothing of an agent reaches the terminal but through this file.
 */

/** Controls (C0, DEL, C1), line and paragraph separators, and the marks that turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line that is safe to show: what is unsafe becomes visible as `\x1b`, `\u202e`. */
export function sanitizeLine(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    if (character === "\n") return "\\n";
    if (character === "\t") return " ";
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Whether colours and styles (SGR) of the output are kept. */
export interface OutputPolicy {
  readonly styles: boolean;
}

type State = "text" | "escape" | "csi" | "string" | "string-escape";

const MAX_SEQUENCE = 256;

/**
 * Cleans what a command wrote, piece by piece: a sequence may be split anywhere. Text, newlines, tabs and carriage
 * returns pass; with `styles` also SGR sequences; every other control and sequence is dropped, with its contents
 * (ECMA-48 sections 5.4 and 5.6). One object per stream of a run.
 */
export class OutputSanitizer {
  readonly #policy: OutputPolicy;
  #state: State = "text";
  #sequence = "";

  constructor(policy: OutputPolicy) {
    this.#policy = policy;
  }

  clean(text: string): string {
    let clean = "";
    for (let index = 0; index < text.length; index++) clean += this.#step(text[index] ?? "");
    return clean;
  }

  #step(character: string): string {
    switch (this.#state) {
      case "text":
        return this.#text(character);
      case "escape":
        return this.#escape(character);
      case "csi":
        return this.#csi(character);
      case "string":
        // BEL, ST (C1) or CAN ends a string of OSC, DCS, APC, PM or SOS
        if (character === "\x1b") this.#state = "string-escape";
        else if (character === "\x07" || character === "\x9c" || character === "\x18") this.#state = "text";
        return "";
      case "string-escape":
        this.#state = character === "\\" ? "text" : "string";
        return "";
    }
  }

  #text(character: string): string {
    if (character === "\x1b") this.#state = "escape";
    else if (character === "\x9b") this.#enterCsi();
    else if ("\x90\x98\x9d\x9e\x9f".includes(character)) this.#state = "string";
    else if (character === "\n" || character === "\t" || character === "\r") return character;
    else if (!isControl(character)) return character;
    return "";
  }

  #escape(character: string): string {
    if (character === "[") this.#enterCsi();
    else if ("]PX^_".includes(character)) this.#state = "string";
    // intermediate bytes go on; anything else is the final byte of a short sequence
    else if (character < " " || character > "/") this.#state = "text";
    return character === "\n" ? "\n" : "";
  }

  #enterCsi(): void {
    this.#state = "csi";
    this.#sequence = "";
  }

  #csi(character: string): string {
    if (character >= "@" && character <= "~") {
      this.#state = "text";
      const isStyle = character === "m" && /^[0-9;:]*$/.test(this.#sequence);
      return isStyle && this.#policy.styles ? `\x1b[${this.#sequence}m` : "";
    }
    this.#sequence += character;
    // a parameter or intermediate byte; anything else breaks the sequence off
    if (character >= " " && character <= "?" && this.#sequence.length <= MAX_SEQUENCE) return "";
    this.#state = "text";
    return this.#text(character);
  }
}

function isControl(character: string): boolean {
  return character < " " || (character >= "\x7f" && character <= "\x9f");
}
