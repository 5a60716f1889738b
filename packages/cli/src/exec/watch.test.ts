import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, LiveEvent, OutputChunk, Run } from "@muster/core/resources";
import { type ConnectLive, MusterClient } from "@muster/sdk";
import { answerJson, ManualClock, type Scope, settle, startStubServer, waitUntil } from "@muster/testing";
import { makeChunk, makeCommand, makeCounts, makeRun } from "../test-fixtures.ts";
import { CommandWatch } from "./watch.ts";

/** A server with one command of one run, whose state the test sets; its live stream is the test itself. */
async function setUp(scope: Scope) {
  const state = { command: makeCommand(), run: makeRun({ status: "started" }), stored: [] as OutputChunk[] };
  const server = await startStubServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://x");
    if (pathname.endsWith("/runs")) return answerJson(response, { items: [state.run], nextCursor: null });
    if (pathname.endsWith("/output")) {
      const chunks = state.stored.filter((chunk) => chunk.seq > Number(searchParams.get("after")));
      return void response.end(chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(""));
    }
    return answerJson(response, state.command);
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const socket = new LiveScript();
  const client = new MusterClient({ baseUrl: server.baseUrl, token: "t" });
  const live = client.live.bind(client);
  client.live = (options) => live({ ...options, connect: socket.connect });
  const clock = new ManualClock();
  const told: string[] = [];
  const left = new AbortController();
  const watch = new CommandWatch(state.command, {
    client,
    clock,
    output: true,
    signal: left.signal,
    listener: {
      onChunk: (_: Run, chunk: OutputChunk) => told.push(`chunk ${chunk.seq}`),
      onRun: (run: Run) => told.push(run.status),
      onRunEnd: () => told.push("end"),
      onCommand: (_: Command) => undefined,
    },
  });
  const finish = () => {
    state.command = makeCommand({ status: "completed", counts: makeCounts({ succeeded: 1 }) });
    state.run = makeRun({ status: "succeeded", stdoutBytes: state.stored.length });
  };
  return { state, socket, clock, told, left, watch, finish };
}

/** The other end of the live stream. */
class LiveScript {
  readonly #listeners = new Map<string, ((event: { data: unknown; code: number; reason: string }) => void)[]>();
  readonly connect: ConnectLive = () => ({
    send: () => undefined,
    close: () => undefined,
    addEventListener: (type: string, listener: never) => {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    },
  });
  get connected(): boolean {
    return this.#listeners.size > 0;
  }
  emit(type: string, event: object = {}): void {
    const listeners = this.#listeners.get(type) ?? [];
    for (const listener of listeners) listener(event as Parameters<typeof listener>[0]);
  }
  tell(event: LiveEvent): void {
    this.emit("message", { data: JSON.stringify(event) });
  }
}

test("output and end come over the live stream, and the stored state has the last word", async (t) => {
  const { state, socket, told, watch, finish } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  socket.emit("open");
  state.stored = [makeChunk(0, "a"), makeChunk(1, "b")];
  socket.tell({ event: "output", sub: 1, runId: "run-1", chunks: [makeChunk(0, "a")] });
  finish();
  socket.tell({ event: "command", sub: 1, command: state.command });
  const { command, runs } = await followed;
  assert.equal(command.status, "completed");
  assert.equal(runs[0]?.status, "succeeded");
  assert.deepEqual(told, ["started", "chunk 0", "succeeded", "chunk 1", "end"]);
});

test("without a live stream the same is polled for", async (t) => {
  const { state, socket, clock, told, watch, finish } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  socket.emit("close", { code: 1006, reason: "" });
  state.stored = [makeChunk(0, "a")];
  finish();
  clock.advance(2000);
  assert.equal((await followed).command.status, "completed");
  assert.deepEqual(told, ["started", "succeeded", "chunk 0", "end"]);
});

test("a late event of an older state does not undo an end", async (t) => {
  const { state, socket, told, watch, finish } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  socket.emit("open");
  socket.tell({ event: "run", sub: 1, run: makeRun({ status: "succeeded" }) });
  await waitUntil("the end", () => told.includes("end"));
  socket.tell({ event: "run", sub: 1, run: makeRun({ status: "started" }) });
  finish();
  socket.tell({ event: "command", sub: 1, command: state.command });
  await followed;
  assert.deepEqual(told, ["started", "succeeded", "end"]);
});

test("a cancelled command is watched until its runs have ended", async (t) => {
  const { state, socket, told, watch, finish } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  socket.emit("open");
  socket.tell({ event: "command", sub: 1, command: makeCommand({ status: "cancelled" }) });
  await settle();
  assert.deepEqual(told, ["started"]);
  finish();
  state.run = makeRun({ status: "cancelled" });
  socket.tell({
    event: "command",
    sub: 1,
    command: makeCommand({ status: "cancelled", finishedAt: state.command.finishedAt }),
  });
  assert.deepEqual(
    (await followed).runs.map((run) => run.status),
    ["cancelled"],
  );
});

test("leaving ends the watch at once and waits for nothing", async (t) => {
  const { socket, left, watch } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  left.abort();
  assert.equal((await followed).command.status, "running");
});

test("a live stream that refuses the subscription ends the watch with its reason", async (t) => {
  const { socket, watch } = await setUp(t);
  const followed = watch.follow();
  await waitUntil("a connection", () => socket.connected);
  socket.emit("open");
  socket.tell({ event: "error", sub: 1, code: "permission_denied", message: "not yours" });
  await assert.rejects(followed, /not yours/);
});
