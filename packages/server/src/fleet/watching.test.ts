import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostDetail } from "@muster/core";
import { openTestFleet, type TestFleet } from "./fleet-for-test.ts";

const DETAIL: HostDetail = {
  cores: [{ user: 0.1, system: 0.2, iowait: 0 }],
  memory: { total: 8, used: 4, buffers: 1, cached: 1 },
  swap: { total: 0, used: 0 },
  load: [1, 2, 3],
  filesystems: [],
  disks: [],
  networks: [],
  uptimeS: 60,
  processes: { total: 3, running: 1 },
};

/** An agent that says whether it is watched, and beats at once when it is. */
async function connectWatched(fleet: TestFleet, id: string) {
  const agent = await fleet.connect(id);
  const told: boolean[] = [];
  const beat = (detail?: HostDetail) =>
    agent.session.heartbeat(
      { at: fleet.clock.now(), values: { "system.load.1m": 1 }, ...(detail ? { detail } : {}) },
      true,
    );
  agent.onWatched = (isWatched) => {
    told.push(isWatched);
    if (isWatched) queueMicrotask(() => beat(DETAIL));
    return true;
  };
  return { agent, told, beat };
}

test("an agent is asked for its detail while somebody looks at it by name, and told when nobody does", async (t) => {
  const test = await openTestFleet();
  t.after(() => test.close());
  const { agent, told } = await connectWatched(test, "one");
  const other = await connectWatched(test, "two");
  await test.pass(1000);
  assert.deepEqual(told, []);
  const unwant = test.fleet.feed.wantSamples(() => ({ all: true, agentIds: [agent.session.agentId] }));
  await test.pass(1000);
  assert.deepEqual([told, other.told], [[true], []]);
  unwant();
  await test.pass(1000);
  assert.deepEqual(told, [true, false]);
});

test("an agent that comes back while it is watched is asked again", async (t) => {
  const test = await openTestFleet();
  t.after(() => test.close());
  const first = await connectWatched(test, "one");
  test.fleet.feed.wantSamples(() => ({ all: false, agentIds: [first.agent.session.agentId] }));
  await test.pass(400);
  first.agent.session.close("gone");
  const second = await connectWatched(test, "one");
  await test.pass(400);
  assert.deepEqual([first.told, second.told], [[true], [true]]);
});

test("a single read waits for the detail, and its agent is let go a while after the last one", async (t) => {
  const test = await openTestFleet();
  t.after(() => test.close());
  const { agent, told, beat } = await connectWatched(test, "one");
  beat();
  assert.equal(test.fleet.metrics.latest(agent.session.agentId)?.detail, null);
  const sample = await test.fleet.watching.read(agent.session.agentId);
  assert.deepEqual(sample?.detail?.load, [1, 2, 3]);
  await test.pass(20_000);
  assert.deepEqual(told, [true, false]);
  beat();
  assert.equal(test.fleet.metrics.latest(agent.session.agentId)?.detail, null, "a beat without detail lets it go");
});

test("an agent that cannot tell more is read as it is", async (t) => {
  const test = await openTestFleet();
  t.after(() => test.close());
  const agent = await test.connect("plain");
  agent.session.heartbeat({ at: test.clock.now(), values: { "system.load.1m": 2 } }, true);
  const sample = await test.fleet.watching.read(agent.session.agentId);
  assert.deepEqual([sample?.values["system.load.1m"], sample?.detail], [2, null]);
});
