import assert from "node:assert/strict";
import { test } from "node:test";
import { missingNats, onEnd, startNats, TcpProxy, unlessMissing, waitUntil } from "@muster/testing";
import { NatsBus } from "./nats.ts";

const NEEDS_NATS = unlessMissing(missingNats());
const SOON = { timeoutMs: 20_000, everyMs: 50 };
const HOUR_MS = 3_600_000;

test("the bus finds NATS again although the clock was an hour ahead when it connected", NEEDS_NATS, async (t) => {
  const nats = await startNats(t);
  const ahead = t.mock.method(Date, "now", () => performance.timeOrigin + performance.now() + HOUR_MS);
  const bus = new NatsBus({ servers: [nats.url] });
  onEnd(t, () => bus.close());
  await bus.start();
  assert.equal(bus.isConnected, true);
  ahead.mock.restore();
  await nats.stop();
  await waitUntil("the loss to be noticed", () => !bus.isConnected, SOON);
  await nats.start();
  await waitUntil("the connection again", () => bus.isConnected, SOON);
});

test(
  "the bus notices that the wire to NATS is clogged, and hears others again when it is mended",
  NEEDS_NATS,
  async (t) => {
    const nats = await startNats(t);
    const wire = await TcpProxy.start(t, nats.port);
    const near = new NatsBus({ servers: [nats.url] });
    const far = new NatsBus({ servers: [`nats://127.0.0.1:${wire.port}`] });
    onEnd(t, () => Promise.all([near.close(), far.close()]).then(() => {}));
    const heard: number[] = [];
    far.on("size", ({ agents }) => heard.push(agents));
    await Promise.all([near.start(), far.start()]);
    near.publish("size", { agents: 1 });
    await waitUntil("the first message", () => heard.includes(1), SOON);
    wire.stall();
    await waitUntil("the loss to be noticed", () => !far.isConnected, SOON);
    wire.heal();
    await waitUntil("the connection again", () => far.isConnected, SOON);
    near.publish("size", { agents: 2 });
    await waitUntil("the next message", () => heard.includes(2), SOON);
    assert.deepEqual(heard, [1, 2]);
  },
);
