import assert from "node:assert/strict";
import { test } from "node:test";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

const { HeartBeatRequest } = G0_MESSAGES;

function read(text: string) {
  const decoded = HeartBeatRequest.decode(hex(text));
  assert.ok(decoded.ok, text);
  return decoded.message;
}

test("no bytes are a message with all defaults", () => {
  assert.deepEqual(HeartBeatRequest.decode(hex("")), {
    ok: true,
    message: {
      requestId: "",
      agentId: "",
      agentType: "",
      agentVersion: "",
      ip: "",
      tags: new Map(),
      runningStatus: "",
      startupTime: 0,
    },
  });
});

test("fields that nobody knows are passed, of every wire type", () => {
  const unknown = [
    "98 06 ac 02",
    "99 06 01 02 03 04 05 06 07 08",
    "9a 06 02 61 62",
    "9b 06 08 01 9c 06",
    "9d 06 01 02 03 04",
  ];
  for (const field of unknown) assert.equal(read(`${field} 12 01 61 ${field}`).agentId, "a", field);
  assert.equal(read("9b 06 a3 06 08 01 a4 06 0b 0c 9c 06 12 01 61").agentId, "a");
});

test("of a scalar and of a map's key the last counts, a sub-message in parts is one", () => {
  assert.equal(read("12 01 61 12 01 62").agentId, "b");
  const tags = read("32 06 0a 01 6b 12 01 31  32 06 0a 01 6b 12 01 32  32 05 0a 00 12 01 33  32 03 0a 01 78").tags;
  assert.deepEqual(
    tags,
    new Map([
      ["k", "2"],
      ["", "3"],
      ["x", ""],
    ]),
  );
  const group = G0_MESSAGES.CreateAgentGroupRequest.decode(
    hex("12 03 0a 01 67  12 07 12 01 64 1a 02 0a 00  12 02 1a 00"),
  );
  assert.ok(group.ok);
  const noTag = { name: "", value: "" };
  assert.deepEqual(group.message.agentGroup, { groupName: "g", description: "d", tags: [noTag, noTag] });
});

test("a known field of another wire type counts as unknown", () => {
  const message = read("10 05  1d 01 02 03 04  42 01 61  30 01  12 01 61");
  assert.deepEqual([message.agentId, message.agentType, message.startupTime, message.tags.size], ["a", "", 0, 0]);
});

test("a message with what no decoder takes is undecodable", () => {
  const broken = {
    "field number 0": "02 01 61",
    "field number too large": "82 80 80 80 10 00",
    "wire type 6": "16",
    "wire type 7": "17",
    "a stray end of a group": "14",
    "a group that ends as another": "9b 06 a4 06",
    "a group without an end": "9b 06 08 01",
    "a varint of eleven bytes": "40 80 80 80 80 80 80 80 80 80 80 01",
    "a varint of more than 64 bits": "40 ff ff ff ff ff ff ff ff ff 02",
    "a varint cut off": "40 80",
    "a tag cut off": "80",
    "a text longer than the body": "12 05 61",
    "a length of more than 32 bits": "12 ff ff ff ff ff 0f 61",
    "a text that is no UTF-8": "12 02 c3 28",
    "half a surrogate pair": "12 03 ed a0 80",
    "a key that is no UTF-8": "32 03 0a 01 ff",
    "a fixed32 cut off": "9d 06 01",
    "a field that leaves its sub-message": "32 03 0a 05 61 62 63 64 65",
  };
  for (const [name, bytes] of Object.entries(broken)) {
    assert.deepEqual(HeartBeatRequest.decode(hex(bytes)), { ok: false, reason: "malformed" }, name);
  }
});

test("bytes need not be text, and are a copy", () => {
  const body = hex("22 02 c3 28");
  const decoded = G2_MESSAGES.HeartbeatRequest.decode(body);
  assert.ok(decoded.ok);
  body.fill(0);
  assert.deepEqual(decoded.message.instanceId, Uint8Array.of(0xc3, 0x28));
});

test("text keeps what it begins with, and what is not ASCII", () => {
  assert.equal(read("12 06 ef bb bf c3 a9 00").agentId, "\ufeffé\0");
});

test("whole numbers are exact up to 2^53 and the nearest beyond; flags lose what is above", () => {
  assert.equal(read("40 ff ff ff ff ff ff ff 0f").startupTime, Number.MAX_SAFE_INTEGER);
  assert.equal(read("40 80 80 80 80 80 80 80 10").startupTime, Number.MAX_SAFE_INTEGER);
  assert.equal(read("40 ff ff ff ff ff ff ff ff ff 01").startupTime, -1);
  assert.equal(read("40 80 80 80 80 80 80 80 80 80 01").startupTime, Number.MIN_SAFE_INTEGER);
  assert.equal(read("40 81 00").startupTime, 1, "longer than need be is allowed");
  const beat = G2_MESSAGES.HeartbeatRequest.decode(
    hex("10 ff ff ff ff ff ff ff ff ff 01  68 81 80 80 80 80 80 80 80 80 01"),
  );
  assert.ok(beat.ok);
  assert.equal(beat.message.sequenceNum, Number.MAX_SAFE_INTEGER);
  assert.equal(beat.message.flags, 1);
});

test("enums keep numbers that have no name", () => {
  const decoded = G1_MESSAGES.CreateConfigRequest.decode(hex("12 02 08 07"));
  assert.ok(decoded.ok);
  assert.equal(decoded.message.configDetail?.type, 7);
});

test("what is written leaves out defaults, but no list item and no empty sub-message", () => {
  assert.equal(HeartBeatRequest.encode({ agentId: "", startupTime: 0 }).length, 0);
  assert.deepEqual(
    G1_MESSAGES.HeartBeatRequest.encode({ tags: ["", "a"], attributes: {} }),
    hex("22 00 2a 00 2a 01 61"),
  );
  assert.deepEqual(
    G0_MESSAGES.AgentGetConfigListRequest.encode({ configVersions: new Map([["c", 0]]) }),
    hex("1a 05 0a 01 63 10 00"),
  );
  assert.deepEqual(
    G1_MESSAGES.ListAgentsResponse.encode({ agents: [{ attributes: {} }] }),
    hex("22 02 1a 00"),
    "the web pages of the original need the attributes",
  );
  assert.deepEqual(
    G2_MESSAGES.HeartbeatResponse.encode({ instanceConfigUpdates: [{ name: "c", version: -1 }] }),
    hex("2a 0e 0a 01 63 10 ff ff ff ff ff ff ff ff ff 01"),
  );
});

test("half a surrogate pair is written as the replacement character", () => {
  assert.deepEqual(HeartBeatRequest.encode({ agentId: "\ud800" }), hex("12 03 ef bf bd"));
});

test("lengths of one, two and three bytes stand before what they count", () => {
  for (const length of [127, 128, 16_383, 16_384, 2_097_152]) {
    const configDetail = { name: "c", detail: "é".repeat(length / 2 - 8), context: "z".repeat(length % 2) };
    const decoded = G1_MESSAGES.CreateConfigRequest.decode(G1_MESSAGES.CreateConfigRequest.encode({ configDetail }));
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.message.configDetail, { type: 0, version: 0, ...configDetail });
  }
});

test("limits end a decoding: the body, the entries and the groups", () => {
  const three = HeartBeatRequest.encode({
    tags: new Map([
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
    ]),
  });
  assert.deepEqual(HeartBeatRequest.decode(three, { items: 2 }), { ok: false, reason: "too_many_items" });
  assert.ok(HeartBeatRequest.decode(three, { items: 3 }).ok);
  assert.deepEqual(HeartBeatRequest.decode(three, { bodyBytes: 8 }), { ok: false, reason: "too_large" });
  const groups = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x5b), Buffer.alloc(depth, 0x5c)]);
  assert.ok(HeartBeatRequest.decode(groups(100)).ok);
  assert.deepEqual(HeartBeatRequest.decode(groups(101)), { ok: false, reason: "too_deep" });
  assert.deepEqual(HeartBeatRequest.decode(Buffer.alloc(1_000_000, 0x5b)), { ok: false, reason: "too_deep" });
});
