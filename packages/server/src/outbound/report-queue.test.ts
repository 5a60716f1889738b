import assert from "node:assert/strict";
import { appendFile, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "@muster/core";
import { ManualClock, makeTempDir, settle, startDatawayBackend, waitUntil } from "@muster/testing";
import { BackendReporter } from "./backend-reporter.ts";
import { DatawayBackend } from "./dataway-backend.ts";
import { ReportQueue } from "./report-queue.ts";

const MIB = 1024 * 1024;

describe("reports that wait for the backend", () => {
  test("are the newest of each DataKit, oldest first, and survive whoever wrote them", async (context) => {
    const path = join(await makeTempDir(context), "queue", "reports.jsonl");
    const queue = await ReportQueue.open(path, MIB);
    await queue.put("a", { n: 1 });
    await queue.put("b", { n: 2 });
    await queue.put("a", { n: 3 });
    await queue.put("c", { n: 4 });
    await queue.confirm(queue.peek(1));
    // nobody closed it, and the last line was cut
    await appendFile(path, '["d",{"n":');
    const again = await ReportQueue.open(path, MIB);
    assert.deepEqual(
      again.peek(10).map(({ id, report }) => [id, report]),
      [
        ["a", { n: 3 }],
        ["c", { n: 4 }],
      ],
    );
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await queue.close();
    await again.close();
  });

  test("one that was replaced while it was being told still waits", async (context) => {
    const queue = await ReportQueue.open(join(await makeTempDir(context), "reports.jsonl"), MIB);
    await queue.put("a", { n: 1 });
    const told = queue.peek(10);
    await queue.put("a", { n: 2 });
    await queue.confirm(told);
    assert.deepEqual(
      queue.peek(10).map(({ report }) => report),
      [{ n: 2 }],
    );
    await queue.close();
  });

  test("take no more than their share of the disk", async (context) => {
    const path = join(await makeTempDir(context), "reports.jsonl");
    const queue = await ReportQueue.open(path, 10_000);
    for (let round = 0; round < 30; round++) {
      for (let index = 0; index < 50; index++) await queue.put(`dkid_${index}`, { text: "x".repeat(1000), round });
    }
    assert.ok(queue.length < 10 && queue.dropped > 0);
    assert.ok((await readFile(path)).length < 400_000);
    await queue.close();
  });

  test("are repeated until the backend takes them, and the ids of those online are told as the original told them", async (context) => {
    const stub = await startDatawayBackend(context);
    const clock = new ManualClock();
    const options = { url: stub.url, token: "tkn_gateway", gatewayId: "agnt_x", version: "1", clock: systemClock };
    const backend = new DatawayBackend(options);
    const queue = await ReportQueue.open(join(await makeTempDir(context), "reports.jsonl"), MIB);
    const reporter = new BackendReporter({ backend, queue, clock, report: () => {} });
    stub.failWith = 503;
    await reporter.tell({ id: "a", status: "online" });
    await reporter.tell({ id: "b", status: "offline" });
    await waitUntil("a failure", () => reporter.counters.failures > 0);
    stub.failWith = undefined;
    await waitUntil("both to be taken", async () => {
      clock.advance(30_000);
      await settle();
      return reporter.counters.sent === 2;
    });
    assert.deepEqual(stub.online, ["a"]);
    assert.deepEqual(stub.reports, [
      { id: "a", status: "online" },
      { id: "b", status: "offline" },
    ]);
    const asked = stub.seen.find(({ url }) => url.startsWith("/v1/datakit/online"));
    assert.equal(asked?.url, "/v1/datakit/online?uuid=agnt_x&token=tkn_gateway");
    assert.deepEqual([asked?.headers["x-token"], asked?.headers["x-agent-uid"]], ["tkn_gateway", "agnt_x"]);
    // a wrong token loses nothing
    stub.failWith = 403;
    const failures = reporter.counters.failures;
    await reporter.tell({ id: "d", status: "online" });
    await waitUntil("another failure", () => reporter.counters.failures > failures);
    stub.failWith = undefined;
    await waitUntil("it to be taken", async () => {
      clock.advance(30_000);
      await settle();
      return reporter.counters.sent === 3;
    });
    // what is refused for good is dropped
    stub.failWith = 400;
    await reporter.tell({ id: "c", status: "online" });
    await waitUntil("the refusal", () => reporter.counters.refused === 1);
    assert.equal(queue.length, 0);
    await reporter.close();
    backend.close();
  });
});
