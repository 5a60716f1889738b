import { MusterError } from "./errors.ts";

/** Key=value pairs on an agent, for selecting. */
export type Labels = Readonly<Record<string, string>>;

export const LABEL_LIMITS = { count: 64, keyLength: 63, valueLength: 255, selectorLength: 2000, terms: 20 } as const;

const KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;

/** One condition of a selector. */
export type SelectorTerm =
  | { readonly key: string; readonly operator: "exists" | "absent" }
  | { readonly key: string; readonly operator: "in" | "not_in"; readonly values: readonly string[] };

/** Alternatives, of which one is enough; all conditions of an alternative must hold. No alternative means no condition. */
export type Selector = readonly (readonly SelectorTerm[])[];

/** True for a key that may be used as a label. */
export function isLabelKey(key: string): boolean {
  return key.length <= LABEL_LIMITS.keyLength && KEY.test(key);
}

/**
 * Reads `role=web,env!=dev,zone in (a,b) || tier not in (c),gpu,!legacy`: commas mean AND and bind tighter than `||`.
 * `not_in` and `!=` hold for agents without the label too, as in Kubernetes. Throws invalid_argument with the position.
 */
export function parseSelector(text: string): Selector {
  if (text.length > LABEL_LIMITS.selectorLength) throw invalid("the selector is too long", 0);
  if (text.trim() === "") return [];
  const alternatives: SelectorTerm[][] = [];
  let start = 0;
  for (const part of text.split("||")) {
    const offset = start;
    if (part.trim() === "") throw invalid("an alternative is empty", offset);
    alternatives.push(splitTerms(part).map((term) => parseTerm(term.part, offset + term.at)));
    start += part.length + 2;
  }
  if (alternatives.flat().length > LABEL_LIMITS.terms) throw invalid("the selector has too many conditions", 0);
  return alternatives;
}

/** True when the labels meet every condition of an alternative. */
export function matchesSelector(labels: Labels, selector: Selector): boolean {
  return selector.length === 0 || selector.some((terms) => meetsTerms(labels, terms));
}

/** True when the labels meet every one of the conditions. */
export function meetsTerms(labels: Labels, terms: readonly SelectorTerm[]): boolean {
  return terms.every((term) => meetsTerm(Object.hasOwn(labels, term.key) ? labels[term.key] : undefined, term));
}

function meetsTerm(value: string | undefined, term: SelectorTerm): boolean {
  switch (term.operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && term.values.includes(value);
    case "not_in":
      return value === undefined || !term.values.includes(value);
  }
}

function splitTerms(text: string): { part: string; at: number }[] {
  const parts: { part: string; at: number }[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character !== undefined && (character !== "," || depth > 0)) continue;
    const part = text.slice(start, index);
    if (part.trim() === "") throw invalid("a condition is empty", start);
    parts.push({ part: part.trim(), at: start });
    start = index + 1;
  }
  return parts;
}

function parseTerm(part: string, at: number): SelectorTerm {
  const set = /^(\S+)\s+(in|not\s+in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set) {
    const values = (set[3] ?? "").split(",").map((value) => value.trim());
    return { key: checkKey(set[1] ?? "", at), operator: set[2] === "in" ? "in" : "not_in", values };
  }
  const equality = /^([^=!\s]+)\s*(!=|==|=)\s*(.*)$/.exec(part);
  if (equality) {
    const operator = equality[2] === "!=" ? "not_in" : "in";
    return { key: checkKey(equality[1] ?? "", at), operator, values: [equality[3] ?? ""] };
  }
  if (part.startsWith("!")) return { key: checkKey(part.slice(1).trim(), at), operator: "absent" };
  return { key: checkKey(part, at), operator: "exists" };
}

function checkKey(key: string, at: number): string {
  if (!isLabelKey(key)) throw invalid(`"${key}" is not a label key`, at);
  return key;
}

function invalid(message: string, position: number): MusterError {
  return new MusterError("invalid_argument", message, { field: "selector", position });
}
