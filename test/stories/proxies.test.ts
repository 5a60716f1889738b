import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import type { AuditEntry, Command, LiveEvent, Page } from "@muster/core/resources";
import {
  findFreePort,
  missingNats,
  missingPostgres,
  onEnd,
  type RunningServer,
  startAgent,
  startNats,
  startPostgres,
  startServer,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { WebSocket } from "ws";
import { submit, waitForAgent, waitForOutput, waitForRun } from "../support/fleet.ts";
import {
  callProxy,
  missingProxy,
  type ProxyAnswer,
  type ProxyName,
  type RunningProxy,
  startProxy,
} from "../support/proxies.ts";

/** Callers through the proxy come from here; the proxy itself is 127.0.0.1. */
const CALLER = "127.0.0.9";
const DECLARED = ["--trusted-proxies", "127.0.0.1/32"];
const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

interface Fronted {
  readonly server: RunningServer;
  readonly proxy: RunningProxy;
}

/** A server behind the documented proxy. */
async function startBehind(context: TestContext, name: ProxyName, flags: readonly string[]): Promise<Fronted> {
  const port = await findFreePort();
  const server = await startServer(context, { flags: ["--public-url", `https://127.0.0.1:${port}`, ...flags] });
  return { server, proxy: await startProxy(context, { name, port, servers: [server.port] }) };
}

function logIn({ server, proxy }: Fronted, origin: string, password = server.adminPassword): Promise<ProxyAnswer> {
  const body = { username: "admin", password };
  return callProxy(proxy, { method: "POST", path: "/fleet/v1/login", headers: { origin }, body, from: CALLER });
}

/** Opens the live stream as a console does and answers the first events, up to the present state. */
async function watchFleet(context: TestContext, proxy: RunningProxy, cookie: string): Promise<LiveEvent[]> {
  const socket = new WebSocket(`${proxy.url.replace("https", "wss")}/fleet/v1/live`, {
    ca: readFileSync(proxy.certificate),
    headers: { cookie, origin: proxy.url },
  });
  onEnd(context, () => socket.terminate());
  const events: LiveEvent[] = [];
  socket.on("message", (bytes) => void events.push(JSON.parse(String(bytes)) as LiveEvent));
  await once(socket, "open");
  socket.send(JSON.stringify({ op: "fleet", sub: 1 }));
  await waitUntil("the present state", () => events.some((event) => event.event === "ready"));
  return events;
}

async function lastAudit(server: RunningServer, action: string): Promise<AuditEntry | undefined> {
  const page = await server.call<Page<AuditEntry>>("GET", `audit?action=${action}&limit=1`);
  return page.items[0];
}

for (const name of ["nginx", "haproxy"] as const) {
  describe(`the ${name} of docs/operations.md`, unlessMissing(missingProxy(name)), () => {
    test("lets agents, commands, people and the live stream through, and says who they are", async (context) => {
      const fronted = await startBehind(context, name, DECLARED);
      const { server, proxy } = fronted;
      await startAgent(context, { ...server, url: proxy.url }, { id: "far", flags: ["--tls-ca", proxy.certificate] });
      const agent = await waitForAgent(server, "far");
      const run = await submit(server, agent, "echo first; sleep 1; echo last");
      await waitForOutput(server, run, /first/);
      assert.equal((await waitForRun(server, run)).status, "succeeded");

      const login = await logIn(fronted, proxy.url);
      assert.equal(login.status, 200, login.text);
      const [setCookie = ""] = login.headers["set-cookie"] ?? [];
      assert.match(setCookie, /; Secure/, "the browser's connection is encrypted, though not the one to Muster");
      assert.equal((await lastAudit(server, "login"))?.address, CALLER);
      const cookie = setCookie.split(";")[0] ?? "";
      const me = await callProxy(proxy, { path: "/fleet/v1/me", headers: { cookie } });
      assert.equal(me.status, 200, me.text);
      assert.match((await callProxy(proxy, { path: "/" })).text, /<html/);
      const events = await watchFleet(context, proxy, cookie);
      assert.ok(events.some((event) => event.event === "counts" && event.counts.online === 1));

      const elsewhere = "https://elsewhere.example";
      assert.equal((await logIn(fronted, elsewhere)).status, 403);
      const foreign = { path: "/fleet/v1/live", headers: { ...UPGRADE, cookie, origin: elsewhere } };
      assert.equal((await callProxy(proxy, foreign)).status, 403);
    });

    test("leaves a door that goes by addresses closed to everybody else, whatever they write into the headers", async (context) => {
      const { proxy } = await startBehind(context, name, [...DECLARED, "--door", "node=127.0.0.1/32"]);
      const path = "/api/v1/nodes";
      assert.equal((await callProxy(proxy, { path, from: "127.0.0.1" })).status, 200);
      for (const headers of [{}, { "x-forwarded-for": "127.0.0.1" }, { forwarded: "for=127.0.0.1" }]) {
        const answer = await callProxy(proxy, { path, headers, from: CALLER });
        assert.equal(answer.status, 403, answer.text);
        assert.match(answer.text, /closed to your address/);
        const socket = await callProxy(proxy, {
          path: "/api/v1/ws",
          headers: { ...UPGRADE, ...headers },
          from: CALLER,
        });
        assert.equal(socket.status, 403);
      }
    });

    test("is itself the caller until it is declared, and then such a door refuses all that comes through it", async (context) => {
      const fronted = await startBehind(context, name, ["--door", "node=loopback"]);
      const { server, proxy } = fronted;
      const answer = await callProxy(proxy, { path: "/api/v1/nodes", from: "127.0.0.1" });
      assert.equal(answer.status, 403);
      assert.match(answer.text, /the proxy is not declared/);
      assert.equal((await fetch(`${server.url}/api/v1/nodes`)).status, 200);
      await logIn(fronted, proxy.url, "a wrong password");
      const audit = await lastAudit(server, "login");
      assert.deepEqual([audit?.outcome, audit?.address], ["refused", "127.0.0.1"]);
    });
  });
}

const missing = missingProxy("haproxy") ?? missingPostgres() ?? missingNats();

test("behind haproxy two servers are one: nobody has to come back to the same, and one may die", {
  timeout: 240_000,
  ...unlessMissing(missing),
}, async (context) => {
  const [postgres, nats] = await Promise.all([startPostgres(context), startNats(context)]);
  const port = await findFreePort();
  const engines = ["--database", await postgres.createDatabase(context), "--bus", nats.url];
  const flags = [...engines, ...DECLARED, "--public-url", `https://127.0.0.1:${port}`];
  const left = await startServer(context, { flags });
  const right = await startServer(context, { flags });
  const proxy = await startProxy(context, { name: "haproxy", port, servers: [left.port, right.port] });
  for (const id of ["one", "two", "three", "four"]) {
    await startAgent(context, { ...left, url: proxy.url }, { id, flags: ["--tls-ca", proxy.certificate] });
  }
  const agents = await Promise.all(["one", "two", "three", "four"].map((id) => waitForAgent(left, id)));
  const login = await logIn({ server: left, proxy }, proxy.url);
  const cookie = login.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const runEverywhere = async () => {
    // connections are not kept, so these requests go to both servers in turn
    const sent = await callProxy(proxy, {
      method: "POST",
      path: "/fleet/v1/commands",
      headers: { cookie, origin: proxy.url },
      body: { text: "echo done", targets: { ids: agents.map((agent) => agent.id) } },
    });
    assert.equal(sent.status, 201, sent.text);
    const { id } = JSON.parse(sent.text) as Command;
    await waitUntil(
      "the command to succeed",
      async () => {
        const answer = await callProxy(proxy, { path: `/fleet/v1/commands/${id}`, headers: { cookie } });
        return answer.status === 200 && (JSON.parse(answer.text) as Command).counts.succeeded === agents.length;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  };
  for (let round = 0; round < 3; round++) await runEverywhere();
  for (const server of [left, right]) {
    const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.apiToken}` } });
    assert.ok(Number(/muster_agents_connected (\d+)/.exec(await metrics.text())?.[1]) > 0, "both have agents");
  }
  await right.process.stop("SIGKILL");
  await runEverywhere();
});
