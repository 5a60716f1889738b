import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { OriginalNode, waitUntil } from "@muster/testing";
import { NodeBench } from "./test-bench.ts";

// B11.7 and B11.8 of the protocol's test list

test("in ten minutes a node sees no ping and no binary frame, and every heartbeat is acknowledged once, in order", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register();
  for (let beat = 0; beat < 60; beat++) {
    await bench.pass(10_000);
    peer.send("heartbeat", { metrics: { cpu_usage: beat } }, `h${beat}`);
    assert.equal((await peer.nextOf("heartbeat_ack")).id, `h${beat}`);
  }
  await peer.sync();
  assert.deepEqual([peer.pings, peer.binaries, peer.closed], [0, 0, undefined]);
  const acks = peer.frames.filter((frame) => frame.type === "heartbeat_ack").map((frame) => frame.id);
  assert.deepEqual(
    acks,
    Array.from({ length: 60 }, (_, beat) => `h${beat}`),
  );
});

test("an original agent that reads a message every half minute is never starved and never killed", async (t) => {
  const bench = await NodeBench.open(t);
  const disk = { total: 1000, available: 250 };
  const options = { coreUrl: bench.wsUrl, token: bench.token, nodeId: "orig", clock: bench.clock, disk };
  const node = await OriginalNode.start(options);
  t.after(() => node.stop());
  for (let second = 0; second < 900; second += 10) {
    await bench.pass(10_000);
    await waitUntil("its loop goes on", () => node.beats >= second / 10 + 1, { everyMs: 1 });
  }
  assert.equal(node.isDead, false);
  assert.ok(node.read.length >= 28, `it read ${node.read.length} messages in a quarter of an hour`);
  const types = node.read.slice(0, 3).map((text) => JSON.parse(text).type);
  assert.deepEqual(types, ["welcome", "register_response", "heartbeat_ack"]);
  const agent = await bench.fleet.agents.findByExternalId("node", "orig");
  assert.equal(agent?.status, "online");
  assert.equal(bench.fleet.metrics.latest(agent?.id as never)?.values["system.filesystem.utilization"], 0.75);
});

test("a hundred thousand heartbeats of a node that does not read cost bounded memory and delay nobody", async (t) => {
  const bench = await NodeBench.open(t);
  const slow = await bench.connect(t, { node_id: "slow" });
  slow.register();
  await slow.nextOf("register_response");
  const other = await bench.connect(t, { node_id: "other" });
  other.register();
  await other.nextOf("register_response");
  slow.socket.pause();
  // a long id makes the acknowledgements as large as the heartbeats
  const padding = "i".repeat(600);
  const latencies: number[] = [];
  for (let beat = 0; beat < 100_000; beat++) {
    slow.send("heartbeat", { metrics: { cpu_usage: 1 } }, `${padding}${beat}`);
    if (beat % 500 !== 0) continue;
    while (slow.socket.bufferedAmount > 1_000_000) await turn();
    const started = performance.now();
    other.send("heartbeat", {}, `o${beat}`);
    await other.nextOf("heartbeat_ack");
    latencies.push(performance.now() - started);
  }
  await waitUntil("all are received", () => bench.door.counters.framesReceived >= 100_000, { timeoutMs: 60_000 });
  const { counters } = bench.door;
  assert.ok(counters.repliesDropped > 10_000, `${counters.repliesDropped} acknowledgements were dropped`);
  assert.equal(slow.closed, undefined, "it is not closed for being slow");
  latencies.sort((left, right) => left - right);
  const median = latencies[Math.floor(latencies.length / 2)] ?? 0;
  assert.ok(median < 100, `the other node waited ${median} ms`);
  slow.socket.resume();
  const isAck = (frame: { type: string }) => frame.type === "heartbeat_ack";
  await waitUntil("what was not dropped", () => slow.frames.filter(isAck).length + counters.repliesDropped === 100_000);
  await slow.sync();
});
