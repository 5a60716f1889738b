import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunId, systemClock } from "@muster/core";
import { openStore } from "../store/open.ts";
import { describeCluster, eventually } from "./cluster-for-test.ts";
import { Fleet } from "./fleet.ts";
import { commandSpec, connectTo, FOREIGN, runResult, type TestAgent } from "./fleet-for-test.ts";

describeCluster("several server processes over PostgreSQL and NATS", (cluster) => {
  test("a command given on one process reaches an agent on another, and its end is seen on both", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    await eventually("the other process to know it", async () => (await left.fleet.agents.counts()).online === 1);
    const { command } = await left.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
    await eventually("the delivery", () => agent.deliveries.length === 1);
    const runId = agent.deliveries[0]?.runId as RunId;
    await agent.session.reportStarted(runId, null);
    await agent.session.reportFinished(runId, runResult());
    for (const { fleet } of [left, right]) assert.equal((await fleet.commands.get(command.id)).status, "completed");
    agent.session.close("gone");
  });

  test("cancelling on one process stops the run on another", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    await eventually("the other process to know it", async () => (await left.fleet.agents.counts()).online === 1);
    const { command } = await left.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
    await eventually("the delivery", () => agent.deliveries.length === 1);
    await agent.session.reportStarted(agent.deliveries[0]?.runId as RunId, null);
    await left.fleet.commands.cancel(command.id);
    await eventually("the order to stop", () => agent.cancelled.length === 1);
    agent.session.close("gone");
  });

  test("watchers of one process see readings and changes of another's agents, and lists show their gauges", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    const beat = (cpu: number) =>
      agent.session.heartbeat({ at: systemClock.now(), values: { "system.cpu.utilization": cpu } }, true);
    beat(0.25);
    await eventually("its gauges in a list of the other process", async () => {
      const { items } = await left.fleet.agents.list({ limit: 10, sort: "name" });
      return items[0]?.gauges?.cpu === 0.25;
    });
    const seen: number[] = [];
    const told: boolean[] = [];
    agent.onWatched = (isWatched) => {
      told.push(isWatched);
      return true;
    };
    const unsubscribe = left.fleet.feed.subscribe((event) => {
      if (event.kind === "sample") seen.push(event.sample.values["system.cpu.utilization"] ?? 0);
    });
    const unwant = left.fleet.feed.wantSamples(() => ({ all: false, agentIds: [agent.session.agentId] }));
    let cpu = 0.3;
    await eventually("a reading at the watcher", () => {
      cpu += 0.001;
      beat(cpu);
      return seen.length > 0;
    });
    await eventually("the agent to be asked for its detail", () => told.length === 1);
    unsubscribe();
    unwant();
    agent.session.close("gone");
    await eventually(
      "the end to be seen",
      async () => (await left.fleet.agents.get(agent.session.agentId)).status === "offline",
    );
  });

  test("the newest connection gets the work wherever it is, the conflict shows, and the older takes over again", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const old = await connectTo(left.fleet, "clone");
    const newer = await connectTo(right.fleet, "clone");
    await eventually("the conflict", async () => (await left.fleet.agents.get(old.session.agentId)).connections === 2);
    await left.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
    await eventually("the delivery", () => newer.deliveries.length === 1);
    assert.equal(old.deliveries.length, 0);
    newer.session.close("gone");
    await left.fleet.commands.create(commandSpec({ text: "second", targets: { all: true } }), { actor: "admin" });
    await eventually("the older one to take over", () => old.deliveries.some((delivery) => delivery.text === "second"));
    await eventually(
      "the other process to agree",
      async () => (await right.fleet.agents.get(old.session.agentId)).status === "online",
    );
    old.session.close("gone");
  });

  test("when a process dies its agents go stale, unanswered runs of foreign agents end as unknown, and ours are sent again", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const native = await connectTo(right.fleet, "native");
    const foreign = await connectTo(right.fleet, "foreign", { capabilities: new Set(FOREIGN) });
    await eventually("both to be known", async () => (await left.fleet.agents.counts()).online === 2);
    await left.fleet.commands.create(commandSpec({ targets: { all: true }, timeoutMs: 60_000 }), { actor: "admin" });
    await eventually("the deliveries", () => native.deliveries.length === 1 && foreign.deliveries.length === 1);
    await right.vanish();
    await eventually("the agents to be stale", async () => (await left.fleet.agents.counts()).stale === 2);
    const foreignRun = await left.fleet.commands.getRun(foreign.deliveries[0]?.runId ?? "");
    assert.equal(foreignRun.status, "unknown");
    const back: TestAgent = await connectTo(left.fleet, "native");
    await back.session.resume([]);
    await eventually("the run to be sent again", () => back.deliveries.length === 1);
    assert.equal(back.deliveries[0]?.runId, native.deliveries[0]?.runId);
    back.session.close("gone");
  });

  test("a process that was taken for dead while it lived says again how its agents are", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    await eventually("the other process to know it", async () => (await left.fleet.agents.counts()).online === 1);
    // what whoever buries a process does
    await left.store.transaction(async (queries) => {
      await queries.deleteFrom("processes").where("id", "=", right.bus.processId).execute();
      await queries.updateTable("agents").set({ status: "stale", holder: null, connections: 0 }).execute();
    });
    await eventually("the truth again", async () => (await left.fleet.agents.counts()).online === 1);
    const { holder } = await left.store.db.selectFrom("agents").select("holder").executeTakeFirstOrThrow();
    assert.equal(holder, right.bus.processId);
    agent.session.close("gone");
  });

  test("without NATS everything goes on where the agent is, and what it did not hear of comes with the sweep", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    await eventually("the other process to know it", async () => (await left.fleet.agents.counts()).online === 1);
    await cluster.nats.stop();
    try {
      await eventually("the loss to be noticed", () => !left.bus.isConnected && !right.bus.isConnected);
      await left.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
      await eventually("the delivery by the sweep", () => agent.deliveries.length === 1);
    } finally {
      await cluster.nats.start();
    }
    await eventually("the connection again", () => left.bus.isConnected && right.bus.isConnected);
    await left.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
    await eventually("the next delivery", () => agent.deliveries.length === 2);
    agent.session.close("gone");
  });

  test("two processes that are given one request under one key store one command", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agent = await connectTo(right.fleet, "web-1");
    const by = { actor: "admin", idempotencyKey: "k" };
    const answers = await Promise.all(
      [left, right, left, right].map(({ fleet }) => fleet.commands.create(commandSpec({ targets: { all: true } }), by)),
    );
    assert.equal(new Set(answers.map((answer) => answer.command.id)).size, 1);
    agent.session.close("gone");
  });

  test("a limit of runs under way holds across processes", async (t) => {
    const { left, right } = await cluster.openTwo(t);
    const agents = await Promise.all(
      Array.from({ length: 20 }, (_, index) => connectTo((index % 2 === 0 ? left : right).fleet, `host-${index}`)),
    );
    await eventually("all to be known", async () => (await left.fleet.agents.counts()).online === 20);
    const { command } = await left.fleet.commands.create(commandSpec({ targets: { all: true }, concurrency: 3 }), {
      actor: "admin",
    });
    let most = 0;
    await eventually("all to end", async () => {
      const { counts } = await right.fleet.commands.get(command.id);
      most = Math.max(most, counts.delivered + counts.started);
      for (const agent of agents) {
        const delivery = agent.deliveries.shift();
        if (delivery) await agent.session.reportFinished(delivery.runId, runResult());
      }
      return counts.succeeded === 20;
    });
    assert.ok(most <= 3, `${most} were under way`);
    assert.equal((await left.fleet.commands.get(command.id)).status, "completed");
    for (const agent of agents) agent.session.close("gone");
  });

  test("a second process without a bus is refused with the reason", async (t) => {
    const url = await cluster.createDatabase();
    await cluster.open(t, ["first"], url);
    const store = openStore({ database: { kind: "postgres", url, connections: 2 } });
    t.after(() => store.close());
    const { localBus } = await import("../bus/local.ts");
    const alone = new Fleet({ store, bus: localBus(), clock: systemClock, outputLimitBytes: 1024, place: "second" });
    await assert.rejects(alone.start(), /another server process \(first\) uses this database/);
  });
});
