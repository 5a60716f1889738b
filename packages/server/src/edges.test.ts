import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SystemInfo } from "@muster/core/resources";
import { startTestServer } from "./api/test-server.ts";
import { databaseAway } from "./store/away.ts";

async function readSystem(server: Awaited<ReturnType<typeof startTestServer>>): Promise<SystemInfo> {
  const response = await server.request("GET", "/fleet/v1/system", { token: server.firstRun.apiToken });
  return (await response.json()) as SystemInfo;
}

const DOOR = {
  name: "node",
  peersSendToken: true,
  maxBodyBytes: 1000,
  waitingCount: 0,
  respond: async () => ({ status: 200 }),
  upgrade: async () => ({ refuse: { status: 404 } }),
};

describe("edges", () => {
  test("tell the operator which doors are open to whom", async (context) => {
    const argv = ["--door", "node=10.0.0.0/8"];
    const server = await startTestServer(context, { argv, doors: [DOOR] });
    const { doors, warnings } = await readSystem(server);
    assert.deepEqual(doors, [
      {
        name: "node",
        policy: "10.0.0.0/8",
        openTo: "addresses in 10.0.0.0/8, without a token",
        listeners: ["main"],
        connections: 0,
      },
    ]);
    assert.deepEqual(
      warnings.map((warning) => warning.code),
      ["open_door", "local_only"],
    );
    assert.ok(server.log.some((line) => line.code === "open_door" && line.level === 40));
  });

  test("warn of the published token and of passwords on an open wire", async (context) => {
    const argv = ["--allow-default-token", "--host", "0.0.0.0"];
    const server = await startTestServer(context, { argv });
    const codes = (await readSystem(server)).warnings.map((warning) => warning.code);
    assert.deepEqual(codes, ["default_token", "no_tls"]);
  });

  test("a revoked enrolment token sends its agents away", async (context) => {
    const server = await startTestServer(context);
    const { id, token } = await server.access.enrollment.create({ name: "hosts" }, "test");
    const tokenId = server.access.checkEnrollment(token);
    assert.ok(tokenId);
    const evicted: string[] = [];
    const peer = {
      onWork() {},
      onCancel() {},
      onSamplesStored() {},
      onBeatInterval() {},
      onDrain() {},
      onEvicted: (reason: string) => void evicted.push(reason),
    };
    const hello = {
      protocol: "node",
      externalId: "a",
      facts: {},
      remoteAddress: "127.0.0.1",
      capabilities: new Set([]),
    };
    await server.fleet.sessions.open({ ...hello, tokenId }, peer);
    await server.fleet.sessions.open({ ...hello, externalId: "b", tokenId: null }, peer);
    const path = `/fleet/v1/enrollment-tokens/${id}`;
    assert.equal((await server.request("DELETE", path, { token: server.firstRun.apiToken })).status, 204);
    assert.equal(evicted.length, 1);
  });

  test("a store that does not answer makes the server not ready, and a draining one too", async (context) => {
    const server = await startTestServer(context);
    assert.equal((await server.request("GET", "/readyz")).status, 200);
    const ping = context.mock.method(server.store, "ping", () => Promise.reject(new Error("gone")));
    const response = await server.request("GET", "/readyz");
    assert.equal(response.status, 503);
    assert.deepEqual(((await response.json()) as { checks: object }).checks, {
      database: "does not answer",
      bus: "ok",
      process: "ok",
    });
    ping.mock.restore();
    assert.equal((await server.request("GET", "/healthz")).status, 200);
    server.edges.stopAccepting();
    await assert.rejects(server.request("GET", "/readyz"));
  });

  test("a store that hangs makes the server not ready before a load balancer loses patience", async (context) => {
    const server = await startTestServer(context);
    context.mock.method(server.store, "ping", () => new Promise<never>(() => {}));
    const askedAt = performance.now();
    assert.equal((await server.request("GET", "/readyz")).status, 503);
    assert.ok(performance.now() - askedAt < 4000);
  });

  test("while the store is away a token that it knew reads the numbers, and what needs the store says when to come back", async (context) => {
    const server = await startTestServer(context);
    const token = server.firstRun.apiToken;
    assert.equal((await server.request("GET", "/metrics", { token })).status, 200);
    const away = () => {
      throw databaseAway(undefined);
    };
    context.mock.method(server.store.db, "selectFrom", away);
    context.mock.method(server.store.db, "transaction", away);
    assert.equal((await server.request("GET", "/metrics", { token })).status, 200);
    const stranger = await server.request("GET", "/metrics", { token: `mst_${"0".repeat(64)}` });
    assert.equal(stranger.status, 503);
    const body = { text: "true", targets: { all: true } };
    const refused = await server.request("POST", "/fleet/v1/commands", { token, body });
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  });
});
