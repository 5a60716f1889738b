import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MusterError } from "@muster/core";
import { describeCluster, eventually } from "./cluster-for-test.ts";
import { cpu, InputHost } from "./input-agent-for-test.ts";

describeCluster("inputs of agents that another process holds", (cluster) => {
  async function openHost(t: TestContext) {
    const { left, right } = await cluster.openTwo(t);
    const host = new InputHost();
    const agent = await host.connect(right.fleet, "web-1");
    const id = agent.session.agentId;
    await eventually("the other process to know it", async () => (await left.fleet.agents.get(id)).status === "online");
    return { left, right, host, agent, id };
  }

  test("they are changed through any process, and its watchers hear of it", async (t) => {
    const { left, right, host, id } = await openHost(t);
    const heard: string[] = [];
    left.fleet.feed.subscribe((event) => event.kind === "inputs" && heard.push(event.agentId));
    const added = await left.fleet.inputs.add(id, cpu(10), "ann");
    assert.deepEqual([added.status, added.revision, host.files.size], ["running", 1, 1]);
    assert.deepEqual(await right.fleet.inputs.list(id), await left.fleet.inputs.list(id));
    assert.equal((await left.fleet.inputs.get(id, added.id)).toml, cpu(10).toml);
    host.refusal = { code: "datakit.invalidConfig", status: 400, message: "no", line: 2, column: 1 };
    await assert.rejects(left.fleet.inputs.change(id, added.id, cpu(20), "ann"), (error: MusterError) => {
      assert.deepEqual([error.details.reason, error.details.line], ["datakit.invalidConfig", 2]);
      return true;
    });
    host.refusal = undefined;
    host.holds = true;
    const abort = new AbortController();
    const options = { timeoutMs: 10_000, signal: abort.signal };
    const abandoned = left.fleet.calls.call(id, { method: "inputs.list" }, options);
    abort.abort();
    await assert.rejects(abandoned, { code: "unavailable", details: { reason: "lost" } });
    host.holds = false;
    await eventually("a watcher of the other process to hear of it", async () => {
      await right.fleet.inputs.list(id);
      return heard.includes(id);
    });
  });

  test("of requests that race for the same meaning on two processes one wins, every time", async (t) => {
    const { left, right, host, id } = await openHost(t);
    for (let round = 1; round <= 10; round++) {
      const racing = [left, right, left, right].map(({ fleet }) => fleet.inputs.add(id, cpu(round), "ann"));
      const ends = await Promise.allSettled(racing);
      assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
      for (const end of ends)
        if (end.status === "rejected") assert.equal(end.reason.details.reason, "dataway.duplicateInput");
      assert.equal(host.files.size, round);
    }
  });

  test("of changes that race for one input on two processes one wins, and its text is what the host has", async (t) => {
    const { left, right, host, id } = await openHost(t);
    const { id: inputId } = await left.fleet.inputs.add(id, cpu(1), "ann");
    for (let round = 1; round <= 5; round++) {
      const base = { baseRevision: round };
      const ends = await Promise.allSettled([
        left.fleet.inputs.change(id, inputId, { ...cpu(round * 10), ...base }, "left"),
        right.fleet.inputs.change(id, inputId, { ...cpu(round * 10 + 1), ...base }, "right"),
      ]);
      assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
      const [newest] = await left.fleet.inputs.revisions(id, inputId);
      assert.deepEqual([newest?.revision, newest?.toml], [round + 1, host.files.get(inputId)?.toml]);
    }
  });

  test("a process that dies with the agent's answer leaves the outcome open, and the agent's return settles it", async (t) => {
    const { left, right, host, id } = await openHost(t);
    host.holds = true;
    const lost = left.fleet.inputs.add(id, cpu(10), "ann").catch((error: MusterError) => error);
    await eventually("the call to arrive", () => host.calls.length === 1);
    await right.vanish();
    const error = (await lost) as MusterError;
    assert.deepEqual([error.code, error.details.reason, error.details.outcome], ["unavailable", "lost", "unknown"]);
    const inputId = String(error.details.inputId);
    host.holds = false;
    host.files.set(inputId, { inputs: ["cpu"], inputType: "datakit", toml: cpu(10).toml, disabled: false });
    const back = await host.connect(left.fleet, "web-1");
    back.session.reportInputs(host.inventory());
    await eventually(
      "the outcome",
      async () => (await left.fleet.inputs.revisions(id, inputId))[0]?.outcome === "applied",
    );
    back.session.close("gone");
  });
});
