import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeCoreFrame,
  decodeNodeFrame,
  encodeCoreFrame,
  encodeHeartbeatAck,
  encodeNodeFrame,
  fromWireChunk,
  NODE_LIMITS,
  quoteJson,
  toWireChunk,
} from "./index.ts";
import { loadNodeVectors, textOf } from "./test-vectors.ts";

for (const vector of loadNodeVectors()) {
  const decode = vector.from === "node" ? decodeNodeFrame : decodeCoreFrame;
  if (vector.error === undefined) {
    test(`${vector.file}: ${vector.title}`, () => {
      const decoded = decode(textOf(vector));
      assert.deepEqual(decoded, { frame: vector.frame ?? vector.wire });
    });
    test(`${vector.file}: ${vector.title}, and what is encoded again decodes to the same`, () => {
      if (vector.from === "node") {
        const { frame } = decodeNodeFrame(textOf(vector));
        assert.ok(frame);
        assert.deepEqual(decodeNodeFrame(encodeNodeFrame(frame)), { frame });
      } else {
        const { frame } = decodeCoreFrame(textOf(vector));
        assert.ok(frame);
        assert.deepEqual(decodeCoreFrame(encodeCoreFrame(frame)), { frame });
      }
    });
  } else {
    test(`${vector.file}: ${vector.title} is refused with ${vector.error}`, () => {
      const decoded = decode(textOf(vector));
      assert.equal(decoded.frame, undefined);
      assert.equal(decoded.error, vector.error);
      assert.equal("id" in decoded ? decoded.id : undefined, vector.id);
      if (vector.details !== undefined) assert.equal("details" in decoded ? decoded.details : "", vector.details);
    });
  }
}

test("an acknowledgement is the same frame whichever way it is encoded", () => {
  for (const id of ["plain", 'quo"te', "back\\slash", "line\nbreak", "汉字", "\ud800", ""]) {
    const ids = { id: quoteJson(id), nodeId: quoteJson(`n-${id}`), timestamp: "t" };
    const text = encodeHeartbeatAck({ ...ids, beatMs: 5000, storedThrough: 7 });
    assert.deepEqual(decodeCoreFrame(text), {
      frame: {
        type: "heartbeat_ack",
        id,
        timestamp: "t",
        data: { received: true, node_id: `n-${id}`, metrics_saved: true, muster: { beat_ms: 5000, stored_through: 7 } },
      },
    });
  }
});

test("bytes survive the wire, as text where they are UTF-8 and as base64 where they are not", () => {
  const head = { seq: 1, stream: "stdout", at: 5, cutBytes: 0 } as const;
  const pieces = ["", "héllo", "\u0000\u001b[1m", "\ufeffbom", "😀"].map((text) => new TextEncoder().encode(text));
  pieces.push(Uint8Array.of(0xff, 0x00, 0xc3), Uint8Array.of(0xed, 0xa0, 0x80));
  for (const bytes of pieces) {
    const back = fromWireChunk(JSON.parse(JSON.stringify(toWireChunk({ ...head, bytes }))));
    assert.deepEqual({ ...back, bytes: [...back.bytes] }, { ...head, bytes: [...bytes] });
  }
  assert.deepEqual(toWireChunk({ ...head, bytes: Uint8Array.of(0xff), cutBytes: 0 }).base64, "/w==");
  assert.deepEqual(toWireChunk({ ...head, bytes: new Uint8Array(0), cutBytes: 9 }), {
    seq: 1,
    stream: "stdout",
    at: 5,
    cut: 9,
  });
});

test("a long frame that is nested too deeply is refused before it is parsed", () => {
  const bomb = "[".repeat(8_000_000);
  const decoded = decodeNodeFrame(`{"type":"heartbeat","id":"1","timestamp":"t","data":${bomb}`);
  assert.equal(decoded.error, "PARSE_ERROR");
});

test("a long frame with too many elements is refused before it is parsed", () => {
  const bomb = "[],".repeat(NODE_LIMITS.elements);
  const decoded = decodeNodeFrame(`{"type":"heartbeat","id":"1","timestamp":"t","data":[${bomb}0]}`);
  assert.equal(decoded.error, "PARSE_ERROR");
});

test("a long frame with too many keys is refused before it is parsed", () => {
  const keys = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":1`).join(",");
  const beat = (count: number) => `{"type":"heartbeat","id":"1","timestamp":"","data":{${keys(count)}}}`;
  assert.equal(decodeNodeFrame(beat(NODE_LIMITS.keys)).error, "PARSE_ERROR");
  assert.equal(decodeNodeFrame(beat(NODE_LIMITS.keys - 10)).error, undefined);
});

test("brackets and quotes inside of strings do not count as elements", () => {
  const stdout = '[[{{,,"\\'.repeat(200_000);
  const data = { command_id: "c", exit_code: 0, stdout, stderr: "", execution_time_ms: 1 };
  const decoded = decodeNodeFrame(JSON.stringify({ type: "command_result", id: "1", timestamp: "t", data }));
  assert.ok(decoded.frame?.type === "command_result");
  assert.equal(decoded.frame.data.stdout, stdout);
});

test("a frame beyond 16 MiB is refused", () => {
  const decoded = decodeNodeFrame(`"${"x".repeat(NODE_LIMITS.frameBytes)}"`);
  assert.equal(decoded.error, "PARSE_ERROR");
});

test("an error never repeats more than a little of the message that caused it", () => {
  const text = JSON.stringify({ type: "x".repeat(100_000), id: "1", timestamp: "t", data: {} });
  assert.ok(JSON.stringify(decodeNodeFrame(text)).length < 500);
  assert.ok(JSON.stringify(decodeNodeFrame(`{"a":"${"y".repeat(100_000)}`)).length < 500);
});
