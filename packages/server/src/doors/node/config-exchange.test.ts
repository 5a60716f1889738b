import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { waitUntil } from "@muster/testing";
import { NodeBench, type Peer } from "./test-bench.ts";

// our own extension: docs/protocols/node.md, "Configs"

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

interface Told {
  readonly name: string;
  readonly revision: number;
  readonly text?: string;
}

async function connect(
  t: Parameters<NodeBench["connect"]>[0],
  bench: NodeBench,
  capabilities: readonly string[] = ["configs", "verdict"],
): Promise<Peer> {
  const peer = await bench.connect(t, { node_id: "m-1" });
  const muster = { protocol: 1, version: "0.1.0", capabilities, now: bench.clock.now(), runs: [] };
  peer.register("m-1", { muster });
  await peer.nextOf("register_response");
  return peer;
}

async function give(bench: NodeBench, name: string, text: string, kind = "file"): Promise<string> {
  const { id } = await bench.fleet.configs.create({ name, kind, text }, "eve");
  await bench.fleet.configs.assign(id, "default", undefined, "eve");
  return id;
}

const held = (name: string, revision: number, text: string, more: object = {}) => ({
  ...{ name, kind: "file", revision, status: "applied", error: null, given: digestOf(text), digest: digestOf(text) },
  ...more,
});

const nextConfigs = async (peer: Peer): Promise<Told[]> => {
  const { data } = await peer.nextOf("configs");
  return data.configs.map(({ name, revision, text }: Told) => ({
    name,
    revision,
    ...(text === undefined ? {} : { text }),
  }));
};

async function truthOf(bench: NodeBench, id: string) {
  await bench.fleet.configs.flush();
  const { items } = await bench.fleet.configs.agentsOf(id, { limit: 10 });
  const [truth] = items;
  return truth && [truth.wanted, truth.applied, truth.status, truth.error, truth.drifted];
}

test("an agent says what it has and is told what it should have, with the texts that it lacks", async (t) => {
  const bench = await NodeBench.open(t);
  const a = await give(bench, "a", "one");
  await give(bench, "b", "two");
  await give(bench, "p", "{}", "pipeline");
  const peer = await connect(t, bench);
  await peer.sync();
  assert.ok(
    peer.frames.every(({ type }) => type !== "configs"),
    "nothing before it has said anything",
  );
  peer.send("config_report", { held: [held("a", 1, "one")] });
  assert.deepEqual(await nextConfigs(peer), [
    { name: "a", revision: 1 },
    { name: "b", revision: 1, text: "two" },
  ]);
  assert.deepEqual(await truthOf(bench, a), [1, 1, "applied", null, false]);

  await bench.fleet.configs.change(a, { text: "one more" }, "eve", { give: true });
  assert.deepEqual(await nextConfigs(peer), [
    { name: "a", revision: 2, text: "one more" },
    { name: "b", revision: 1 },
  ]);
  peer.send("config_report", { held: [held("a", 2, "one more", { digest: digestOf("edited") }), held("b", 1, "two")] });
  await peer.sync();
  assert.deepEqual(await truthOf(bench, a), [2, 2, "applied", null, true], "what somebody changed by hand is shown");
  await bench.fleet.configs.unassign(a, "default", "eve");
  assert.deepEqual(await nextConfigs(peer), [{ name: "b", revision: 1 }]);
});

test("a revision that failed is shown with its error, is not sent again until somebody says so, and the last good one stays", async (t) => {
  const bench = await NodeBench.open(t);
  const id = await give(bench, "a", "good");
  const peer = await connect(t, bench);
  peer.send("config_report", { held: [] });
  assert.deepEqual(await nextConfigs(peer), [{ name: "a", revision: 1, text: "good" }]);
  peer.send("config_report", { held: [held("a", 1, "good")] });
  await peer.sync();
  await bench.fleet.configs.change(id, { text: "bad" }, "eve", { give: true });
  assert.deepEqual(await nextConfigs(peer), [{ name: "a", revision: 2, text: "bad" }]);
  const failed = held("a", 2, "good", { status: "failed", error: "line 1" });
  peer.send("config_report", { held: [failed] });
  assert.deepEqual(await nextConfigs(peer), [{ name: "a", revision: 1 }]);
  assert.deepEqual(await truthOf(bench, id), [2, 1, "failed", "line 1", false]);
  await peer.close();

  const again = await connect(t, bench);
  again.send("config_report", { held: [failed] });
  assert.deepEqual(await nextConfigs(again), [{ name: "a", revision: 1 }]);
  const agent = await bench.fleet.agents.findByExternalId("node", "m-1");
  await bench.fleet.configs.retry(agent?.id ?? "", id, "eve");
  assert.deepEqual(await nextConfigs(again), [{ name: "a", revision: 2, text: "bad" }]);
});

test("texts that do not go into one frame follow, each once", async (t) => {
  const bench = await NodeBench.open(t);
  const text = (name: string) => name.repeat(1024 * 1024);
  for (const name of ["a", "b", "c", "d", "e", "f"]) await give(bench, name, text(name));
  const peer = await connect(t, bench);
  peer.send("config_report", { held: [] });
  const names = (told: Told[]) => told.filter((config) => config.text !== undefined).map(({ name }) => name);
  const first = await nextConfigs(peer);
  assert.equal(first.length, 6);
  assert.deepEqual(names(first), ["a", "b", "c"]);
  peer.send("config_report", { held: [held("a", 1, text("a"))] });
  assert.deepEqual(names(await nextConfigs(peer)), ["d", "e", "f"]);
});

test("an agent without the capability never sees a frame, and its reports are refused", async (t) => {
  const bench = await NodeBench.open(t);
  const id = await give(bench, "a", "one");
  const peer = await connect(t, bench, ["command", "inputs"]);
  peer.send("config_report", { held: [] }, "r-1");
  const error = await peer.nextOf("error");
  assert.equal(error.data.error_code, "UNKNOWN_MESSAGE_TYPE");
  const foreign = await bench.connect(t, { node_id: "m-2" });
  foreign.register("m-2");
  await foreign.nextOf("register_response");
  await bench.fleet.configs.change(id, { text: "two" }, "eve", { give: true });
  await waitUntil("it is stored", async () => (await bench.fleet.configs.get(id)).revision === 2);
  for (const each of [peer, foreign]) {
    await each.sync();
    assert.ok(each.frames.every(({ type }) => type !== "configs"));
  }
});
