import assert from "node:assert/strict";
import { test } from "node:test";
import { findProgram, makeTempDir, unlessMissing } from "@muster/testing";
import * as z from "zod/mini";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { createPing, parsePing, ping } from "./ping.ts";

const missing = findProgram("ping") === undefined ? "ping is not installed: apt-get install iputils-ping" : undefined;

test("reads the summaries of iputils, BusyBox and BSD", () => {
  const iputils = `3 packets transmitted, 2 received, 33.3333% packet loss, time 402ms
rtt min/avg/max/mdev = 0.25/0.5/1/0.125 ms`;
  const busybox = `4 packets transmitted, 4 packets received, 0% packet loss
round-trip min/avg/max = 0.055/0.073/0.094 ms`;
  assert.deepEqual(parsePing(iputils), {
    success: 1n,
    packets_transmitted: 3n,
    packets_received: 2n,
    packet_loss: 100 / 3,
    minimum_response: 0.00025,
    average_response: 0.0005,
    maximum_response: 0.001,
    standard_deviation: 0.000125,
  });
  assert.deepEqual([parsePing(busybox)?.packets_received, parsePing(busybox)?.standard_deviation], [4n, undefined]);
  const lost = parsePing("2 packets transmitted, 0 received, 100% packet loss, time 1020ms");
  assert.deepEqual([lost?.success, lost?.packet_loss, lost?.average_response], [0n, 100, undefined]);
  assert.equal(parsePing("ping: unknown host"), undefined);
});

test("this host answers, and a name that nobody has is a trouble", unlessMissing(missing), async (context) => {
  const trial = await tryKind(context, ping, { options: { hosts: ["127.0.0.1", "nowhere.invalid"], count: 2 } });
  await trial.collect();
  const [row, ...others] = rowsOf(trial.points, "ping");
  assert.deepEqual(
    [row?.url, row?.packets_transmitted, row?.packets_received, others.length],
    ["127.0.0.1", 2n, 2n, 0],
  );
  assert.match(trial.troubles[0] ?? "", /^ping nowhere\.invalid: /);
  assert.deepEqual(findUndescribed(ping, trial.points), []);
});

test("without the program it says so", async (context) => {
  const empty = await makeTempDir(context);
  const options = z.parse(ping.options, {}) as Parameters<typeof createPing>[0];
  const collector = createPing(options, {} as Parameters<typeof createPing>[1], [empty]);
  await assert.rejects(async () => collector.start?.(), /the program "ping" is not on this host/);
});

test("a host is never an option of the program", () => {
  const result = z.safeParse(ping.options, { hosts: ["-f"] });
  assert.equal(result.error?.issues[0]?.message, '"hosts[0]" must be the name or the address of a host');
});
