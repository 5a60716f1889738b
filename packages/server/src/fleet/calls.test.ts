import assert from "node:assert/strict";
import { test } from "node:test";
import type { InputAnswer } from "@muster/core/resources";
import { connectTo, NATIVE, openTestFleet, type TestFleet } from "./fleet-for-test.ts";
import { InputHost } from "./input-agent-for-test.ts";

const LIST = { method: "inputs.list" } as const;
const SOON = { timeoutMs: 5000 };

async function openFleet(t: { after(task: () => Promise<void>): void }): Promise<TestFleet> {
  const fleet = await openTestFleet();
  t.after(() => fleet.close());
  return fleet;
}

async function openHeld(t: { after(task: () => Promise<void>): void }) {
  const opened = await openFleet(t);
  const host = new InputHost();
  host.holds = true;
  const agent = await host.connect(opened.fleet, "web-1");
  return { ...opened, host, agent, calls: opened.fleet.calls, id: agent.session.agentId };
}

const text = (answer: InputAnswer) => (answer.ok ? answer.content.toml : answer.failure.code);

test("answers find their calls, in whatever order they come", async (t) => {
  const { calls, host, id } = await openHeld(t);
  const asked = ["a", "b", "c"].map((input) => calls.call(id, { method: "inputs.sample", input }, SOON));
  assert.equal(calls.waiting, 3);
  host.release([2, 0, 1]);
  assert.deepEqual((await Promise.all(asked)).map(text), ["[[inputs.a]]\n", "[[inputs.b]]\n", "[[inputs.c]]\n"]);
  assert.equal(calls.waiting, 0);
});

test("an agent that does not answer in time ends the call, and its late answer changes nothing", async (t) => {
  const { calls, host, id, clock } = await openHeld(t);
  const asked = calls.call(id, LIST, SOON);
  clock.advance(4999);
  assert.equal(calls.waiting, 1);
  clock.advance(1);
  await assert.rejects(asked, { code: "deadline_exceeded" });
  assert.equal(calls.waiting, 0);
  host.release();
});

test("unknown and repeated answers are ignored, and so is another agent's", async (t) => {
  const { fleet, calls, host, id, agent } = await openHeld(t);
  const other = await connectTo(fleet, "web-2", { capabilities: new Set([...NATIVE, "inputs"]) });
  const asked = calls.call(id, { method: "inputs.sample", input: "cpu" }, SOON);
  const callId = host.calls[0]?.callId ?? "";
  const lie: InputAnswer = { ok: true, content: { toml: "a lie" } };
  agent.session.answer("nobody asked", lie);
  other.session.answer(callId, lie);
  host.release();
  agent.session.answer(callId, lie);
  assert.equal(text(await asked), "[[inputs.cpu]]\n");
});

test("a connection that ends fails what waits for it at once, and nothing else", async (t) => {
  const { fleet, calls, agent, id } = await openHeld(t);
  const host = new InputHost();
  host.holds = true;
  const other = await host.connect(fleet, "web-2");
  const lost = calls.call(id, LIST, SOON);
  const kept = calls.call(other.session.agentId, { method: "inputs.sample", input: "mem" }, SOON);
  agent.session.close("gone");
  await assert.rejects(lost, (error: { code: string; details: object }) => {
    assert.deepEqual([error.code, error.details], ["unavailable", { reason: "lost" }]);
    return true;
  });
  host.release();
  assert.equal(text(await kept), "[[inputs.mem]]\n");
});

test("who is not connected, cannot be asked or does not exist is told apart before anything is sent", async (t) => {
  const { fleet } = await openFleet(t);
  const { calls } = fleet;
  const foreign = await connectTo(fleet, "plain");
  await assert.rejects(calls.call(foreign.session.agentId, LIST, SOON), { code: "failed_precondition" });
  foreign.session.close("gone");
  await assert.rejects(calls.call(foreign.session.agentId, LIST, SOON), {
    code: "unavailable",
    details: { reason: "offline" },
  });
  const nobody = "01900000-0000-7000-8000-000000000000" as typeof foreign.session.agentId;
  await assert.rejects(calls.call(nobody, LIST, SOON), { code: "not_found" });
});

test("whoever stops waiting leaves no timer and no call behind", async (t) => {
  const { calls, id, clock } = await openHeld(t);
  const timers = clock.pendingTimers;
  const abort = new AbortController();
  const asked = calls.call(id, LIST, { ...SOON, signal: abort.signal });
  assert.equal(clock.pendingTimers, timers + 1);
  abort.abort();
  await assert.rejects(asked, { code: "unavailable" });
  await assert.rejects(calls.call(id, LIST, { ...SOON, signal: abort.signal }), { code: "unavailable" });
  assert.deepEqual([calls.waiting, clock.pendingTimers], [0, timers]);
});

test("an agent that owes a hundred answers is asked nothing more", async (t) => {
  const { calls, id, agent } = await openHeld(t);
  const asked = Array.from({ length: 100 }, () => calls.call(id, LIST, SOON));
  await assert.rejects(calls.call(id, LIST, SOON), { code: "resource_exhausted" });
  const ends = Promise.allSettled(asked);
  agent.session.close("gone");
  assert.ok((await ends).every(({ status }) => status === "rejected"));
});

test("an answer with an inventory is given out once the inventory is stored", async (t) => {
  const { fleet, calls, host, id } = await openHeld(t);
  host.files.set("old", { inputs: ["cpu"], inputType: "datakit", toml: "[[inputs.cpu]]\n", disabled: false });
  const asked = calls.call(id, LIST, SOON);
  host.release();
  await asked;
  const stored = await fleet.inputs.inventories.list({ id, number: fleet.registry.get(id)?.number ?? 0 });
  assert.deepEqual(
    stored.map((input) => [input.id, input.managed]),
    [["old", false]],
  );
});
