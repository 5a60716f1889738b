import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { MetricAnswer, Problem } from "@muster/core/resources";
import {
  missingPostgres,
  onEnd,
  type RunningServer,
  type Scope,
  startAgent,
  startPostgres,
  startServer,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { WebSocket } from "ws";
import { submit, waitForAgent, waitForRun } from "../support/fleet.ts";

const BEAT_MS = 250;

test("PostgreSQL goes away for a while: agents stay, people are told when to try again, and nothing is lost", {
  ...unlessMissing(missingPostgres()),
}, async (t) => {
  const postgres = await startPostgres(t);
  const server = await startServer(t, { flags: ["--database", await postgres.createDatabase(t)] });
  await startAgent(t, server, { id: "one" });
  const node = await connectNode(t, server, "two");
  const agent = await waitForAgent(server, "one");
  await waitForAgent(server, "two");

  await postgres.kill();
  const awayAt = Date.now();
  const acknowledged = node.acknowledged();
  const refused = await waitUntil("the API to say that the database is away", async () => {
    const answer = await ask(server, "/fleet/v1/agents");
    return answer.status === 503 && answer;
  });
  assert.equal((JSON.parse(refused.text) as Problem).code, "unavailable");
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  const ready = await ask(server, "/readyz");
  assert.deepEqual([ready.status, JSON.parse(ready.text).checks.database], [503, "does not answer"]);
  assert.equal((await ask(server, "/healthz")).status, 200);
  const rest = await ask(server, "/api/v1/nodes");
  assert.deepEqual([rest.status, JSON.parse(rest.text).error_code], [503, "DATABASE_ERROR"]);
  for (const answer of [refused, ready, rest]) assert.ok(!/ECONN|postgres|127\.0\.0\.1/.test(answer.text), answer.text);

  // longer than a step of history, so that a whole one lies in the time without a database
  await new Promise((resolve) => setTimeout(resolve, 21_000));
  assert.ok(node.acknowledged() - acknowledged > 21_000 / BEAT_MS / 2, "heartbeats are acknowledged all the time");
  await postgres.start();
  const backAt = Date.now();
  await waitForAgent(server, "one");
  const back = await waitForAgent(server, "two");
  await waitForRun(server, await submit(server, agent, "echo still here"), ["succeeded"]);
  assert.equal(node.isOpen(), true);
  assert.equal(server.process.exit, undefined);

  await waitUntil(
    "the history of the time without a database",
    async () => {
      const from = new Date(awayAt).toISOString();
      const to = new Date(backAt).toISOString();
      const path = `metrics?agentId=${back.id}&names=system.cpu.utilization&from=${from}&to=${to}&stepMs=10000`;
      const { series } = await server.call<MetricAnswer>("GET", path);
      return (series[0]?.avg.filter((value) => value !== null).length ?? 0) >= 2;
    },
    { timeoutMs: 30_000, everyMs: 500, explain: () => server.process.describe() },
  );
});

test("a server that starts before its database says so and ends, for its supervisor to try again", {
  ...unlessMissing(missingPostgres()),
}, async (t) => {
  const postgres = await startPostgres(t);
  const url = await postgres.createDatabase(t);
  await postgres.stop();
  const failed = await startServer(t, { flags: ["--database", url] }).catch((error: Error) => error);
  assert.match(String(failed), /the database does not answer/);
  assert.ok(!/at .*\.ts:\d+/.test(String(failed).split("--- stderr")[1] ?? ""), "without a stack");
  await postgres.start();
  await startServer(t, { flags: ["--database", url] });
});

/** An agent that beats fast and counts what is acknowledged. */
async function connectNode(scope: Scope, server: RunningServer, id: string) {
  const query = new URLSearchParams({ token: server.enrollmentToken, node_id: id });
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/ws?${query}`);
  await once(socket, "open");
  let acknowledged = 0;
  socket.on("message", (bytes) => {
    if ((JSON.parse(String(bytes)) as { type: string }).type === "heartbeat_ack") acknowledged += 1;
  });
  const send = (type: string, content: object) =>
    socket.send(JSON.stringify({ type, id: crypto.randomUUID(), timestamp: new Date().toISOString(), data: content }));
  send("node_register", { node_id: id, hostname: id, ip_address: "192.0.2.1", os_info: "Linux" });
  const beats = setInterval(() => send("heartbeat", { node_id: id, metrics: { cpu_usage: 25 } }), BEAT_MS);
  onEnd(scope, () => {
    clearInterval(beats);
    socket.terminate();
  });
  return { acknowledged: () => acknowledged, isOpen: () => socket.readyState === WebSocket.OPEN };
}

async function ask(server: RunningServer, path: string) {
  const headers = { authorization: `Bearer ${server.apiToken}` };
  const response = await fetch(`${server.url}${path}`, { headers, signal: AbortSignal.timeout(5000) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
