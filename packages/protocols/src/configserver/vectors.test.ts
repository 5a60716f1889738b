import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Generation } from "./actions.ts";
import type { Codec } from "./codec.ts";
import type { Field, Fields } from "./fields.ts";
import { G0_MESSAGES, UpdateStatus } from "./g0.ts";
import { CheckStatus, G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";

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

test("G1: the heartbeat of a real iLogtail", () => {
  const bytes = hex(
    "0a 04 61 47 56 68" + // request id, base64
      "12 07 34 46 5f 3a 3a 5f 31" + // a new id at every start
      "1a 08 69 4c 6f 67 74 61 69 6c" + // iLogtail
      "22 0c 0a 05 31 2e 38 2e 38 1a 03 3a 3a 31" + // version and address alone
      "2a 03 77 65 62 2a 02 65 75" + // the values of its tags
      "40 0a" + // every ten seconds; neither a status nor a start
      "4a 08 12 04 61 63 63 73 18 02", // one config, of the type 0
  );
  const decoded = G1_MESSAGES.HeartBeatRequest.decode(bytes);
  assert.ok(decoded.ok);
  const { attributes, ...rest } = decoded.message;
  assert.deepEqual(rest, {
    requestId: "aGVh",
    agentId: "4F_::_1",
    agentType: "iLogtail",
    tags: ["web", "eu"],
    runningStatus: "",
    startupTime: 0,
    interval: 10,
    pipelineConfigs: [{ type: 0, name: "accs", version: 2, context: "" }],
    agentConfigs: [],
  });
  assert.deepEqual([attributes?.version, attributes?.ip, attributes?.hostname], ["1.8.8", "::1", ""]);
  assert.deepEqual(G1_MESSAGES.HeartBeatRequest.encode(decoded.message), bytes);
});

test("G2: the first and a later heartbeat of a real LoongCollector", () => {
  const start =
    "0a 02 72 31" + // request id
    "%SEQUENCE%" +
    "18 03" + // takes pipelines and instance configs
    "22 06 46 5f 3a 3a 5f 31" +
    "2a 0e 4c 6f 6f 6e 67 43 6f 6c 6c 65 63 74 6f 72" +
    "32 17 0a 05 33 2e 33 2e 35 12 03 3a 3a 31 1a 02 68 31 a2 06 04 0a 00 12 00" +
    "3a 0b 0a 04 72 6f 6c 65 12 03 77 65 62" +
    "42 07 72 75 6e 6e 69 6e 67" +
    "48 80 ae c6 97 06"; // seconds
  const first = G2_MESSAGES.HeartbeatRequest.decode(hex(start.replace("%SEQUENCE%", "")));
  assert.ok(first.ok);
  assert.equal(first.message.sequenceNum, 0);
  assert.equal(Buffer.from(first.message.attributes?.hostname ?? []).toString(), "h1");
  assert.deepEqual(first.message.tags, [{ name: "role", value: "web" }]);

  const failed = "52 0f 0a 02 70 31 10 03 18 03 22 05 6e 6f 20 67 6f";
  const bytes = hex(start.replace("%SEQUENCE%", "10 05") + failed);
  const later = G2_MESSAGES.HeartbeatRequest.decode(bytes);
  assert.ok(later.ok);
  assert.equal(later.message.sequenceNum, 5);
  assert.equal(later.message.startupTime, 1660000000);
  assert.deepEqual(later.message.continuousPipelineConfigs, [
    { name: "p1", version: 3, status: 3, message: "no go", extra: new Map() },
  ]);
  assert.deepEqual(G2_MESSAGES.HeartbeatRequest.encode(later.message), bytes);
});

const MESSAGES: Readonly<Record<Generation, Readonly<Record<string, Codec>>>> = {
  g0: G0_MESSAGES,
  g1: G1_MESSAGES,
  g2: G2_MESSAGES,
};

for (const generation of ["g0", "g1", "g2"] as const) {
  test(`${generation}: every message is written and read as its vector says`, () => {
    const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors", `${generation}.json`), "utf8"));
    assert.deepEqual(Object.keys(vectors), Object.keys(MESSAGES[generation]));
    for (const [name, codec] of Object.entries(MESSAGES[generation])) {
      const message = fromVector(codec.table, vectors[name].message);
      assert.equal(codec.encode(message).toString("hex"), vectors[name].hex, name);
      assert.deepEqual(codec.decode(hex(vectors[name].hex)), { ok: true, message }, name);
    }
  });
}

/** In vectors maps are objects and bytes are text. */
function fromVector(table: Fields, message: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, toField(table[name], value)]));
}

function toField(field: Field<unknown> | undefined, value: unknown): unknown {
  assert.ok(field);
  const { kind, shape, inner } = field;
  const toOne = (one: unknown): unknown => {
    if (inner) return fromVector(inner, one as Record<string, unknown>);
    return kind === "bytes" ? new Uint8Array(Buffer.from(one as string)) : one;
  };
  if (shape === "list") return (value as unknown[]).map(toOne);
  if (shape === "map") return new Map(Object.entries(value as object).map(([key, held]) => [key, toOne(held)]));
  return toOne(value);
}
