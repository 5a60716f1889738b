import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** How deep `**` goes, and how many files one list of patterns may name: a pattern such as `/**` must not walk for ever. */
const MAX_DEPTH = 12;
const MAX_PATHS = 10_000;

/**
 * The pattern of a whole path: `*` and `?` stay inside a folder, `**` crosses folders, `[a-z]` and `{a,b}` are choices.
 * Throws on a pattern that is not absolute or cannot be read.
 */
export function compileGlob(glob: string): RegExp {
  if (!glob.startsWith("/")) throw new Error(`is no absolute path: ${glob}`);
  let source = "";
  let depth = 0;
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] ?? "";
    if (glob.startsWith("**/", at)) {
      source += "(?:[^/]*/)*";
      at += 2;
    } else if (glob.startsWith("**", at)) {
      source += ".*";
      at += 1;
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const end = glob.indexOf("]", at + 2);
      if (end < 0) throw new Error(`has a [ without its ]: ${glob}`);
      const inside = glob.slice(at + 1, end).replace(/[\\\][]/g, "\\$&");
      source += `[${inside.replace(/^!/, "^")}]`;
      at = end;
    } else if (character === "{") {
      source += "(?:";
      depth += 1;
    } else if (character === "}" && depth > 0) {
      source += ")";
      depth -= 1;
    } else if (character === "," && depth > 0) source += "|";
    else source += character.replace(/[.+^$()|\\\]}]/g, "\\$&");
  }
  if (depth > 0) throw new Error(`has a { without its }: ${glob}`);
  return new RegExp(`^${source}$`);
}

/** The folder from which a pattern must be looked for, and how many folders below it can matter. */
function rootOf(glob: string): { folder: string; depth: number } {
  const parts = glob.split("/");
  const first = parts.findIndex((part) => /[*?[{]/.test(part));
  const below = parts.slice(first);
  const isDeep = below.some((part) => part.includes("**")) || /\{[^}]*\//.test(glob);
  return { folder: parts.slice(0, first).join("/") || "/", depth: isDeep ? MAX_DEPTH : below.length - 1 };
}

/** Absolute paths that the patterns may mean, without those that `ignore` matches; a path without magic is itself. Unreadable folders hold nothing. */
export async function expandGlobs(globs: readonly string[], ignore: readonly RegExp[]): Promise<string[]> {
  const found = new Set<string>();
  for (const glob of globs) {
    if (!/[*?[{]/.test(glob)) found.add(glob);
    else {
      const { folder, depth } = rootOf(glob);
      await walk({ folder, depth, pattern: compileGlob(glob), found });
    }
  }
  return [...found].filter((path) => !ignore.some((pattern) => pattern.test(path)));
}

interface Walk {
  readonly folder: string;
  readonly depth: number;
  readonly pattern: RegExp;
  readonly found: Set<string>;
}

async function walk({ folder, depth, pattern, found }: Walk): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (found.size >= MAX_PATHS) return;
    const path = join(folder, entry.name);
    // a link to a folder is not followed: it may lead back up
    if (entry.isDirectory()) {
      if (depth > 0) await walk({ folder: path, depth: depth - 1, pattern, found });
    } else if ((entry.isFile() || entry.isSymbolicLink()) && pattern.test(path)) found.add(path);
  }
}
