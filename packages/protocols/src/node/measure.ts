import { NODE_LIMITS } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * True when a JSON text is nested deeper, or has more elements, than the limits allow. It only counts; whether the text
 * is JSON at all is the parser's business. A run of 16 MiB of "[]," would otherwise take hundreds of MiB once parsed, and
 * an object with a million keys keeps the parser busy for seconds, in which nobody else is heard.
 */
export function exceedsLimits(text: string): boolean {
  let depth = 0;
  let elements = 0;
  let keys = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > NODE_LIMITS.depth) return true;
        elements++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
      case COMMA:
        elements++;
        break;
      case COLON:
        if (++keys > NODE_LIMITS.keys) return true;
        break;
    }
    if (elements > NODE_LIMITS.elements) return true;
  }
  return false;
}

/** The index of the quote that ends the string which starts at `start`, or the text's end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

/** True when an odd number of backslashes stands before `index`. */
function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (index - start) % 2 === 1;
}
