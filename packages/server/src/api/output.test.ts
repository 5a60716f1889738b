import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Capability } from "@muster/core";
import type { OutputChunk } from "@muster/core/resources";
import { waitUntil } from "@muster/testing";
import type { AgentPeer, AgentSession, Delivery } from "../fleet/session.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const PEER: AgentPeer = {
  onWork() {},
  onCancel() {},
  onSamplesStored() {},
  onBeatInterval() {},
  onDrain() {},
  onEvicted() {},
};

async function startRun(server: TestServer): Promise<{ session: AgentSession; run: Delivery }> {
  const capabilities = new Set<Capability>(["command", "journal", "output"]);
  const hello = { protocol: "node", externalId: "a", facts: {}, remoteAddress: "127.0.0.1", tokenId: null };
  const session = await server.fleet.sessions.open({ ...hello, capabilities }, PEER);
  const token = server.firstRun.apiToken;
  const body = { argv: ["tail", "-f", "log"], env: { SECRET: "value of it" }, targets: { ids: [session.agentId] } };
  const created = await server.request("POST", "/fleet/v1/commands", { token, body });
  assert.equal(created.status, 201);
  const [run] = await session.take(1);
  assert.ok(run);
  await session.reportStarted(run.runId, null);
  return { session, run };
}

function write(session: AgentSession, run: Delivery, seq: number): Promise<number> {
  const bytes = Buffer.from(`line ${seq}\n`);
  return session.reportOutput(run.runId, [{ seq, stream: "stdout", at: Date.now(), bytes, cutBytes: 0 }]);
}

function finish(session: AgentSession, run: Delivery): Promise<void> {
  const nothing = { reason: null, executionMs: null, startedAt: null, output: null, cutBytes: 0, digest: null };
  return session.reportFinished(run.runId, { status: "succeeded", exitCode: 0, ...nothing });
}

/** Collects lines as they come. */
function collect(response: Response): { readonly chunks: OutputChunk[]; ended: boolean } {
  const state: { chunks: OutputChunk[]; ended: boolean } = { chunks: [], ended: false };
  const read = async () => {
    let rest = "";
    for await (const bytes of response.body ?? []) {
      const lines = (rest + Buffer.from(bytes as Uint8Array).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) state.chunks.push(JSON.parse(line));
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      state.ended = true;
    });
  return state;
}

describe("output of a run", () => {
  test("is lines of JSON after any chunk, and ends at once when nobody follows", async (context) => {
    const server = await startTestServer(context);
    const { session, run } = await startRun(server);
    for (let seq = 0; seq < 250; seq++) await write(session, run, seq);
    const token = server.firstRun.apiToken;
    const response = await server.request("GET", `/fleet/v1/runs/${run.runId}/output?after=9`, { token });
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    const lines = (await response.text()).trimEnd().split("\n");
    const seqs = lines.map((line) => (JSON.parse(line) as OutputChunk).seq);
    assert.deepEqual([seqs.length, seqs[0], seqs.at(-1)], [240, 10, 249]);
  });

  test("is followed until the run has ended", async (context) => {
    const server = await startTestServer(context);
    const { session, run } = await startRun(server);
    const token = server.firstRun.apiToken;
    const path = `/fleet/v1/runs/${run.runId}/output?follow=true`;
    // the head comes before there is anything to read
    const followed = collect(await server.request("GET", path, { token }));
    for (let seq = 0; seq < 3; seq++) {
      await write(session, run, seq);
      await waitUntil("the line", () => followed.chunks.length === seq + 1);
    }
    assert.equal(followed.ended, false);
    await finish(session, run);
    await waitUntil("the end", () => followed.ended);
    assert.deepEqual(
      followed.chunks.map((chunk) => chunk.text),
      ["line 0\n", "line 1\n", "line 2\n"],
    );
  });

  test("ends for a follower whose token is revoked, and nothing is kept for one that has gone", async (context) => {
    const server = await startTestServer(context);
    const { run } = await startRun(server);
    const { id, token } = await server.access.tokens.create(
      { name: "ci", scopes: ["viewer"] },
      { name: "test", ownerId: null },
    );
    const path = `/fleet/v1/runs/${run.runId}/output?follow=true`;
    const revoked = collect(await server.request("GET", path, { token }));
    const gone = new AbortController();
    const headers = { authorization: `Bearer ${server.firstRun.apiToken}` };
    await fetch(`${server.url}${path}`, { headers, signal: gone.signal });
    assert.equal(server.fleet.feed.watched, true);
    await server.access.tokens.remove(id);
    await waitUntil("the end", () => revoked.ended);
    gone.abort();
    await waitUntil("silence", () => !server.fleet.feed.watched);
  });

  test("a repeated request with its key is the same command, and the log keeps no value of a variable", async (context) => {
    const server = await startTestServer(context);
    const { session } = await startRun(server);
    const token = server.firstRun.apiToken;
    const body = { text: "uptime", env: { SECRET: "value of it" }, targets: { ids: [session.agentId] } };
    const give = async (more: object = {}) => {
      const headers = { "idempotency-key": "deploy-7" };
      return server.request("POST", "/fleet/v1/commands", { token, headers, body: { ...body, ...more } });
    };
    const first = (await (await give()).json()) as { id: string };
    const again = await give();
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    assert.equal(((await again.json()) as { id: string }).id, first.id);
    assert.equal((await give({ text: "reboot" })).status, 409);
    const { items } = await server.access.audit.list({ limit: 10, action: "commands.create" });
    assert.ok(items.length >= 2 && !JSON.stringify(items).includes("value of it"));
    assert.deepEqual(items[0]?.details.envNames, ["SECRET"]);
  });

  test("a key belongs to its caller, whatever others are called", async (context) => {
    const server = await startTestServer(context);
    const { session } = await startRun(server);
    const body = { text: "uptime", targets: { ids: [session.agentId] } };
    const ids: string[] = [];
    for (let round = 0; round < 2; round++) {
      const { token } = await server.access.tokens.create(
        { name: "ci", scopes: ["operator"] },
        { name: "a", ownerId: null },
      );
      const headers = { "idempotency-key": "deploy-7" };
      const answer = await server.request("POST", "/fleet/v1/commands", { token, headers, body });
      ids.push(((await answer.json()) as { id: string }).id);
    }
    assert.equal(new Set(ids).size, 2);
  });
});
