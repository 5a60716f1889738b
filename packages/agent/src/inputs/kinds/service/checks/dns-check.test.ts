import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { onEnd, type Scope } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { dnsCheck } from "./dns-check.ts";

/** A name server that knows one name, has nothing but an address for it, and says nothing about `silent.test`. */
async function serveDns(scope: Scope): Promise<string> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const text = query.toString("latin1");
    if (text.includes("silent")) return;
    const isKnown = text.includes("\u0005known");
    const isAddress = query.readUInt16BE(query.length - 4) === 1 || text.includes("\u0000\u0001\u0000\u0001");
    const end = 12 + query.subarray(12).indexOf(0) + 5;
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    const hasAnswer = isKnown && isAddress;
    const head = Buffer.from([0, 0, 0x81, isKnown ? 0x80 : 0x83, 0, 1, 0, hasAnswer ? 1 : 0, 0, 0, 0, 0]);
    query.copy(head, 0, 0, 2);
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...(hasAnswer ? [answer] : [])]),
      from.port,
      from.address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onEnd(scope, () => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

test("answers are counted and held against what is expected; no such name is told apart from no answer", async (context) => {
  const server = await serveDns(context);
  const domains = ["known.test", "other.test", "silent.test"];
  const trial = await tryKind(context, dnsCheck, {
    options: { servers: [server], domains, expect: ["192.0.2.7"], timeout: "500ms" },
  });
  await trial.collect();
  const rows = Object.fromEntries(rowsOf(trial.points, "dns_check").map((row) => [row.domain, row]));
  const known = rows["known.test"];
  assert.deepEqual([known?.result, known?.answers, known?.rcode_value, known?.server], ["success", 1n, 0n, server]);
  assert.ok(Number(known?.query_time) > 0);
  assert.deepEqual([rows["other.test"]?.rcode_value, rows["other.test"]?.result], [3n, "mismatch"]);
  assert.equal(rows["other.test"]?.error, `${server} knows no other.test`);
  assert.deepEqual([rows["silent.test"]?.result, rows["silent.test"]?.rcode_value], ["timeout", undefined]);
  assert.deepEqual(findUndescribed(dnsCheck, trial.points), []);
});

test("another answer than the expected one, and a type without records, are mismatches", async (context) => {
  const server = await serveDns(context);
  for (const [options, error] of [
    [{ expect: ["192.0.2.8"] }, "the answer lacks 192.0.2.8"],
    [{ record_type: "AAAA" }, `${server} has no AAAA record of known.test`],
  ] as const) {
    const trial = await tryKind(context, dnsCheck, {
      options: { servers: [server], domains: ["known.test"], ...options },
    });
    await trial.collect();
    const [row] = rowsOf(trial.points, "dns_check");
    assert.deepEqual([row?.result, row?.error, row?.rcode_value], ["mismatch", error, 0n]);
  }
});
