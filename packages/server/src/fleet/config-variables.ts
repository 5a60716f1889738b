import { CONFIG_LIMITS, type Labels } from "@muster/core";

/** What a text may ask for, of one agent and of the fleet. */
export interface Values {
  readonly labels: Labels;
  readonly agent: { readonly name: string; readonly id: string; readonly hostname: string };
  /** Undefined for a secret that there is none of. */
  secret(name: string): string | undefined;
}

export type Filled =
  | { readonly ok: true; readonly text: string }
  /** Without values: it is shown to people. */
  | { readonly ok: false; readonly reason: string };

/** `$${` stands for a literal `${`. */
const VARIABLE = /\$\$\{|\$\{(label|secret|agent)\.([^{}\n]*)(\}?)/g;
/** Values may repeat: what comes of a text has an end all the same. */
const MAX_FILLED = 4 * CONFIG_LIMITS.textBytes;

/** `label.region`, `secret.token`, `agent.name`: what a text asks for, each once, sorted. */
export function listVariables(text: string): string[] {
  const found = new Set<string>();
  for (const [, family, name] of text.matchAll(VARIABLE)) if (family && name) found.add(`${family}.${name.trim()}`);
  return [...found].sort();
}

/** True when every agent gets the text as it is. */
export function isPlain(text: string): boolean {
  return !/\$\$\{|\$\{(label|secret|agent)\./.test(text);
}

/** Fills in what the text asks for. Other words in `${…}` belong to the agent and are left as they are. */
export function fillIn(text: string, values: Values): Filled {
  const missing = new Set<string>();
  let length = text.length;
  const filled = text.replace(VARIABLE, (written: string, family?: string, rest?: string, end?: string) => {
    if (family === undefined || rest === undefined) return "${";
    const name = rest.trim();
    const value = end === "" ? undefined : lookUp(family, name, values);
    if (value === undefined) missing.add(end === "" ? `\${${family}. has no end` : describe(family, name));
    length += value?.length ?? 0;
    return value === undefined || length > MAX_FILLED ? written : value;
  });
  if (length > MAX_FILLED) return { ok: false, reason: "it is too long with its variables filled in" };
  return missing.size === 0 ? { ok: true, text: filled } : { ok: false, reason: [...missing].join("; ") };
}

function lookUp(family: string, name: string, values: Values): string | undefined {
  if (family === "secret") return values.secret(name);
  if (family === "label") return Object.hasOwn(values.labels, name) ? values.labels[name] : undefined;
  if (name === "name" || name === "id" || name === "hostname") return values.agent[name];
  return undefined;
}

function describe(family: string, name: string): string {
  if (family === "label") return `the agent has no label ${name}`;
  if (family === "secret") return `there is no secret ${name}`;
  return `agents have no ${name}; they have name, id and hostname`;
}
