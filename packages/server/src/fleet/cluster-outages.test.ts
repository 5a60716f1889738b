import assert from "node:assert/strict";
import { test } from "node:test";
import { newMessageId, systemClock } from "@muster/core";
import { waitUntil } from "@muster/testing";
import { localBus } from "../bus/local.ts";
import { openStore } from "../store/open.ts";
import { describeCluster, eventually, type TestProcess } from "./cluster-for-test.ts";
import { Fleet } from "./fleet.ts";
import { commandSpec, connectTo } from "./fleet-for-test.ts";

const BY = { actor: "admin" };

describeCluster("several server processes, and an engine or one of them goes away", (cluster) => {
  const readRow = ({ store }: TestProcess) =>
    store.db.selectFrom("agents").select(["holder", "status", "connections"]).executeTakeFirstOrThrow();
  /** A process that has not beaten for a minute. Answers its id. */
  const addGhost = async ({ store }: TestProcess) => {
    const id = newMessageId();
    const row = { id, place: "slow to come back", started_at: 1, beat_at: systemClock.now() - 60_000 };
    await store.db.insertInto("processes").values(row).execute();
    return id;
  };
  /** NATS ends, and comes back on the same port when the work is done. */
  const withoutNats = async (processes: readonly TestProcess[], work: () => Promise<void>) => {
    await cluster.nats.stop();
    try {
      await eventually("the loss to be noticed", () => processes.every(({ bus }) => !bus.isConnected));
      await work();
    } finally {
      await cluster.nats.start();
    }
    await eventually("the connection again", () => processes.every(({ bus }) => bus.isConnected));
  };

  test("what connected while NATS was away is said again, and an older connection never takes the row of a newer one", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const old = await connectTo(left.fleet, "clone");
    await eventually("its row", async () => (await readRow(left)).holder === left.bus.processId);
    let newer = old;
    await withoutNats([left, right], async () => {
      newer = await connectTo(right.fleet, "clone");
      await eventually("the newer one's row", async () => (await readRow(left)).holder === right.bus.processId);
      left.fleet.registry.markAllLive();
      await left.fleet.registry.flush();
      assert.equal((await readRow(left)).holder, right.bus.processId);
      await left.fleet.commands.create(commandSpec({ targets: { all: true } }), BY);
      await eventually("the delivery", () => newer.deliveries.length === 1);
      assert.equal(old.deliveries.length, 0);
    });
    await eventually("the conflict", async () => (await readRow(left)).connections === 2);
    newer.session.close("gone");
    await left.fleet.commands.create(commandSpec({ text: "second", targets: { all: true } }), BY);
    await eventually("the older one to take over", () => old.deliveries.some(({ text }) => text === "second"));
    old.session.touch(); // it was silent all the while
    await eventually("its row again", async () => {
      const { holder, status } = await readRow(left);
      return holder === left.bus.processId && status === "online";
    });
    old.session.close("gone");
  });

  test("an agent that moved to another process while NATS was away is found there once NATS is back", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const first = await connectTo(left.fleet, "mover");
    const { agentId } = first.session;
    first.session.close("gone");
    await withoutNats([left, right], async () => void (await connectTo(right.fleet, "mover")));
    await eventually("the news", () => left.fleet.registry.get(agentId)?.elsewhere === right.bus.processId);
  });

  test("the end of the newer connection is learned from the store while NATS is away", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const old = await connectTo(left.fleet, "clone");
    const newer = await connectTo(right.fleet, "clone");
    await eventually("the conflict", async () => (await readRow(left)).connections === 2);
    await withoutNats([left, right], async () => {
      newer.session.close("gone");
      old.session.touch(); // it was silent all the while
      await eventually("the older one to take over", async () => {
        const { holder, status } = await readRow(left);
        return holder === left.bus.processId && status === "online";
      });
      await left.fleet.commands.create(commandSpec({ targets: { all: true } }), BY);
      await eventually("the delivery", () => old.deliveries.length === 1);
    });
    old.session.close("gone");
  });

  test("nobody goes on waiting for an answer of a process that died, whoever found it dead", async (t) => {
    const [left, middle, right] = (await cluster.open(t, ["left", "middle", "right"])) as [
      TestProcess,
      TestProcess,
      TestProcess,
    ];
    let asked = 0;
    right.bus.answer("readings", () => {
      asked += 1;
      return new Promise(() => {});
    });
    const answers = [left, middle].map(({ bus }) => bus.ask("readings", right.bus.processId, { agents: [] }, 60_000));
    await eventually("the questions to arrive", () => asked === 2);
    await addGhost(left);
    // who judges must have seen a whole window of beats
    await eventually("somebody to judge", async () => (await left.fleet.processes.listKnown()).length === 3);
    const diedAt = performance.now();
    await right.vanish();
    assert.deepEqual(await Promise.all(answers), [undefined, undefined]);
    assert.ok(performance.now() - diedAt < 15_000, "they ended with the process and not with their time");
  });

  test("that somebody else removed a dead process is seen in the store while NATS is away", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const old = await connectTo(left.fleet, "clone");
    await connectTo(right.fleet, "clone");
    const state = left.fleet.registry.get(old.session.agentId);
    await eventually("the older one to stand back", () => state?.elsewhere === right.bus.processId);
    await left.fleet.processes.watch(); // sees that the other one is there
    await withoutNats([left], async () => {
      await right.vanish();
      // the row of the agent is left alone: nothing but the missing process tells
      await left.store.db.deleteFrom("processes").where("id", "=", right.bus.processId).execute();
      await waitUntil("the older one to take over", () => state?.elsewhere === null, { timeoutMs: 4000 });
    });
    old.session.close("gone");
  });

  test("a process that starts after an outage judges nobody by beats that nobody could write", async (t) => {
    const url = await cluster.createDatabase();
    const [left] = (await cluster.open(t, ["left"], url)) as [TestProcess];
    const agent = await connectTo(left.fleet, "web-1");
    await eventually("its row", async () => (await readRow(left)).holder === left.bus.processId);
    const ghost = await addGhost(left);
    await left.vanish();
    const store = openStore({ database: { kind: "postgres", url, connections: 1 } });
    t.after(() => store.close());
    await store.db.updateTable("agents").set({ holder: ghost }).execute();
    const [right] = (await cluster.open(t, ["right"], url)) as [TestProcess];
    assert.deepEqual(await right.fleet.processes.watch(), { dead: [], gone: [] });
    assert.deepEqual(
      [(await readRow(right)).status, (await right.fleet.processes.listKnown()).includes(ghost)],
      ["online", true],
    );
    await eventually(
      "the one that never came back to be buried",
      async () => (await readRow(right)).status === "stale",
    );
    agent.session.close("gone");
  });

  test("without a bus another process is seen by its next beat, however old its last; a dead one is waited out", async (t) => {
    const url = await cluster.createDatabase();
    const [first] = (await cluster.open(t, ["first"], url)) as [TestProcess];
    const agent = await connectTo(first.fleet, "web-1");
    await eventually("its row", async () => (await readRow(first)).status === "online");
    const store = openStore({ database: { kind: "postgres", url, connections: 2 } });
    t.after(() => store.close());
    const openAlone = () =>
      new Fleet({ store, bus: localBus(), clock: systemClock, outputLimitBytes: 1024, place: "second" });
    await store.db.updateTable("processes").set({ beat_at: 1 }).execute();
    await assert.rejects(openAlone().start(), /another server process \(first\) uses this database/);
    await first.vanish();
    const alone = openAlone();
    await alone.start();
    assert.deepEqual(await alone.processes.listKnown().then((ids) => ids.length), 1);
    assert.equal((await alone.agents.counts()).offline, 1);
    await alone.stop();
    agent.session.close("gone");
  });
});
