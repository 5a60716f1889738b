import assert from "node:assert/strict";
import { test } from "node:test";
import { startStubServer } from "@muster/testing";
import { collectAll, MusterClient } from "./index.ts";

const chunk = (seq: number) =>
  `${JSON.stringify({ seq, stream: "stdout", at: "2026-01-01T00:00:00.000Z", text: "é" })}\n`;
const seqs = (chunks: readonly { seq: number }[]) => chunks.map(({ seq }) => seq);

test("output is read line by line, also when a character is split between two packets", async () => {
  await using server = await startStubServer((_, response) => {
    const bytes = Buffer.from(`${chunk(0)}\n${chunk(1)}`);
    const half = bytes.indexOf(0xc3) + 1;
    response.write(bytes.subarray(0, half));
    setImmediate(() => response.end(bytes.subarray(half)));
  });
  const chunks = await collectAll(new MusterClient({ baseUrl: server.baseUrl }).runs.output("r"));
  assert.deepEqual(seqs(chunks), [0, 1]);
  assert.equal(chunks[0]?.text, "é");
});

test("a followed output that breaks goes on after the last chunk seen", async () => {
  await using server = await startStubServer((request, response) => {
    if (request.url.includes("after=1")) response.end(chunk(2));
    else response.write(chunk(0) + chunk(1), () => setImmediate(() => response.destroy()));
  });
  const client = new MusterClient({ baseUrl: server.baseUrl });
  assert.deepEqual(seqs(await collectAll(client.runs.output("r", { follow: true }))), [0, 1, 2]);
  assert.equal(server.seen.length, 2);
});

test("a followed output that never brings anything is given up", async () => {
  await using server = await startStubServer((_, response) => void response.destroy());
  const client = new MusterClient({ baseUrl: server.baseUrl });
  await assert.rejects(collectAll(client.runs.output("r", { follow: true })), { code: "unavailable" });
  assert.equal(server.seen.length, 3);
});

test("leaving the loop ends the request", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  await using server = await startStubServer((_, response) => {
    response.on("close", resolve);
    response.write(chunk(0));
  });
  const client = new MusterClient({ baseUrl: server.baseUrl });
  for await (const first of client.runs.output("r", { follow: true })) {
    assert.equal(first.seq, 0);
    break;
  }
  await closed;
});
