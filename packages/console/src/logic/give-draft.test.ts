import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_GIVE, type GiveDraft, readGive } from "./give-draft.ts";

const draft = (part: Partial<GiveDraft>): GiveDraft => ({ ...FIRST_GIVE, revision: 3, groups: ["g1"], ...part });

test("what stands in the form at first can be sent", () => {
  assert.deepEqual(readGive("c1", draft({})), {
    rollout: {
      configId: "c1",
      revision: 3,
      groups: ["g1"],
      waves: [1, "10%", "50%", "100%"],
      healthyMs: 30_000,
      applyTimeoutMs: 600_000,
      failureBudget: 0,
    },
  });
});

test("at once is one wave of everyone, whatever is written for waves", () => {
  const read = readGive("c1", draft({ pace: "once", waves: "nonsense", healthy: "0", budget: "5%" }));
  assert.ok("rollout" in read);
  assert.deepEqual([read.rollout.waves, read.rollout.healthyMs, read.rollout.failureBudget], [["100%"], 0, "5%"]);
});

test("every field that cannot be read is named", () => {
  const read = readGive("c1", draft({ groups: [], waves: "9, 3", healthy: "soon", timeout: "2d", budget: "-1" }));
  assert.ok("faults" in read);
  assert.deepEqual([...read.faults].sort(), ["budget", "groups", "healthy", "timeout", "waves"]);
});
