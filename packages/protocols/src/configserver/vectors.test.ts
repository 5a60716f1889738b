import assert from "node:assert/strict";
import { test } from "node:test";
import { G0_MESSAGES, UpdateStatus } from "./g0.ts";
import { CheckStatus, G1_MESSAGES } from "./g1.ts";

/** Spaces are for the reader. */
function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** A list item in field 4, in front of which the answer has nothing. */
function inField4(item: string): Buffer {
  const bytes = hex(item);
  return Buffer.concat([Buffer.from([0x22, bytes.length]), bytes]);
}

test("G0: what an original answers to GetConfigList", () => {
  const items = [
    [
      "0a 02 63 31 10 01 22 01 41",
      { configName: "c1", updateStatus: UpdateStatus.NEW, configVersion: 0, content: "A" },
    ],
    [
      "0a 02 63 31 10 03 18 01 22 01 42",
      { configName: "c1", updateStatus: UpdateStatus.MODIFIED, configVersion: 1, content: "B" },
    ],
    ["0a 02 63 31", { configName: "c1", updateStatus: UpdateStatus.SAME, configVersion: 0, content: "" }],
    ["0a 02 7a 7a 10 02", { configName: "zz", updateStatus: UpdateStatus.DELETED, configVersion: 0, content: "" }],
  ] as const;
  for (const [bytes, info] of items) {
    const message = { responseId: "", code: "", message: "", configUpdateInfos: [info] };
    assert.deepEqual(G0_MESSAGES.AgentGetConfigListResponse.encode(message), inField4(bytes));
    assert.deepEqual(G0_MESSAGES.AgentGetConfigListResponse.decode(inField4(bytes)), { ok: true, message });
  }
});

test("G1: what an original finds different in a heartbeat", () => {
  const none = { type: 0, oldVersion: 0, newVersion: 0, context: "" };
  const items = [
    ["12 02 70 31 2a 03 63 74 78", { ...none, name: "p1", context: "ctx", checkStatus: CheckStatus.NEW }],
    [
      "12 04 67 6f 6e 65 18 03 20 03 30 01",
      { ...none, name: "gone", oldVersion: 3, newVersion: 3, checkStatus: CheckStatus.DELETED },
    ],
    [
      "12 02 70 31 20 01 2a 03 63 74 78 30 02",
      { ...none, name: "p1", newVersion: 1, context: "ctx", checkStatus: CheckStatus.MODIFIED },
    ],
  ] as const;
  for (const [bytes, result] of items) {
    assert.deepEqual(G1_MESSAGES.HeartBeatResponse.encode({ pipelineCheckResults: [result] }), inField4(bytes));
    const decoded = G1_MESSAGES.HeartBeatResponse.decode(inField4(bytes));
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.message.pipelineCheckResults, [result]);
  }
});
