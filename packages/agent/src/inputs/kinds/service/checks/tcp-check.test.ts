import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { onEnd } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, serveTcp } from "../fakes-for-test.ts";
import { tcpCheck } from "./tcp-check.ts";

test("an open port is reached, a closed one refuses", async (context) => {
  const open = `127.0.0.1:${await serveTcp(context, () => {})}`;
  const closed = await findDeadPlace();
  const trial = await tryKind(context, tcpCheck, { options: { addresses: [open, closed] } });
  await trial.collect();
  const rows = Object.fromEntries(rowsOf(trial.points, "tcp_check").map((row) => [`${row.server}:${row.port}`, row]));
  assert.deepEqual([rows[open]?.result, rows[open]?.success], ["success", 1n]);
  assert.ok(Number(rows[open]?.connect_time) >= 0);
  assert.deepEqual([rows[closed]?.result, rows[closed]?.error], ["refused", `connection refused at ${closed}`]);
  assert.deepEqual(findUndescribed(tcpCheck, trial.points), []);
});

test("what is sent and expected: found in pieces, not found, or never answered", async (context) => {
  const polite = await serveTcp(context, (socket) => {
    socket.once("data", () => {
      socket.write("+PO");
      setTimeout(() => socket.write("NG\r\n"), 20);
    });
  });
  const rude = await serveTcp(context, (socket) => socket.end("go away"));
  const silent = await serveTcp(context, () => {});
  const addresses = [polite, rude, silent].map((port) => `127.0.0.1:${port}`);
  const options = { addresses, send: "PING\r\n", expect: "+PONG", timeout: "400ms" };
  const trial = await tryKind(context, tcpCheck, { options });
  await trial.collect();
  const results = Object.fromEntries(
    rowsOf(trial.points, "tcp_check").map((row) => [row.port, [row.result, row.string_found]]),
  );
  assert.deepEqual(results[polite], ["success", 1n]);
  assert.deepEqual(results[rude], ["mismatch", 0n]);
  assert.deepEqual(results[silent], ["timeout", undefined]);
});

test("over UDP an answer counts", async (context) => {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => socket.send(`echo ${bytes}`, from.port, from.address)).bind(0, "127.0.0.1");
  await once(socket, "listening");
  onEnd(context, () => void socket.close());
  const addresses = [`127.0.0.1:${socket.address().port}`, await findDeadPlace()];
  const trial = await tryKind(context, tcpCheck, {
    options: { addresses, protocol: "udp", send: "x", expect: "echo x" },
  });
  await trial.collect();
  const rows = rowsOf(trial.points, "tcp_check");
  assert.deepEqual(rows.map((row) => row.result).sort(), ["refused", "success"]);
});
