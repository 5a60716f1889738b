import { isLabelKey, type Labels, parseSelector } from "@muster/core";
import { usageError } from "./failure.ts";

/** One selector of `--label k=v` flags and a `--selector`: all must hold. Undefined when neither was given. */
export function selectorOfLabels(labels: readonly string[], selector: string | undefined): string | undefined {
  const terms = labels.map((label) => {
    const equals = label.indexOf("=");
    const key = equals === -1 ? label : label.slice(0, equals);
    if (!isLabelKey(key)) throw usageError(`--label ${label}: expected key=value`);
    // a comma would end the condition: such a value cannot be said in a selector
    if (label.includes(",")) throw usageError(`--label ${label}: use --selector for several conditions`);
    return label;
  });
  if (selector === undefined || parseSelector(selector).length === 0)
    return terms.length === 0 ? undefined : terms.join(",");
  return selector
    .split("||")
    .map((alternative) => [...terms, alternative.trim()].join(","))
    .join(" || ");
}

/** The labels after `key=value` (set) and `key-` (remove). */
export function parseLabelChanges(labels: Labels, changes: readonly string[]): Record<string, string> {
  const changed = new Map(Object.entries(labels));
  for (const change of changes) {
    const equals = change.indexOf("=");
    const key = equals === -1 ? change.replace(/-$/, "") : change.slice(0, equals);
    if (!isLabelKey(key) || (equals === -1 && !change.endsWith("-"))) {
      throw usageError(`${change}: expected key=value, or key- to remove it`);
    }
    if (equals === -1) changed.delete(key);
    else changed.set(key, change.slice(equals + 1));
  }
  return Object.fromEntries(changed);
}
