import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { type Point, systemClock } from "@muster/core";
import { makeTempDir, onEnd, type Scope, waitUntil } from "@muster/testing";
import { PointForwarder } from "./point-forwarder.ts";

interface Received {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A place to forward to, which answers what the test says: first come the given statuses, then `status`. */
async function openTarget(scope: Scope) {
  const target = {
    received: [] as Received[],
    accepted: [] as Received[],
    statuses: [] as number[],
    status: 200,
    url: "",
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = gunzipSync(Buffer.concat(parts)).toString();
      const received = { url: request.url ?? "", headers: request.headers, body };
      target.received.push(received);
      const status = target.statuses.shift() ?? target.status;
      if (status < 300) target.accepted.push(received);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  target.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onEnd(scope, () => {
    server.closeAllConnections();
    server.close();
  });
  return target;
}

async function openForwarder(scope: Scope, how: { url: string; folder?: string; token?: string }) {
  const reports: string[] = [];
  const forwarder = await PointForwarder.open({
    url: how.url,
    token: how.token,
    queueFolder: how.folder ?? (await makeTempDir(scope)),
    queueBytes: 1024 * 1024,
    version: "0",
    clock: systemClock,
    report: (message) => reports.push(message),
    random: () => 0,
  });
  return Object.assign(forwarder, { reports });
}

const point = (f: number): Point => ({ measurement: "m", tags: { host: "h" }, fields: { f }, timeNs: 5n });

describe("forwarding", () => {
  test("a DataWay gets every category on its own path, in order, with the token in a header", async (scope) => {
    const target = await openTarget(scope);
    const forwarder = await openForwarder(scope, { url: `${target.url}/base?x=1`, token: "tkn_up" });
    await forwarder.take("metric", [point(1), point(2)]);
    await forwarder.take("logging", [point(3)]);
    await waitUntil("both to arrive", () => forwarder.counters.sent === 3);
    assert.deepEqual(
      target.received.map(({ url, body }) => [url, body]),
      [
        ["/base/v1/write/metric?x=1&precision=n", "m,host=h f=1 5\nm,host=h f=2 5\n"],
        ["/base/v1/write/logging?x=1&precision=n", "m,host=h f=3 5\n"],
      ],
    );
    assert.equal(target.received[0]?.headers["x-token"], "tkn_up");
    await forwarder.close();
    assert.equal(forwarder.counters.sent, 3);
  });

  test("an InfluxDB gets measurements only", async (scope) => {
    const target = await openTarget(scope);
    target.status = 204;
    const forwarder = await openForwarder(scope, { url: `influx+${target.url}/?db=telegraf`, token: "t" });
    await forwarder.take("logging", [point(1)]);
    await forwarder.take("metric", [point(2)]);
    await waitUntil("it to arrive", () => forwarder.counters.sent === 1);
    assert.equal(target.received[0]?.url, "/write?db=telegraf&precision=ns");
    assert.equal(target.received[0]?.headers.authorization, "Token t");
    assert.equal(forwarder.counters.skipped, 1);
    await forwarder.close();
  });

  test("what is refused is dropped and counted, what fails is repeated until it is taken", async (scope) => {
    const target = await openTarget(scope);
    target.statuses = [400, 503, 200, 429, 200];
    const forwarder = await openForwarder(scope, { url: target.url });
    for (const f of [1, 2, 3]) await forwarder.take("metric", [point(f)]);
    await waitUntil("all to be done", () => forwarder.counters.sent === 2, { timeoutMs: 10_000 });
    assert.deepEqual(
      target.accepted.map(({ body }) => body),
      ["m,host=h f=2 5\n", "m,host=h f=3 5\n"],
    );
    assert.deepEqual(forwarder.counters, { sent: 2, refused: 1, failures: 2, skipped: 0 });
    await forwarder.close();
  });

  test("a wrong token or address keeps everything, in order, and says so", async (scope) => {
    const target = await openTarget(scope);
    target.statuses = [401, 403, 404, 408];
    const forwarder = await openForwarder(scope, { url: target.url });
    for (const f of [1, 2]) await forwarder.take("metric", [point(f)]);
    await waitUntil("all to be done", () => forwarder.counters.sent === 2, { timeoutMs: 10_000 });
    assert.deepEqual(
      target.accepted.map(({ body }) => body),
      ["m,host=h f=1 5\n", "m,host=h f=2 5\n"],
    );
    assert.deepEqual(forwarder.counters, { sent: 2, refused: 0, failures: 4, skipped: 0 });
    assert.deepEqual(forwarder.reports, ["forwarding fails and is repeated"]);
    await forwarder.close();
  });

  test("a category that the other side has no path for holds nothing up", async (scope) => {
    const target = await openTarget(scope);
    target.statuses = [404, 200];
    const forwarder = await openForwarder(scope, { url: target.url });
    await forwarder.take("network", [point(1)]);
    await forwarder.take("metric", [point(2)]);
    await waitUntil("the second to arrive", () => forwarder.counters.sent === 1);
    assert.deepEqual(forwarder.counters, { sent: 1, refused: 1, failures: 0, skipped: 0 });
    await forwarder.close();
  });

  test("what could not be sent is sent by the next process, in order", async (scope) => {
    const target = await openTarget(scope);
    target.status = 500;
    const folder = await makeTempDir(scope);
    const first = await openForwarder(scope, { url: target.url, folder });
    for (const f of [1, 2, 3]) await first.take("metric", [point(f)]);
    await waitUntil("a first try", () => first.counters.failures > 0);
    await first.close();
    target.status = 200;
    const second = await openForwarder(scope, { url: target.url, folder });
    await waitUntil("all to arrive", () => second.counters.sent === 3);
    assert.deepEqual(
      target.accepted.map(({ body }) => body),
      ["m,host=h f=1 5\n", "m,host=h f=2 5\n", "m,host=h f=3 5\n"],
    );
    await second.close();
  });
});
