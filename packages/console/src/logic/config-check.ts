import { CONFIG_LIMITS } from "@muster/core";
import type { ConfigFormat } from "@muster/core/resources";

/** Something in a text that will go wrong later, and where, counted from one. */
export interface ConfigFlaw {
  readonly kind: "json" | "tab" | "variable" | "size";
  readonly line: number;
  readonly column: number;
  /** What stands there. */
  readonly found: string;
}

/** `$${` is a literal; other words in `${…}` belong to the agent. */
const VARIABLE = /\$\$\{|\$\{(label|secret|agent)\.([^{}\n]*)(\}?)/g;
const AGENT_WORDS: readonly string[] = ["name", "id", "hostname"];

/** The first flaw of a text that can be seen without an agent; undefined for none. */
export function checkConfig(format: ConfigFormat, text: string): ConfigFlaw | undefined {
  if (new TextEncoder().encode(text).length > CONFIG_LIMITS.textBytes) return flawAt("size", text, text.length, "");
  const variable = findBadVariable(text);
  if (variable) return variable;
  if (format === "yaml") return findTab(text);
  if (format === "json" && text.trim() !== "") return findJsonFlaw(text);
  return undefined;
}

/** `label.region`, `secret.token`: what a text asks for, each once, in order. */
export function listVariables(text: string): string[] {
  const names = [...text.matchAll(VARIABLE)].flatMap(([, family, name]) =>
    family && name?.trim() ? [`${family}.${name.trim()}`] : [],
  );
  return [...new Set(names)].sort();
}

function findBadVariable(text: string): ConfigFlaw | undefined {
  for (const { 0: written, 1: family, 2: name = "", 3: end, index } of text.matchAll(VARIABLE)) {
    if (family === undefined) continue;
    const unknown = family === "agent" ? !AGENT_WORDS.includes(name.trim()) : name.trim() === "";
    if (end === "" || unknown) return flawAt("variable", text, index, written);
  }
  return undefined;
}

/** YAML knows no tabs before words. */
function findTab(text: string): ConfigFlaw | undefined {
  const match = /^( *)\t/m.exec(text);
  return match ? flawAt("tab", text, match.index + (match[1]?.length ?? 0), "\t") : undefined;
}

const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/uy;

type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | "comma";

/** Where a JSON text stops being one. Engines do not agree on how to tell. */
function findJsonFlaw(text: string): ConfigFlaw | undefined {
  // a variable may stand where a number will
  const filled = text.replace(VARIABLE, (written) => (written === "$${" ? written : "1".repeat(written.length)));
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  while (true) {
    const rest = filled.slice(at).search(/[^ \t\r\n]/);
    if (rest === -1) break;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(filled);
    const next: Expected | undefined | null =
      token && step(expected, open, { sign: token[1], isText: token[2] !== undefined });
    if (!token || !next)
      return flawAt("json", text, at + rest, text.slice(at + rest, at + rest + 20).split("\n")[0] ?? "");
    expected = next;
    at = TOKEN.lastIndex;
  }
  return expected === "comma" && open.length === 0 ? undefined : flawAt("json", text, text.trimEnd().length, "");
}

/** What may come next; undefined where the token has no place. Opens and closes brackets in `open`. */
function step(
  expected: Expected,
  open: ("{" | "[")[],
  { sign, isText }: { sign: string | undefined; isText: boolean },
): Expected | undefined {
  const isValue = expected === "value" || expected === "value or ]";
  const inside = open.at(-1);
  switch (sign) {
    case "{":
    case "[":
      if (!isValue) return undefined;
      open.push(sign);
      return sign === "{" ? "key or }" : "value or ]";
    case "}":
      if (inside !== "{" || (expected !== "key or }" && expected !== "comma")) return undefined;
      open.pop();
      return "comma";
    case "]":
      if (inside !== "[" || (expected !== "value or ]" && expected !== "comma")) return undefined;
      open.pop();
      return "comma";
    case ",":
      if (expected !== "comma" || !inside) return undefined;
      return inside === "{" ? "key" : "value";
    case ":":
      return expected === ":" ? "value" : undefined;
  }
  if (expected === "key" || expected === "key or }") return isText ? ":" : undefined;
  return isValue ? "comma" : undefined;
}

function flawAt(kind: ConfigFlaw["kind"], text: string, index: number, found: string): ConfigFlaw {
  const before = text.slice(0, index);
  const start = before.lastIndexOf("\n") + 1;
  return { kind, line: before.split("\n").length, column: index - start + 1, found };
}
