import type { InputBulkOutcome } from "@muster/core/resources";

/** What came of one input for one agent, for people. */
export type OutcomeKind = "applied" | "unchanged" | "refused" | "offline" | "unknown";

export const OUTCOME_KINDS: readonly OutcomeKind[] = ["applied", "unchanged", "refused", "offline", "unknown"];

/** An agent that is away has refused nothing. */
export function kindOf({ outcome, code }: InputBulkOutcome): OutcomeKind {
  return outcome === "refused" && code === "offline" ? "offline" : outcome;
}

export function countKinds(items: readonly InputBulkOutcome[]): Readonly<Record<OutcomeKind, number>> {
  const counts = { applied: 0, unchanged: 0, refused: 0, offline: 0, unknown: 0 };
  for (const item of items) counts[kindOf(item)] += 1;
  return counts;
}

/** Agents for which another attempt may help; repeating it where it was applied would change nothing. */
export function failedAgents(items: readonly InputBulkOutcome[]): string[] {
  return items.filter((item) => !["applied", "unchanged"].includes(item.outcome)).map((item) => item.agentId);
}

/** The outcomes after another attempt for some of the agents, in the order of before. */
export function mergeOutcomes(
  before: readonly InputBulkOutcome[],
  again: readonly InputBulkOutcome[],
): InputBulkOutcome[] {
  const newer = new Map(again.map((item) => [item.agentId, item]));
  const kept = before.map((item) => newer.get(item.agentId) ?? item);
  const known = new Set(before.map((item) => item.agentId));
  return [...kept, ...again.filter((item) => !known.has(item.agentId))];
}
