import assert from "node:assert/strict";
import { test } from "node:test";
import type { InputBulkOutcome } from "@muster/core/resources";
import { countKinds, failedAgents, mergeOutcomes } from "./input-outcomes.ts";

const of = (agentId: string, outcome: InputBulkOutcome["outcome"], code: string | null = null): InputBulkOutcome => ({
  agentId,
  agentName: agentId,
  outcome,
  inputId: null,
  status: null,
  code,
  reason: code,
});

const items = [
  of("a", "applied"),
  of("b", "refused", "offline"),
  of("c", "refused", "datakit.invalidConfig"),
  of("d", "unchanged", "dataway.duplicateInput"),
  of("e", "unknown", "deadline_exceeded"),
];

test("agents that are away are counted apart from those that refused", () => {
  assert.deepEqual(countKinds(items), { applied: 1, unchanged: 1, refused: 1, offline: 1, unknown: 1 });
});

test("trying again means those that do not have it, and keeps the order", () => {
  assert.deepEqual(failedAgents(items), ["b", "c", "e"]);
  const merged = mergeOutcomes(items, [of("b", "applied"), of("e", "unchanged")]);
  assert.deepEqual(
    merged.map((item) => `${item.agentId} ${item.outcome}`),
    ["a applied", "b applied", "c refused", "d unchanged", "e unchanged"],
  );
});
