import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gunzipSync } from "node:zlib";
import type { Point } from "@muster/core";
import { ManualClock, makeTempDir, onEnd, type Scope, settle, waitUntil } from "@muster/testing";
import { createLogger } from "../log.ts";
import { PointQueue } from "./point-queue.ts";
import { PointSender } from "./sender.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Taken {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly lines: string;
}

/** A server that takes points and answers with the statuses it is given, 204 when there are none left. */
async function startServer(scope: Scope, statuses: (number | "cut" | { status: number; after: number })[] = []) {
  const requests: Taken[] = [];
  const answer = (response: ServerResponse) => {
    const next = statuses.shift() ?? 204;
    if (next === "cut") return response.destroy();
    if (typeof next === "number") return response.writeHead(next).end(next === 204 ? undefined : '{"message":"why"}');
    return response.writeHead(next.status, { "retry-after": String(next.after) }).end();
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const lines = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      requests.push({ path: request.url ?? "", headers: request.headers, lines: lines.toString() });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onEnd(scope, () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

async function startSender(scope: Scope, urls: readonly string[], folder?: string) {
  const clock = new ManualClock();
  const log: string[] = [];
  const queue = PointQueue.open({
    folder: folder ?? (await makeTempDir(scope)),
    onAdded: () => sender.notice(),
    onDropped: () => {},
  });
  const sender = new PointSender({
    queue,
    servers: urls.map((url) => ({ url, token: "tkn_1" })),
    agentId: "agent-1",
    userAgent: "muster-agent/test",
    authorities: undefined,
    clock,
    log: createLogger({ level: "debug", clock, write: (line) => log.push(line) }),
    random: () => 0.5,
  });
  sender.start();
  onEnd(scope, async () => {
    const stopping = sender.stop(0);
    await clock.advanceAndSettle(1);
    await stopping;
  });
  /** Lets time pass until something is so. */
  const until = (what: string, check: () => boolean, stepMs = 100) =>
    waitUntil(what, async () => {
      if (check()) return true;
      await clock.advanceAndSettle(stepMs);
      return check();
    });
  return { queue, sender, clock, log, until };
}

const point = (value: number, text?: string): Point => ({
  measurement: "m",
  tags: {},
  fields: { value, ...(text === undefined ? {} : { text }) },
  timeNs: BigInt(value),
});

test("points that come together go together, with token and id, packed when it pays", async (scope) => {
  const server = await startServer(scope);
  const { queue, until, sender } = await startSender(scope, [server.url]);
  await Promise.all([
    queue.add("metric", [point(1)]),
    queue.add("metric", [point(2)]),
    queue.add("logging", [point(3)]),
  ]);
  await until("two requests", () => server.requests.length === 2);
  const [metric, logging] = server.requests;
  assert.deepEqual([metric?.path, metric?.lines], ["/v1/write/metric?precision=n", "m value=1 1\nm value=2 2\n"]);
  assert.deepEqual([metric?.headers["x-token"], metric?.headers["x-datakit-uuid"]], ["tkn_1", "agent-1"]);
  assert.equal(logging?.path, "/v1/write/logging?precision=n");
  await queue.add("logging", [point(4, "x".repeat(5000))]);
  await until("the third", () => server.requests.length === 3);
  assert.equal(server.requests[2]?.headers["content-encoding"], "gzip");
  assert.match(server.requests[2]?.lines ?? "", /x{5000}" 4\n$/);
  await until("everything sent", () => queue.bytes === 0);
  assert.deepEqual(sender.counts, { sent: 4, refused: 0 });
});

test("a server that fails gets the same points again, later and later; one that breaks off too", async (scope) => {
  const server = await startServer(scope, [500, 503, "cut", 500]);
  const { queue, until, clock, sender } = await startSender(scope, [server.url]);
  await queue.add("metric", [point(1)]);
  const times: number[] = [];
  for (let count = 1; count <= 5; count++) {
    await until(`request ${count}`, () => server.requests.length >= count);
    times.push(clock.monotonic());
  }
  await until("everything sent", () => queue.bytes === 0);
  const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  assert.ok(waits[0] !== undefined && waits[0] >= 1000, String(waits));
  assert.ok((waits[3] ?? 0) > (waits[0] ?? 0), String(waits));
  assert.ok(server.requests.every((request) => request.lines === "m value=1 1\n"));
  const ids = new Set(server.requests.map((request) => request.headers["x-pkg-id"]));
  assert.match([...ids].join(), /^dk_[0-9a-f]{20}$/, "one batch has one id");
  assert.deepEqual(sender.counts, { sent: 1, refused: 0 });
});

test("4xx drops the batch and counts it; a refused token, too many requests and a timeout keep it", async (scope) => {
  const server = await startServer(scope, [400, 401, 403, { status: 429, after: 7 }, 408]);
  const { queue, until, clock, sender, log } = await startSender(scope, [server.url]);
  await queue.add("metric", [point(1), point(2)]);
  await until("the refusal", () => sender.counts.refused === 2);
  assert.match(log.join(""), /points were refused and dropped.*400.*why/);
  await queue.add("metric", [point(3)]);
  await until("429", () => server.requests.length === 4, 1000);
  const asked = clock.monotonic();
  await until("408", () => server.requests.length === 5);
  // the manual clock runs on while requests are on their way; without being told it would have been 1.5 s
  assert.ok(clock.monotonic() - asked >= 5000, "it waits as long as it is told");
  await until("everything sent", () => queue.bytes === 0);
  assert.deepEqual(sender.counts, { sent: 1, refused: 2 });
});

test("several servers are tried in turn", async (scope) => {
  const down = "http://127.0.0.1:1";
  const failing = await startServer(scope, Array(100).fill(500));
  const good = await startServer(scope);
  const { queue, until, clock } = await startSender(scope, [down, failing.url, good.url]);
  await queue.add("metric", [point(1)]);
  await until("it is taken", () => good.requests.length === 1);
  assert.ok(clock.monotonic() < 1000, "without a wait inside a round");
  await queue.add("metric", [point(2)]);
  await until("the next as well", () => good.requests.length === 2);
  assert.equal(failing.requests.length, 1, "the one that took points stays the first");
});

test("a server that is away for days costs no memory, keeps the order, and gets everything afterwards", async (scope) => {
  const folder = await makeTempDir(scope);
  const away = await startSender(scope, ["http://127.0.0.1:1"], folder);
  const text = "x".repeat(1000);
  const add = async (from: number, to: number) => {
    for (let day = from; day < to; day++) {
      await away.queue.add(
        "logging",
        Array.from({ length: 100 }, (_, index) => point(day * 100 + index, text)),
      );
      await away.clock.advanceAndSettle(3_600_000);
    }
  };
  await add(0, 20);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await add(20, 100);
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(away.queue.bytes > 9_000_000);
  assert.ok(grown < 4_000_000, `${grown} bytes of heap for ${away.queue.bytes} on the disk`);
  const stopping = away.sender.stop(0);
  await away.clock.advanceAndSettle(10);
  await stopping;
  await away.queue.close();

  const server = await startServer(scope);
  const back = await startSender(scope, [server.url], folder);
  await back.until("everything sent", () => back.queue.bytes === 0);
  const values = server.requests.flatMap((request) =>
    [...request.lines.matchAll(/ (\d+)\n/g)].map((match) => Number(match[1])),
  );
  assert.deepEqual(
    values,
    Array.from({ length: 10_000 }, (_, index) => index),
  );
});

test("at a stop what is there is still sent, and what cannot be sent stays", async (scope) => {
  const server = await startServer(scope);
  const folder = await makeTempDir(scope);
  const first = await startSender(scope, [server.url], folder);
  await first.queue.add("metric", [point(1)]);
  await first.sender.stop(2000);
  assert.equal(server.requests.length, 1);
  const second = await startSender(scope, ["http://127.0.0.1:1"], folder);
  await second.queue.add("metric", [point(2)]);
  await second.sender.stop(2000);
  await second.queue.close();
  await settle();
  assert.ok(second.queue.bytes > 0);
});
