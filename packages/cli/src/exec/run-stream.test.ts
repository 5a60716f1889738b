import assert from "node:assert/strict";
import { test } from "node:test";
import { MusterClient } from "@muster/sdk";
import { startStubServer } from "@muster/testing";
import { makeChunk, makeRun } from "../test-fixtures.ts";
import { RunStream } from "./run-stream.ts";

async function setUp(stored: readonly number[]) {
  const server = await startStubServer((request, response) => {
    const after = Number(new URL(request.url, "http://x").searchParams.get("after"));
    const chunks = stored.filter((seq) => seq > after).map((seq) => makeChunk(seq, "x"));
    response.end(chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(""));
  });
  const seen: number[] = [];
  const client = new MusterClient({ baseUrl: server.baseUrl });
  return { server, seen, stream: new RunStream(client, "r", (chunk) => seen.push(chunk.seq)) };
}

test("chunks that come in order are passed on at once, repeated ones once", async () => {
  const { server, seen, stream } = await setUp([]);
  await using _ = server;
  stream.accept([makeChunk(0, "x"), makeChunk(1, "x")]);
  stream.accept([makeChunk(0, "x"), makeChunk(1, "x"), makeChunk(2, "x")]);
  assert.deepEqual(seen, [0, 1, 2]);
  await stream.complete(makeRun({ stdoutBytes: 3 }));
  assert.equal(server.seen.length, 0);
});

test("a hole is filled from the store before what comes after it", async () => {
  const { server, seen, stream } = await setUp([0, 1, 2, 3]);
  await using _ = server;
  stream.accept([makeChunk(0, "x")]);
  stream.accept([makeChunk(3, "x")]);
  stream.accept([makeChunk(4, "x")]);
  assert.deepEqual(seen, [0]);
  await stream.complete(makeRun({ stdoutBytes: 5 }));
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test("a run that ended before anything was heard is read from the store", async () => {
  const { server, seen, stream } = await setUp([0, 1]);
  await using _ = server;
  await stream.complete(makeRun({ stdoutBytes: 1, stderrBytes: 1 }));
  assert.deepEqual(seen, [0, 1]);
});
