import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreFrame, NodeErrorCode } from "@muster/protocols/node";
import { ManualClock } from "@muster/testing";
import { buildSocketUrl } from "./address.ts";
import { Conversation, type Step } from "./conversation.ts";
import { readOrder } from "./orders.ts";
import { askedWaitMs, backoffMs, ReconnectPlan } from "./reconnect.ts";
import { RunFlow } from "./run-flow.ts";

test("the address is that of the node door, with the token only when asked for", () => {
  assert.equal(buildSocketUrl("http://h:9999", "node 1&x"), "ws://h:9999/api/v1/ws?node_id=node+1%26x");
  assert.equal(buildSocketUrl("https://h/", "n"), "wss://h/api/v1/ws?node_id=n");
  assert.equal(buildSocketUrl("wss://user:pw@h/prefix/", "n"), "wss://h/prefix/api/v1/ws?node_id=n");
  assert.equal(buildSocketUrl("ws://h/api/v1/ws", "n", "t/k"), "ws://h/api/v1/ws?token=t%2Fk&node_id=n");
});

const LIMITS = { minMs: 5000, maxMs: 60_000 };

test("the wait is drawn from a range that starts small and doubles up to the longest", () => {
  const at = (attempt: number, random: number) => backoffMs(attempt, { ...LIMITS, random: () => random });
  for (const attempt of [0, 1, 2, 3, 10, 1000]) assert.equal(at(attempt, 0), 5000);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 1000].map((attempt) => Math.round(at(attempt, 0.9999999))),
    [10_000, 20_000, 40_000, 60_000, 60_000, 60_000],
  );
  assert.equal(at(10, 0.5), 32_500);
});

test("a thousand agents that lost their server together come back evenly over the range", () => {
  const waits = Array.from({ length: 1000 }, () => backoffMs(0, { ...LIMITS, random: Math.random }));
  for (let slot = 0; slot < 5; slot++) {
    const count = waits.filter((wait) => wait >= 5000 + slot * 1000 && wait < 6000 + slot * 1000).length;
    assert.ok(count > 100 && count < 300, `${count} in second ${slot}`);
  }
});

test("Retry-After is waited for and never shortened; up to a quarter more, at least a second, spreads who was told the same", () => {
  assert.equal(
    askedWaitMs(20_000, () => 0),
    20_000,
  );
  assert.equal(
    askedWaitMs(20_000, () => 0.5),
    22_500,
  );
  assert.equal(
    askedWaitMs(1000, () => 0.5),
    1500,
  );
});

test("a lost server is tried again itself; one that cannot be reached makes way for the next, with a wait per round", () => {
  const plan = new ReconnectPlan({ ...LIMITS, servers: 3, random: () => 0 });
  assert.deepEqual(plan.next({ kind: "lost" }), { server: 0, delayMs: 5000 });
  assert.deepEqual(plan.next({ kind: "unreachable" }), { server: 1, delayMs: 0 });
  assert.deepEqual(plan.next({ kind: "unreachable" }), { server: 2, delayMs: 0 });
  assert.deepEqual(plan.next({ kind: "unreachable" }), { server: 0, delayMs: 5000 });
  plan.succeed();
  assert.deepEqual(plan.next({ kind: "lost" }), { server: 0, delayMs: 5000 });
});

test("a refused token waits long, a drain waits as told, and no server may ask for more than ten minutes", () => {
  const plan = new ReconnectPlan({ ...LIMITS, servers: 1, random: () => 0 });
  assert.deepEqual(plan.next({ kind: "unauthorized" }), { server: 0, delayMs: 45_000 });
  assert.deepEqual(plan.next({ kind: "drained", afterMs: 123 }), { server: 0, delayMs: 123 });
  assert.deepEqual(plan.next({ kind: "drained", afterMs: 1e9 }), { server: 0, delayMs: 600_000 });
  assert.deepEqual(plan.next({ kind: "unreachable", waitMs: 30_000 }), { server: 0, delayMs: 30_000 });
  assert.deepEqual(plan.next({ kind: "unreachable", waitMs: 1e9 }), { server: 0, delayMs: 600_000 });
});

test("being told when to come back does not make later waits longer", () => {
  const plan = new ReconnectPlan({ ...LIMITS, servers: 1, random: () => 0.999999 });
  for (let refusals = 0; refusals < 5; refusals++) plan.next({ kind: "unreachable", waitMs: 1000 });
  assert.equal(Math.round(plan.next({ kind: "lost" }).delayMs), 10_000);
});

test("output flows within a window, then the result, and the run is settled when both are stored", () => {
  const flow = new RunFlow({ through: -1, streams: true, now: 0 });
  const run = { lastSeq: 5, isFinished: true };
  assert.equal(flow.next(run, 0), "output");
  flow.outputSent(2, 300_000, 0);
  assert.equal(flow.next(run, 0), "wait", "the window is full");
  flow.outputStored(2, 10);
  assert.equal(flow.next(run, 10), "output");
  flow.outputSent(5, 10, 10);
  assert.equal(flow.next(run, 10), "result");
  flow.resultSent(10);
  assert.equal(flow.next(run, 10), "wait");
  flow.resultStored();
  assert.equal(flow.next(run, 20), "wait", "output is not stored yet");
  flow.outputStored(5, 30);
  assert.equal(flow.next(run, 30), "settle");
});

test("what is not confirmed in time is sent again from the last confirmed chunk", () => {
  const flow = new RunFlow({ through: 3, streams: true, now: 0 });
  const run = { lastSeq: 9, isFinished: false };
  flow.outputSent(6, 10, 0);
  flow.outputSent(9, 10, 0);
  flow.outputStored(6, 1000);
  assert.equal(flow.next(run, 30_000), "wait");
  assert.equal(flow.next(run, 31_001), "output");
  assert.equal(flow.sent, 6);
});

test("a result that is not acknowledged is sent again after half a minute", () => {
  const flow = new RunFlow({ through: -1, streams: false, now: 0 });
  const run = { lastSeq: 4, isFinished: true };
  assert.equal(flow.next(run, 0), "result", "without streaming the output is within the result");
  flow.resultSent(0);
  assert.equal(flow.next(run, 30_000), "wait");
  assert.equal(flow.next(run, 30_001), "result");
  flow.resultStored();
  assert.equal(flow.next(run, 30_002), "settle");
});

test("what the server could not store is sent again within seconds", () => {
  const flow = new RunFlow({ through: -1, streams: true, now: 100_000 });
  const run = { lastSeq: 0, isFinished: true };
  flow.outputSent(0, 10, 100_000);
  flow.resultSent(100_000);
  flow.notStored(100_100);
  assert.equal(flow.next(run, 105_000), "wait");
  assert.equal(flow.next(run, 105_101), "output");
  flow.outputSent(0, 10, 105_101);
  assert.equal(flow.next(run, 105_101), "result");
});

test("a server that stores the result and never the output does not hold the run for ever", () => {
  const flow = new RunFlow({ through: -1, streams: true, now: 0 });
  const run = { lastSeq: 0, isFinished: true };
  flow.outputSent(0, 10, 0);
  flow.resultSent(0);
  flow.resultStored();
  const steps: string[] = [];
  for (let now = 31_000; steps.at(-1) !== "settle" && now < 600_000; now += 31_000) {
    const step = flow.next(run, now);
    steps.push(step);
    if (step === "output") flow.outputSent(0, 10, now);
  }
  assert.equal(steps.at(-1), "settle");
  assert.ok(steps.length <= 5);
});

test("an order's expiry is moved to the agent's clock and its limits are bounded", () => {
  const clock = new ManualClock(1_000_000);
  const frame = (muster?: object) =>
    ({
      type: "execute_command",
      id: "env",
      timestamp: "",
      data: { command_id: "c", command_text: "uptime", timeout: 30, ...(muster ? { muster } : {}) },
    }) as Extract<CoreFrame, { type: "execute_command" }>;
  const native = {
    timeout_ms: 1e12,
    grace_ms: -5,
    output_limit_bytes: 1e12,
    expires_at: 55_000,
    sent_at: 50_000,
    argv: ["a"],
  };
  const order = readOrder(frame(native), clock);
  assert.equal(order.expiresAt, 1_005_000);
  assert.deepEqual([order.timeoutMs, order.graceMs, order.outputLimitBytes], [2 ** 31 - 1, 0, 4 * 1024 * 1024]);
  assert.deepEqual([order.text, order.argv], [null, ["a"]]);
  const seed = readOrder(frame(), clock);
  assert.deepEqual([seed.text, seed.argv, seed.timeoutMs, seed.expiresAt], ["uptime", null, 30_000, null]);
});

function makeConversation(hasOthers = true) {
  const clock = new ManualClock();
  let serial = 0;
  const conversation = new Conversation({
    clock,
    hasOthers,
    newMessageId: () => `m${++serial}`,
    describe: () => ({ node_id: "n", hostname: "h", ip_address: "127.0.0.1" }),
  });
  const receive = (type: CoreFrame["type"], content: object, id = "x") =>
    conversation.receive({ type, id, timestamp: "", data: content } as CoreFrame);
  const register = (muster?: object) => {
    conversation.open();
    return receive("register_response", { success: true, message: "", node_id: "n", ...(muster ? { muster } : {}) });
  };
  return { clock, conversation, receive, register };
}

const kinds = (steps: readonly Step[]) =>
  steps.map((step) => (step.do === "send" ? `send ${step.frame.type}` : step.do));
const NATIVE = {
  protocol: 1,
  capabilities: [],
  beat_ms: 3000,
  stored_through: null,
  cancel: [],
  forget: [],
  output_through: {},
};

test("it registers at once, welcome or not, and is ready when answered", () => {
  const { conversation, receive } = makeConversation();
  assert.deepEqual(kinds(conversation.open()), ["send node_register"]);
  assert.deepEqual(receive("welcome", { message: "", node_id: "n" }), []);
  assert.equal(conversation.isReady, false);
  const steps = receive("register_response", { success: true, message: "", node_id: "n", muster: NATIVE });
  assert.deepEqual(steps, [{ do: "ready", welcome: NATIVE, beatMs: 3000 }]);
  assert.equal(conversation.isReady, true);
  assert.deepEqual(receive("welcome", { message: "late", node_id: "n" }), []);
});

test("an original core is given a beat of ten seconds and no extension", () => {
  const { register } = makeConversation();
  assert.deepEqual(register(), [{ do: "ready", welcome: null, beatMs: 10_000 }]);
});

test("the beat follows what acknowledgements announce, within bounds, once per change", () => {
  const { register, receive } = makeConversation();
  register(NATIVE);
  const ack = (beat?: number) =>
    receive("heartbeat_ack", { received: true, node_id: "n", metrics_saved: true, muster: { beat_ms: beat } });
  assert.deepEqual(ack(), []);
  assert.deepEqual(ack(3000), []);
  assert.deepEqual(ack(30_000), [{ do: "beat_interval", beatMs: 30_000 }]);
  assert.deepEqual(ack(1), [{ do: "beat_interval", beatMs: 500 }]);
});

test("a silent server is given up after three beats, and any frame counts as life", () => {
  const { clock, conversation, register, receive } = makeConversation();
  register({ ...NATIVE, beat_ms: 10_000 });
  clock.advance(31_000);
  assert.deepEqual(conversation.tick(), []);
  receive("metrics_response", { success: true, message: "", node_id: "n", metric_id: 1 });
  clock.advance(31_000);
  assert.deepEqual(conversation.tick(), []);
  conversation.receiveUnreadable();
  clock.advance(31_001);
  const [step] = conversation.tick();
  assert.deepEqual(step, { do: "close", reason: "the server has been silent", end: { kind: "lost" } });
});

test("a registration without an answer is repeated once and then the connection is given up", () => {
  const { clock, conversation } = makeConversation();
  conversation.open();
  clock.advance(15_001);
  assert.deepEqual(kinds(conversation.tick()), ["send node_register"]);
  clock.advance(15_001);
  assert.deepEqual(kinds(conversation.tick()), ["close"]);
});

test("each error code is answered as the seed advises, and only a refused token ends the connection", () => {
  const error = (code: string) => ({ error_code: code, message: "", details: "" });
  const expected: Record<NodeErrorCode | "SAVE_METRICS_FAILED", string[]> = {
    INVALID_TOKEN: ["close"],
    NODE_NOT_FOUND: ["warn", "send node_register"],
    COMMAND_TIMEOUT: ["warn"],
    PARSE_ERROR: ["warn"],
    UNKNOWN_MESSAGE_TYPE: ["warn"],
    DATABASE_ERROR: ["warn"],
    INVALID_REGISTER_DATA: ["warn"],
    INVALID_METRIC_DATA: ["warn"],
    SAVE_METRICS_FAILED: ["warn"],
  };
  for (const [code, steps] of Object.entries(expected)) {
    const { register, receive } = makeConversation();
    register(NATIVE);
    assert.deepEqual(kinds(receive("error", error(code))), steps, code);
  }
});

test("a registration that the server does not accept is repeated, more and more rarely", () => {
  const { clock, conversation, receive } = makeConversation();
  conversation.open();
  for (const waitMs of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    const error = { error_code: "INVALID_REGISTER_DATA", message: "", details: "" };
    assert.deepEqual(kinds(receive("error", error)), ["warn"]);
    clock.advance(waitMs - 1);
    assert.deepEqual(kinds(conversation.tick()), []);
    clock.advance(1);
    assert.deepEqual(kinds(conversation.tick()), ["send node_register"]);
  }
  assert.deepEqual(kinds(receive("register_response", { success: false, message: "no", node_id: "n" })), ["warn"]);
  assert.deepEqual(kinds(receive("register_response", { success: true, message: "", node_id: "n" })), ["ready"]);
});

const AWAY = { error_code: "DATABASE_ERROR", message: "", details: "" };

test("a server that twice cannot store the registration is left", () => {
  const { clock, conversation, receive } = makeConversation();
  conversation.open();
  assert.deepEqual(kinds(receive("error", AWAY)), ["warn"]);
  clock.advance(5000);
  assert.deepEqual(kinds(conversation.tick()), ["send node_register"]);
  const reason = "the server cannot reach its database";
  assert.deepEqual(receive("error", AWAY), [{ do: "close", reason, end: { kind: "turned_away" } }]);
});

test("a server that twice in a row cannot store a report is left; beats that it could not store do not count", () => {
  const { conversation, register, receive } = makeConversation();
  register(NATIVE);
  for (const id of ["r1", "r2", "r3", "r4"]) conversation.owe(id);
  for (let beat = 0; beat < 5; beat++) assert.deepEqual(kinds(receive("error", AWAY, `beat-${beat}`)), ["warn"]);
  assert.deepEqual(kinds(receive("error", AWAY, "r1")), ["not_stored", "warn"]);
  receive("command_received", { received: true, node_id: "n", command_id: "c" }, "r2");
  assert.deepEqual(kinds(receive("error", AWAY, "r3")), ["not_stored", "warn"], "one was stored in between");
  assert.deepEqual(kinds(receive("error", AWAY, "r4")), ["close"]);
});

test("the only server is left when it has not been able to store for half a minute", () => {
  const { clock, conversation, register, receive } = makeConversation(false);
  register(NATIVE);
  for (const id of ["r1", "r2", "r3"]) conversation.owe(id);
  assert.deepEqual(kinds(receive("error", AWAY, "r1")), ["not_stored", "warn"]);
  clock.advance(29_999);
  assert.deepEqual(kinds(receive("error", AWAY, "r2")), ["not_stored", "warn"]);
  clock.advance(1);
  assert.deepEqual(kinds(receive("error", AWAY, "r3")), ["close"]);
});

test("after a server that cannot store comes the next, always with a wait that grows", () => {
  const plan = new ReconnectPlan({ ...LIMITS, servers: 2, random: () => 0.999999 });
  const next = () => {
    const { server, delayMs } = plan.next({ kind: "turned_away" });
    return [server, Math.round(delayMs)];
  };
  assert.deepEqual(
    [next(), next(), next()],
    [
      [1, 10_000],
      [0, 20_000],
      [1, 40_000],
    ],
  );
});

test("a drain ends the connection and says when to come back", () => {
  const { register, receive } = makeConversation();
  register(NATIVE);
  const steps = receive("reconnect", { after_ms: 2500, reason: "the server stops" });
  assert.deepEqual(steps, [{ do: "close", reason: "the server stops", end: { kind: "drained", afterMs: 2500 } }]);
});
