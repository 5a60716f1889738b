import type { Labels } from "@muster/core";
import type { MeasuredAgent } from "./step.ts";

/** With `__name__`, our three and these two no series has more than the 30 labels that VictoriaMetrics keeps. */
export const MAX_EXTRA_LABELS = 10;
const MAX_AGENT_LABELS = 16;
const MAX_VALUE = 255;
/** An agent's own labels are told from ours, and from what the operator adds, by this. */
const AGENT_LABEL = "label_";

/** True for a name that an operator may add to every series. */
export function isExtraLabel(name: string): boolean {
  const isOurs = name === "agent_id" || name === "agent_name" || name === "hostname" || name.startsWith(AGENT_LABEL);
  return /^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/.test(name) && !name.startsWith("__") && !isOurs;
}

/** All labels of an agent's series but the name, sorted as the protocol asks; empty ones do not exist there. */
export function seriesLabels(agent: MeasuredAgent, extra: Labels): [string, string][] {
  const labels = new Map<string, string>(Object.entries(extra));
  const tags = Object.entries(agent.series?.tags ?? {})
    .sort(byName)
    .slice(0, MAX_AGENT_LABELS);
  for (const [key, value] of tags) labels.set(tagLabel(key), value);
  for (const [key, value] of Object.entries(agent.labels)
    .sort(byName)
    .slice(0, MAX_AGENT_LABELS - tags.length)) {
    const name = AGENT_LABEL + key.replace(/[^a-zA-Z0-9_]/g, "_");
    // `a.b` and `a-b` become one name: the first in the alphabet has it
    if (!labels.has(name)) labels.set(name, value);
  }
  labels.set("agent_id", agent.id);
  labels.set("agent_name", agent.name);
  labels.set("hostname", agent.hostname);
  return [...labels]
    .map(([name, value]): [string, string] => [name, cut(value)])
    .filter(([, value]) => value !== "")
    .sort(byName);
}

/** A tag's own name, unless it is one of ours or none at all. */
function tagLabel(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/g, "_");
  return isExtraLabel(name) ? name : `tag_${name}`;
}

/** Never between the halves of a character, which would be no UTF-8. */
function cut(value: string): string {
  return value.slice(0, MAX_VALUE).toWellFormed();
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
