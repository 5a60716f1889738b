import assert from "node:assert/strict";
import { test } from "node:test";
import { isUuid } from "@muster/core";
import { NodeBench } from "./test-bench.ts";

// B11.6 of the protocol's test list

test("what cannot be parsed is answered and survived; an id that can be read is echoed", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  await peer.nextOf("welcome");
  const cases: [string, string | undefined][] = [
    ["hello", undefined],
    ["[]", undefined],
    ['{"id":"1","timestamp":"t","data":{}}', "1"],
    ['{"type":"heartbeat","timestamp":"t","data":{}}', undefined],
    ['{"type":"heartbeat","id":"3","data":{}}', "3"],
    ['{"type":"heartbeat","id":"4","timestamp":"t"}', "4"],
    ['{"type":"heartbeat","id":5,"timestamp":"t","data":{}}', undefined],
  ];
  for (const [text, id] of cases) {
    peer.sendText(text);
    const error = await peer.next();
    assert.equal(error.data.error_code, "PARSE_ERROR", text);
    assert.equal(error.data.message, "消息解析失败");
    if (id === undefined) assert.ok(isUuid(error.id));
    else assert.equal(error.id, id);
  }
  peer.send("heartbeat", null);
  assert.equal((await peer.next()).type, "heartbeat_ack");
});

test("an unknown type is answered with the known ones and closes nothing, however often it comes", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  for (let count = 0; count < 30; count++) {
    peer.send("invalid_type", {}, "u");
    const error = await peer.nextOf("error");
    assert.equal(error.id, "u");
    assert.equal(error.data.error_code, "UNKNOWN_MESSAGE_TYPE");
    assert.equal(error.data.message, "未知的消息类型: invalid_type");
    assert.match(error.data.details, /node_register, heartbeat, metrics, command_started, command_result/);
  }
});

test("ten undecodable messages in a row close the connection, nine with a good one after them do not", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 9; count++) peer.sendText("x");
    peer.send("heartbeat", {});
    await peer.nextOf("heartbeat_ack");
  }
  for (let count = 0; count < 10; count++) peer.sendText("x");
  assert.equal((await peer.waitClosed()).code, 1008);
});

test("binary frames, pings and pongs are ignored", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  await peer.nextOf("welcome");
  peer.socket.send(Buffer.from('{"type":"heartbeat"}'));
  peer.socket.ping();
  peer.socket.pong();
  peer.send("heartbeat", {});
  assert.equal((await peer.next()).type, "heartbeat_ack");
});

test("a message in fragments is one message", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  await peer.nextOf("welcome");
  const text = '{"type":"heartbeat","id":"f","timestamp":"t","data":{}}';
  peer.socket.send(text.slice(0, 10), { fin: false });
  peer.socket.send(text.slice(10, 30), { fin: false });
  peer.socket.send(text.slice(30), { fin: true });
  assert.equal((await peer.next()).id, "f");
});

test("a frame beyond 16 MiB ends the connection with 1009, a large one below does not", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.send("command_result", { command_id: "c", exit_code: 0, stdout: "x".repeat(15 * 1024 * 1024), stderr: "" });
  await peer.nextOf("command_received");
  peer.sendText("x".repeat(17 * 1024 * 1024));
  assert.equal((await peer.waitClosed()).code, 1009);
});

test("of a repeated key the last counts", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.sendText('{"type":"nonsense","type":"heartbeat","id":"d","timestamp":"t","data":{}}');
  assert.equal((await peer.nextOf("heartbeat_ack")).id, "d");
});
