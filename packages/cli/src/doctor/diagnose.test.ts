import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { type Clock, systemClock } from "@muster/core";
import { collectAll } from "@muster/sdk";
import { answerJson, type Scope, startStubServer } from "@muster/testing";
import { diagnose } from "./diagnose.ts";

interface Behaviour {
  /** The status that answers an upgrade; 101 accepts. */
  readonly upgrade?: number;
  readonly health?: number;
  readonly me?: number;
}

async function startServer(scope: Scope, behaviour: Behaviour = {}) {
  const server = await startStubServer((request, response) => {
    if (request.url === "/healthz") return answerJson(response, { status: "ok", checks: {} }, behaviour.health ?? 200);
    return answerJson(response, { name: "admin", role: "admin" }, behaviour.me ?? 200);
  });
  server.server.on("upgrade", (request, socket) => {
    const good = request.url?.includes("token=tkn_good");
    socket.end(
      `HTTP/1.1 ${good ? 101 : (behaviour.upgrade ?? 401)} X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
  });
  scope.after(() => server[Symbol.asyncDispose]());
  return server.baseUrl;
}

async function statesOf(server: string, token?: string, clock: Clock = systemClock) {
  const findings = await collectAll(diagnose({ server, clock, ...(token !== undefined && { token }) }));
  return Object.fromEntries(findings.map((finding) => [finding.hop, finding.state]));
}

const WELL = { DNS: "ok", TCP: "ok", HTTP: "ok", clock: "ok", upgrade: "ok" };

test("a good way is ok at every hop, with a program's token and with an agent's", async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await statesOf(server, "mst_1"), { ...WELL, token: "ok" });
  assert.deepEqual(await statesOf(server, "tkn_good"), { ...WELL, token: "ok" });
  assert.deepEqual(await statesOf(server), { ...WELL, token: "skipped" });
});

test("a token that is refused is the hop that failed", async (t) => {
  const server = await startServer(t, { me: 401 });
  assert.deepEqual(await statesOf(server, "mst_1"), { ...WELL, token: "failed" });
  assert.deepEqual(await statesOf(server, "tkn_bad"), { ...WELL, token: "failed" });
});

test("a name without an address fails at DNS and the rest is not tried", async () => {
  const states = await statesOf("http://nobody.invalid:9999");
  assert.deepEqual(states, {
    DNS: "failed",
    TCP: "skipped",
    HTTP: "skipped",
    clock: "skipped",
    upgrade: "skipped",
    token: "skipped",
  });
});

test("a port where nobody listens fails at TCP", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const address = closed.address();
  closed.close();
  await once(closed, "close");
  const states = await statesOf(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
  assert.equal(states.TCP, "failed");
});

test("https on a port without TLS fails at TLS", async (t) => {
  const server = await startServer(t);
  const states = await statesOf(server.replace("http:", "https:"));
  assert.deepEqual([states.TCP, states.TLS, states.HTTP], ["ok", "failed", "skipped"]);
});

test("something else that answers there fails at HTTP", async (t) => {
  const other = await startStubServer((_, response) => void response.end("<html>welcome</html>"));
  t.after(() => other[Symbol.asyncDispose]());
  assert.equal((await statesOf(other.baseUrl)).HTTP, "failed");
});

test("a server that is not well is a warning and the way goes on", async (t) => {
  assert.deepEqual(await statesOf(await startServer(t, { health: 503 }), "mst_1"), {
    ...WELL,
    HTTP: "warning",
    token: "ok",
  });
});

test("a proxy that does not pass upgrades fails at the upgrade", async (t) => {
  const states = await statesOf(await startServer(t, { upgrade: 400 }), "mst_1");
  assert.deepEqual([states.upgrade, states.token], ["failed", "skipped"]);
});

test("a clock that is far off is a warning", async (t) => {
  const slow = { ...systemClock, now: () => systemClock.now() - 60_000 };
  assert.equal((await statesOf(await startServer(t), undefined, slow)).clock, "warning");
});
