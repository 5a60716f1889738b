/** Where a block of a text is. */
export interface BlockPlace {
  /** The name in its header, as written. */
  readonly input: string;
  /** 0 for the first block of that name. */
  readonly ordinal: number;
}

const HEADER = /^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/;
const KEY = /^(\s*)((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

/**
 * The line of an option, counted from 1: the deepest part of `path` that is written in the block, else the block's header.
 * Reads only headers and keys, since the text has been parsed before; undefined when not even the block is found.
 */
export function findOptionLine(text: string, place: BlockPlace, path: readonly PropertyKey[]): number | undefined {
  const names = path.filter((part) => typeof part !== "number").map(String);
  let best: { readonly line: number; readonly depth: number } | undefined;
  let ordinal = -1;
  let inside: readonly string[] | undefined;
  for (const [index, line] of listCodeLines(text)) {
    const header = HEADER.exec(line);
    if (header) {
      const table = splitName(header[2] ?? "");
      const isOurs = table[0] === "inputs" && table[1] === place.input;
      if (isOurs && table.length === 2) ordinal += 1;
      inside = isOurs && ordinal === place.ordinal ? table.slice(2) : undefined;
      if (inside && isPrefix(inside, names)) best = deeper(best, { line: index, depth: inside.length });
      continue;
    }
    const key = KEY.exec(line)?.[2];
    if (key === undefined || !inside) continue;
    const full = [...inside, ...splitName(key)];
    if (isPrefix(full, names)) best = deeper(best, { line: index, depth: full.length + 0.5 });
  }
  return best?.line;
}

/** The lines outside of texts that span several. */
function* listCodeLines(text: string): Generator<readonly [line: number, text: string]> {
  let fence: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (fence === undefined) yield [index + 1, line];
    for (let at = 0; at < line.length; ) {
      const rest = line.slice(at);
      if (fence !== undefined) {
        const end = rest.indexOf(fence);
        if (end < 0) break;
        at += end + 3;
        fence = undefined;
      } else {
        const start = /"""|'''/.exec(rest);
        const comment = rest.indexOf("#");
        if (!start || (comment >= 0 && comment < start.index)) break;
        fence = start[0];
        at += start.index + 3;
      }
    }
  }
}

function splitName(name: string): string[] {
  return (name.match(/"[^"]*"|'[^']*'|[^\s.]+/g) ?? []).map((part) => part.replace(/^["']|["']$/g, ""));
}

function isPrefix(parts: readonly string[], path: readonly string[]): boolean {
  return parts.length <= path.length && parts.every((part, index) => part === path[index]);
}

function deeper<Found extends { depth: number }>(known: Found | undefined, found: Found): Found {
  return known && known.depth >= found.depth ? known : found;
}
