import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIGSERVER_ACTIONS, findAction, G0_ACTIONS, G1_ACTIONS, G2_ACTIONS } from "./actions.ts";
import { answerG0, answerG1Agent, answerG1User, answerG2, UNDECODABLE_ANSWERS } from "./answers.ts";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { accept, badRequest, CONFIGSERVER_CODES, refusals } from "./texts.ts";

test("every generation has its actions, under their own names", () => {
  const count = (side: string, actions: object) =>
    Object.values(actions).filter((action) => action.side === side).length;
  assert.deepEqual([count("User", G0_ACTIONS), count("Agent", G0_ACTIONS)], [15, 4]);
  assert.deepEqual([count("User", G1_ACTIONS), count("Agent", G1_ACTIONS)], [15, 3]);
  assert.deepEqual([count("User", G2_ACTIONS), count("Agent", G2_ACTIONS)], [26, 5]);
  for (const actions of Object.values(CONFIGSERVER_ACTIONS)) {
    for (const [name, action] of Object.entries(actions)) {
      assert.equal(action.name, name);
      assert.equal(action.path, `/${action.side}/${name}`);
    }
  }
});

test("an action is found by its path with and without a slash at the end, and by no other spelling", () => {
  assert.equal(findAction("g0", "/Agent/HeartBeat"), G0_ACTIONS.HeartBeat);
  assert.equal(findAction("g0", "/Agent/HeartBeat/"), G0_ACTIONS.HeartBeat);
  assert.equal(findAction("g2", "/Agent/Heartbeat"), G2_ACTIONS.Heartbeat);
  assert.equal(findAction("g2", "/Agent/HeartBeat"), undefined);
  assert.equal(findAction("g1", "/Agent/Alarm"), undefined);
  assert.equal(findAction("g0", "/Agent/HeartBeat//"), undefined);
  assert.equal(findAction("g0", "/constructor"), undefined);
});

test("reads take both methods and begin with the original's; writes take one", () => {
  assert.deepEqual(G0_ACTIONS.ListAgents.methods, ["GET", "POST"]);
  assert.deepEqual(G1_ACTIONS.ListAgents.methods, ["POST", "GET"]);
  assert.deepEqual(G0_ACTIONS.CreateConfig.methods, ["POST"]);
  assert.deepEqual(G1_ACTIONS.ApplyConfigToAgentGroup.methods, ["PUT"]);
  assert.deepEqual(G1_ACTIONS.RemoveConfigFromAgentGroup.methods, ["DELETE"]);
  assert.deepEqual(G2_ACTIONS.RemovePipelineConfigFromAgentGroup.methods, ["POST"]);
});

test("texts are the original's to the letter, where they differ as well", () => {
  assert.equal(G0_ACTIONS.CreateAgentGroup.missing.groupName, "Agent group need parameter GroupName.");
  assert.equal(G0_ACTIONS.UpdateAgentGroup.missing.groupName, "Agent group need parameter groupName.");
  assert.equal(G0_ACTIONS.UpdateConfig.missing.content, "Need parameter Content.");
  assert.equal(G1_ACTIONS.UpdateConfig.missing.content, "Need parameter Detail.");
  assert.equal(G1_ACTIONS.DeleteConfig.missing.content, undefined);
  assert.deepEqual(Object.keys(G0_ACTIONS.ApplyConfigToAgentGroup.missing), ["groupName", "configName"]);
  assert.equal(G1_ACTIONS.HeartBeat.success, "Send heartbeat successGet config update infos success");
  assert.equal(G0_ACTIONS.GetAppliedConfigsForAgentGroup.success, "Get agent group's applied configs success");
});

test("answers carry the request's id in the field of their generation, also refusals", () => {
  const refusal = refusals.configUnknown("c");
  assert.deepEqual(answerG0("7", refusal), {
    responseId: "7",
    code: "ConfigNotExist",
    message: "Config c doesn't exist.",
  });
  assert.deepEqual(answerG1User("7", refusal), { responseId: "7", code: 1, message: "Config c doesn't exist." });
  assert.deepEqual(answerG1Agent("7", refusals.configInUse("c")), {
    requestId: "7",
    code: 2,
    message: "Config c was applied to some agent groups, cannot be deleted.",
  });
  assert.equal(answerG1User("7", accept("x")).code, 0);
  const id = Buffer.from("7");
  const { commonResponse } = answerG2(id, badRequest("x"));
  assert.deepEqual(commonResponse, { status: 400, errorMessage: Buffer.from("BadRequest") });
  assert.equal(answerG2(id, accept("x")).commonResponse.status, 0);
});

test("what is no message is answered with twelve bytes in G0 and two in G1", () => {
  const g0 = G0_MESSAGES.HeartBeatResponse.encode(UNDECODABLE_ANSWERS.g0);
  assert.equal(g0.toString("hex"), `120a${Buffer.from("BadRequest").toString("hex")}`);
  assert.equal(G1_MESSAGES.HeartBeatResponse.encode(UNDECODABLE_ANSWERS.g1).toString("hex"), "1002");
});

test("every refusal has a code with a status", () => {
  const made = [
    refusals.groupExists("g"),
    refusals.groupUnknown("g"),
    refusals.defaultGroupStays(),
    refusals.groupInUse("g"),
    refusals.configExists("c"),
    refusals.configUnknown("c"),
    refusals.configInUse("c"),
    refusals.alreadyApplied("g", "c"),
    refusals.notApplied("g", "c"),
    refusals.agentUnknown("a"),
  ];
  assert.deepEqual(
    made.map(({ code }) => CONFIGSERVER_CODES[code]),
    [400, 404, 400, 500, 400, 404, 500, 400, 404, 404],
  );
});
