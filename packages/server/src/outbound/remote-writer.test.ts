import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { ManualClock, makeTempDir, onEnd, type StubServer, startStubServer, waitUntil } from "@muster/testing";
import { RemoteReader } from "./remote-reader.ts";
import { RemoteWriter, type RemoteWriterOptions } from "./remote-writer.ts";
import { makeStep } from "./step-for-test.ts";

type Answer = (response: ServerResponse) => void;
const status =
  (code: number, headers: Record<string, string> = {}, body = ""): Answer =>
  (response) =>
    response.writeHead(code, headers).end(body);

const steps = (count: number) =>
  Array.from({ length: count }, (_, index) => makeStep({ id: `01agent${index}`, avg: { "system.uptime": index } }));

/** A store that gives the listed answers in turn, the last one from then on. */
async function openStore(scope: TestContext, answers: Answer[]): Promise<StubServer> {
  const store = await startStubServer((_request, response) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response);
  });
  onEnd(scope, () => store[Symbol.asyncDispose]());
  return store;
}

async function openWriter(scope: TestContext, store: StubServer, more: Partial<RemoteWriterOptions> = {}) {
  const clock = new ManualClock();
  const reports: string[] = [];
  const writer = await RemoteWriter.open({
    url: `${store.baseUrl}/api/v1/write`,
    credentials: {},
    labels: {},
    queueFolder: await makeTempDir(scope),
    queueBytes: 16 * 1024 * 1024,
    version: "1.2.3",
    clock,
    report: (message, details) => reports.push(`${message} ${JSON.stringify(details)}`),
    random: () => 1,
    ...more,
  });
  onEnd(scope, () => writer.close());
  return { writer, clock, reports };
}

const seen = (store: StubServer, count: number) =>
  waitUntil(`${count} requests`, () => store.seen.length >= count, { explain: () => String(store.seen.length) });

describe("remote write", () => {
  test("says what the protocol demands, and who we are", async (scope) => {
    const store = await openStore(scope, [status(204)]);
    const { writer } = await openWriter(scope, store, { credentials: { token: "secret" } });
    await writer.take(steps(1));
    await waitUntil("a sent step", () => writer.counters.sent === 1);
    const { method, url, headers } = store.seen[0] ?? {};
    assert.deepEqual([method, url], ["POST", "/api/v1/write"]);
    assert.equal(headers?.["content-type"], "application/x-protobuf");
    assert.equal(headers?.["content-encoding"], "snappy");
    assert.equal(headers?.["x-prometheus-remote-write-version"], "0.1.0");
    assert.equal(headers?.["user-agent"], "muster/1.2.3");
    assert.equal(headers?.authorization, "Bearer secret");
  });

  test("a user and a password go as basic authentication", async (scope) => {
    const store = await openStore(scope, [status(204)]);
    const { writer } = await openWriter(scope, store, { credentials: { user: "muster", password: "pässword" } });
    await writer.take(steps(1));
    await seen(store, 1);
    const [, text = ""] = store.seen[0]?.headers.authorization?.split(" ") ?? [];
    assert.equal(Buffer.from(text, "base64").toString(), "muster:pässword");
  });

  test("5xx is repeated with growing pauses, and the same steps arrive in the end", async (scope) => {
    const store = await openStore(scope, [status(500), status(503), status(502), status(204)]);
    const { writer, clock, reports } = await openWriter(scope, store);
    await writer.take(steps(3));
    for (const [index, pauseMs] of [500, 1000, 2000].entries()) {
      await waitUntil("a failure", () => writer.counters.failures === index + 1 && clock.pendingTimers > 1);
      clock.advance(pauseMs - 1);
      assert.equal(store.seen.length, index + 1);
      clock.advance(1);
      await seen(store, index + 2);
    }
    await waitUntil("an empty queue", () => writer.length === 0);
    assert.deepEqual(writer.counters, { sent: 3, failures: 3, refused: 0 });
    assert.equal(new Set(store.seen.map(({ body }) => body)).size, 1);
    assert.equal(reports.length, 1, "one report a minute");
  });

  test("429 waits as long as it is asked to", async (scope) => {
    const store = await openStore(scope, [status(429, { "retry-after": "60" }), status(204)]);
    const { writer, clock } = await openWriter(scope, store, { random: () => 0 });
    await writer.take(steps(1));
    await waitUntil("a failure", () => writer.counters.failures === 1 && clock.pendingTimers > 1);
    clock.advance(59_999);
    assert.equal(store.seen.length, 1);
    clock.advance(1);
    await waitUntil("a sent step", () => writer.counters.sent === 1);
  });

  test("a wrong password loses one request and then waits, so that most is there when somebody corrects it", async (scope) => {
    const store = await openStore(scope, [status(401, {}, "who are\u001b[31m you"), status(204)]);
    const { writer, clock, reports } = await openWriter(scope, store);
    await writer.take(steps(100));
    await waitUntil("a refusal", () => writer.counters.refused === 48);
    assert.match(reports[0] ?? "", /refused steps.*"status":401,"reason":"who are \[31m you"/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(store.seen.length, 1);
    clock.advance(30_000);
    await waitUntil("the rest", () => writer.counters.sent === 52);
  });

  test("a batch that was halved and then fails goes on where it stopped", async (scope) => {
    const store = await openStore(scope, [status(400), status(204), status(503), status(204)]);
    const { writer, clock } = await openWriter(scope, store);
    await writer.take(steps(2));
    await waitUntil("a failure", () => writer.counters.failures === 1 && clock.pendingTimers > 1);
    clock.advance(500);
    await waitUntil("an empty queue", () => writer.length === 0);
    assert.deepEqual(writer.counters, { sent: 2, failures: 1, refused: 0 });
    const bodies = store.seen.map(({ body }) => body);
    assert.equal(bodies.length, 4);
    assert.equal(bodies[3], bodies[2]);
    assert.notEqual(bodies[2], bodies[1]);
  });

  test("a redirect is not followed: credentials go where the operator said and nowhere else", async (scope) => {
    const elsewhere = await openStore(scope, [status(204)]);
    const store = await openStore(scope, [status(307, { location: elsewhere.baseUrl }), status(204)]);
    const { writer, clock } = await openWriter(scope, store, { credentials: { token: "secret" } });
    await writer.take(steps(1));
    await waitUntil("a failure", () => writer.counters.failures === 1 && clock.pendingTimers > 1);
    clock.advance(500);
    await waitUntil("a sent step", () => writer.counters.sent === 1);
    assert.equal(elsewhere.seen.length, 0);
  });

  test("a store that never answers is given up after 30 s, and one that answers without end at once", async (scope) => {
    const endless: Answer = (response) => {
      response.writeHead(200).write("x".repeat(80_000));
    };
    const store = await openStore(scope, [() => {}, endless, status(204)]);
    const { writer, clock, reports } = await openWriter(scope, store);
    await writer.take(steps(1));
    await seen(store, 1);
    clock.advance(30_000);
    await waitUntil("a failure", () => writer.counters.failures === 1 && clock.pendingTimers > 1);
    assert.match(reports[0] ?? "", /no answer in 30000 ms/);
    clock.advance(60_000);
    await waitUntil("another", () => writer.counters.failures === 2 && clock.pendingTimers > 1);
    clock.advance(60_000);
    await waitUntil("a sent step", () => writer.counters.sent === 1);
  });

  test("closing ends a request that is under way, and the steps stay in the queue", async (scope) => {
    const store = await openStore(scope, [() => {}]);
    const queueFolder = await makeTempDir(scope);
    const { writer, clock } = await openWriter(scope, store, { queueFolder });
    await writer.take(steps(2));
    await seen(store, 1);
    await writer.close();
    assert.equal(clock.pendingTimers, 0);
    const { writer: next } = await openWriter(scope, await openStore(scope, [status(204)]), { queueFolder });
    await waitUntil("the steps", () => next.counters.sent === 2);
  });
});

describe("reading back", () => {
  const grid = { agentId: '01"x', names: ["system.uptime"], from: 1_700_000_000_000, stepMs: 10_000, steps: 3 };
  const matrix = (values: unknown) =>
    JSON.stringify({
      status: "success",
      data: { resultType: "matrix", result: [{ metric: { metric: "system.uptime" }, values }] },
    });

  async function openReader(scope: TestContext, answers: Answer[]) {
    const store = await openStore(scope, answers);
    const clock = new ManualClock();
    const reports: string[] = [];
    const report = (message: string, details: object) => void reports.push(`${message} ${JSON.stringify(details)}`);
    const reader = new RemoteReader({ url: `${store.baseUrl}/prefix/`, credentials: {}, version: "0", clock, report });
    onEnd(scope, () => reader.close());
    return { store, clock, reports, reader };
  }

  test("asks once per aggregate, at the ends of steps, and puts values where they belong", async (scope) => {
    const body = matrix([
      [1_700_000_010, "1.5"],
      [1_700_000_030, "NaN"],
      [1_700_000_900, "9"],
    ]);
    const { store, reader } = await openReader(scope, [status(200, {}, body)]);
    const found = await reader.read(grid);
    assert.deepEqual(found?.get("system.uptime"), {
      avg: [1.5, null, null],
      min: [1.5, null, null],
      max: [1.5, null, null],
    });
    assert.equal(store.seen.length, 3);
    const asked = new URLSearchParams(store.seen[0]?.body);
    assert.equal(store.seen[0]?.url, "/prefix/api/v1/query_range");
    assert.deepEqual([asked.get("start"), asked.get("end"), asked.get("step")], ["1700000010", "1700000030", "10"]);
    assert.match(asked.get("query") ?? "", /\{agent_id="01\\"x"\}\[10000ms\]/);
  });

  test("a store that is away or talks nonsense is left alone for 10 s, and the log says why", async (scope) => {
    const { store, clock, reports, reader } = await openReader(scope, [
      status(200, {}, '{"data":{"resultType":"vector"}}'),
    ]);
    assert.equal(await reader.read(grid), undefined);
    assert.match(reports[0] ?? "", /no matrix/);
    const asked = store.seen.length;
    assert.equal(await reader.read(grid), undefined);
    assert.equal(store.seen.length, asked);
    clock.advance(10_000);
    assert.equal(await reader.read(grid), undefined);
    assert.ok(store.seen.length > asked);
  });
});
