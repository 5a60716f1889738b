import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentConfig } from "@muster/core/resources";
import { tallyAgents } from "./config-tally.ts";

const agent = (part: Partial<AgentConfig>): AgentConfig => ({
  agentId: "a",
  agentName: "a",
  configId: "c",
  configName: "c",
  groupId: "default",
  wanted: 2,
  applied: 2,
  status: "applied",
  error: null,
  since: "2026-01-01T00:00:00.000Z",
  drifted: false,
  ...part,
});

test("who should not have a config any more is not counted as having applied it", () => {
  const agents = [
    agent({}),
    agent({ wanted: null, groupId: null }),
    agent({ status: "failed", applied: 1 }),
    agent({ status: "pending", applied: null }),
    agent({ drifted: true }),
  ];
  assert.deepEqual(tallyAgents(agents), { wanted: 4, applied: 2, failed: 1, drifted: 1 });
});
