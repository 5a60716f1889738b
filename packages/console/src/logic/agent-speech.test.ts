import assert from "node:assert/strict";
import { test } from "node:test";
import { speechOf, takesConfigs, tellsVerdicts } from "./agent-speech.ts";

test("a ConfigServer agent is known by its generation, others by their protocol", () => {
  assert.equal(speechOf({ protocol: "configserver", details: { generation: "g2" } }), "g2");
  assert.equal(speechOf({ protocol: "configserver", details: {} }), "other");
  assert.equal(speechOf({ protocol: "node", details: { generation: "g1" } }), "node");
  assert.equal(speechOf({ protocol: "opamp", details: {} }), "other");
});

test("what an agent can take and tell comes from what it says of itself", () => {
  assert.ok(takesConfigs({ capabilities: ["metrics", "pipelines"] }));
  assert.ok(!takesConfigs({ capabilities: ["metrics", "inputs"] }));
  assert.ok(
    tellsVerdicts({ capabilities: ["pipelines", "verdict"] }) && !tellsVerdicts({ capabilities: ["pipelines"] }),
  );
});
