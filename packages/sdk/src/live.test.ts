import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveEvent } from "@muster/core/resources";
import { ManualClock } from "@muster/testing";
import { LiveClient, type LiveSocket, type LiveState } from "./index.ts";

type Listener = (event: { data: unknown; code: number; reason: string }) => void;

/** The server's end of one socket, driven by the test. */
class ScriptedSocket implements LiveSocket {
  readonly sent: unknown[] = [];
  closed = false;
  readonly #listeners = new Map<string, Listener[]>();

  addEventListener(type: string, listener: unknown): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener as Listener]);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  emit(type: string, event: Partial<Parameters<Listener>[0]> = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as Parameters<Listener>[0]);
  }
  tell(event: LiveEvent): void {
    this.emit("message", { data: JSON.stringify(event) });
  }
}

function setUp() {
  const sockets: ScriptedSocket[] = [];
  const states: LiveState[] = [];
  const clock = new ManualClock();
  const live = new LiveClient({
    url: "ws://muster/fleet/v1/live",
    headers: { authorization: "Bearer t" },
    clock,
    random: () => 1,
    onState: (state) => states.push(state),
    connect: (url, headers) => {
      assert.equal(url, "ws://muster/fleet/v1/live");
      assert.equal(headers.authorization, "Bearer t");
      const socket = new ScriptedSocket();
      sockets.push(socket);
      return socket;
    },
  });
  const socket = (index: number) => sockets[index] ?? assert.fail(`there is no socket ${index}`);
  return { live, clock, states, sockets, socket };
}

const chunk = (seq: number) => ({ seq, stream: "stdout" as const, at: "2026-01-01T00:00:00.000Z", text: "x" });

test("the first subscription connects, and events reach the subscriber whose number they carry", () => {
  const { live, sockets, socket } = setUp();
  assert.equal(sockets.length, 0);
  const fleet: string[] = [];
  const commands: string[] = [];
  live.subscribe({ op: "fleet" }, (event) => fleet.push(event.event));
  live.subscribe({ op: "commands" }, (event) => commands.push(event.event));
  socket(0).emit("open");
  assert.deepEqual(socket(0).sent, [
    { op: "fleet", sub: 1 },
    { op: "commands", sub: 2 },
  ]);
  socket(0).tell({ event: "ready", sub: 2 });
  socket(0).tell({ event: "lagged", sub: 1, dropped: 4 });
  assert.deepEqual([fleet, commands], [["lagged"], ["ready"]]);
});

test("a subscriber that left is told nothing more and the server hears of it", () => {
  const { live, socket } = setUp();
  const heard: string[] = [];
  const unsubscribe = live.subscribe({ op: "fleet" }, (event) => heard.push(event.event));
  socket(0).emit("open");
  unsubscribe();
  unsubscribe();
  socket(0).tell({ event: "ready", sub: 1 });
  assert.deepEqual(heard, []);
  assert.deepEqual(socket(0).sent.at(-1), { op: "stop", sub: 1 });
  assert.equal(socket(0).sent.length, 2);
});

test("a broken connection is made again, later each time, and output goes on after the last chunk", () => {
  const { live, clock, socket, sockets, states } = setUp();
  live.subscribe({ op: "output", runId: "r" }, () => undefined);
  socket(0).emit("open");
  socket(0).tell({ event: "output", sub: 1, runId: "r", chunks: [chunk(0), chunk(1)] });
  socket(0).emit("close", { code: 1006, reason: "" });
  assert.deepEqual(live.state, { phase: "waiting", retryAt: clock.now() + 500, reason: "closed with 1006" });
  clock.advance(500);
  socket(1).emit("error");
  socket(1).emit("close", { code: 1006, reason: "" });
  clock.advance(999);
  assert.equal(sockets.length, 2);
  clock.advance(1);
  socket(2).emit("open");
  assert.deepEqual(socket(2).sent, [{ op: "output", runId: "r", after: 1, sub: 1 }]);
  assert.deepEqual(
    states.map(({ phase }) => phase),
    ["connecting", "open", "waiting", "connecting", "waiting", "connecting", "open"],
  );
});

test("a server that answers nothing to pings is given up", () => {
  const { live, clock, socket, sockets } = setUp();
  live.subscribe({ op: "fleet" }, () => undefined);
  socket(0).emit("open");
  clock.advance(40_000);
  assert.deepEqual(socket(0).sent.slice(1), [{ op: "ping" }, { op: "ping" }]);
  socket(0).tell({ event: "pong" });
  clock.advance(40_000);
  assert.equal(sockets.length, 1);
  clock.advance(20_000);
  assert.ok(socket(0).closed);
  clock.advance(1000);
  assert.equal(sockets.length, 2);
});

test("a socket that never opens is given up as well", () => {
  const { live, clock, sockets } = setUp();
  live.subscribe({ op: "fleet" }, () => undefined);
  clock.advance(62_000);
  assert.equal(sockets.length, 2);
  live.close();
});

test("whose session has ended is not let in by asking again, until somebody logs in anew", () => {
  const { live, clock, socket, sockets } = setUp();
  live.subscribe({ op: "fleet" }, () => undefined);
  socket(0).emit("open");
  socket(0).emit("close", { code: 4401, reason: "the session or token has ended" });
  assert.deepEqual(live.state, { phase: "signed_out" });
  clock.advance(100_000);
  assert.equal(sockets.length, 1);
  live.reconnect();
  assert.equal(sockets.length, 2);
});

test("closing is final: no state, no event, no connection follows", () => {
  const { live, clock, socket, sockets, states } = setUp();
  live.subscribe({ op: "fleet" }, () => assert.fail("closed"));
  socket(0).emit("open");
  live.close();
  socket(0).tell({ event: "ready", sub: 1 });
  socket(0).emit("close", { code: 1000, reason: "" });
  clock.advance(100_000);
  assert.ok(socket(0).closed);
  assert.equal(sockets.length, 1);
  assert.equal(states.at(-1)?.phase, "closed");
});

test("what is no event of ours is ignored", () => {
  const { live, socket } = setUp();
  live.subscribe({ op: "fleet" }, () => assert.fail("nothing was sent"));
  socket(0).emit("open");
  for (const data of ["{", "[]", "null", '"x"', '{"event":"agent"}', '{"event":"agent","sub":9}', new ArrayBuffer(1)]) {
    socket(0).emit("message", { data });
  }
  live.close();
});
